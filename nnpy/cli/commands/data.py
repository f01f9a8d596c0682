"""`nnpy data`: what a training would see of its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal

_MOST = 40  # classes and columns that are shown
_NAMES = {"train": "to train on", "validation": "for validation", "test": "for the test"}


@click.command(short_help="Show what a training would see of its data.")
@click.argument("config", type=click.Path(), metavar="CONFIG|RUN|PATH")
@options.overrides
@options.as_json
@click.pass_obj
def data(terminal: Terminal, config: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show what a training with CONFIG sees: examples, shapes, classes, columns, splits.

    Everything is read, decoded and split as for a training, and nothing is trained. Of a RUN
    it is its data; of a PATH, a folder or a file of data, what `nnpy init --from PATH` takes it
    for.

    Statistics are of the training examples. What looks odd is told with what would help.
    """
    from nnpy import api
    from nnpy.cli.progress import TerminalProgress

    terminal.quiet()
    watched = TerminalProgress(terminal)
    try:
        found = api.look(config, overrides=overrides, on_data=watched.on_data)
    finally:
        watched.on_exit()
    if as_json:
        terminal.result(found)
        return
    for text in _told(found):
        terminal.result(text)


def _told(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [["source", f"{found['source']}: {found['place']}"]]
    sizes = found["splits"].items()
    rows.append(["examples", ", ".join(f"{count:,} {_NAMES[name]}" for name, count in sizes)])
    for each in found["inputs"]:
        rows.append([f"input {each['name']}".rstrip(), _range(each)])
    for each in found["targets"]:
        rows.append([f"target {each['name']}".rstrip(), each["words"]])
        if each["why"]:
            rows.append(["", each["why"]])
    width = max(len(name) for name, _ in rows)
    yield "\n".join(f"{name:<{width}}  {text}" for name, text in rows)
    for each in found["targets"]:
        if table := _classes(each):
            yield f"\n{table}"
        if each.get("numbers"):
            yield f"\n{_numbers(each)}"
    if found["columns"]:
        yield f"\n{_columns(found['columns'])}"
    for title, lines in (("notes", found["notes"]), ("look twice", found["suspicious"])):
        if lines:
            yield f"\n{title}\n" + "\n".join(f"- {line}" for line in lines)


def _range(told: Mapping[str, Any]) -> str:
    shape = " × ".join(map(str, told["shape"]))
    text = f"{shape} {told['dtype']}, {told['min']:g} to {told['max']:g}, mean {told['mean']:.4g}"
    if told["scale"] != 1:
        text += f"; the model takes them times {told['scale']:.6g}"
    return text


def _classes(target: Mapping[str, Any]) -> str:
    classes = target.get("classes")
    if not classes:
        return ""
    splits = [name for name in _NAMES if name in classes[0]]
    rows = [[each["name"], *(f"{each[name]:,}" for name in splits)] for each in classes[:_MOST]]
    if len(classes) > _MOST:
        rows.append([f"… {len(classes) - _MOST:,} more", *("" for _ in splits)])
    kind = "label" if target["task"] == "labels" else "class"
    return tables.table([kind, *splits], rows, numeric=range(1, len(splits) + 1))


def _numbers(target: Mapping[str, Any]) -> str:
    keys = ("min", "max", "mean", "deviation")
    rows = [[each["name"], *(f"{each[key]:.5g}" for key in keys)] for each in target["numbers"]]
    return tables.table(["number", *keys], rows, numeric=range(1, 5))


def _columns(columns: list[Mapping[str, Any]]) -> str:
    rows = [[each[key] for key in ("name", "kind", "used", "values")] for each in columns[:_MOST]]
    for row, each in zip(rows, columns, strict=False):
        row.insert(3, f"{each['missing']:,}" if each["missing"] else "")
    if len(columns) > _MOST:
        rows.append([f"… {len(columns) - _MOST:,} more", "", "", "", ""])
    return tables.table(["column", "is", "used as", "missing", "values"], rows, numeric=(3,))
