"""What the ladder writes: docs/results.md and .png, the README's table, the configs' first lines.

All of it is made of rows.py and results.json, so that no number is typed by hand; a test holds
the files against `texts()`.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from benchmarks.ladder import curves, results
from benchmarks.ladder.rows import ROOT, ROWS, Row
from nnpy.storage import atomic

RESULTS = ROOT / "docs" / "results.md"
CURVES = ROOT / "docs" / "results.png"
README = ROOT / "README.md"
BEGIN, END = "<!-- written by make ladder -->\n", "<!-- end -->\n"
_HEAD = re.compile(r"\A# nnpy train .*\n(?:#  +\S.*\n)*")


def write() -> None:
    """Writes every page that is not as it should be."""
    found = results.read()
    changed = []
    for path, text in texts(found).items():
        if not path.exists() or path.read_text("utf-8") != text:
            atomic.write_text(path, text)
            changed.append(path)
    if RESULTS in changed or not CURVES.exists():
        curves.draw(found, CURVES)


def texts(found: results.Results) -> dict[Path, str]:
    """What each file should hold."""
    readme = README.read_text("utf-8")
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"ladder: README.md has no place for the table: {BEGIN!r}, {END!r}")
    made = {README: before + begin + readme_table(found) + end + after}
    made[RESULTS] = results_page(found)
    for row in ROWS:
        for step in row.steps:
            if step.overrides:  # another row of the same config has its first lines
                continue
            text = step.path.read_text("utf-8")
            made[step.path] = _head(row, step.config, found) + _HEAD.sub("", text, count=1)
    return made


def readme_table(found: results.Results) -> str:
    """Kind of network, accuracy, seconds, command, of what is trained."""
    lines = ["| network | test accuracy | seconds | command |", "|---|---|---|---|"]
    for row in ROWS:
        if of := found.get(row.name):
            told = f"{_accuracy(row, of)} | {_seconds(of)}"
            lines.append(f"| {_kind(row)} | {told} | `{row.command()}` |")
    left = [f"`configs/{row.name}.yaml`" for row in ROWS if row.name not in found]
    lines += ["", _remark(found)]
    if left:
        lines += ["", _wrapped(f"Not trained yet: {', '.join(left)}.")]
    return "\n".join(lines) + "\n"


def results_page(found: results.Results) -> str:
    trained = [row for row in ROWS if found.get(row.name)]
    whole = [row for row in trained if _is_whole(row, found[row.name])]
    reached = [row for row in whole if _reaches(row, found[row.name])]
    left = [row for row in ROWS if row not in whole]
    below = [f"`{row.name}` by {_missing(row, found[row.name]):.4f}" for row in whole]
    below = [told for told, row in zip(below, whole, strict=True) if row not in reached]
    parts = [
        "# What the networks reach",
        "Written by `make ladder`, which trains what is not trained yet (`ROW=cnn` one row; Ctrl-C "
        "stops it, and the same command goes on). No number is typed by hand: they come from "
        "[results.json](../benchmarks/ladder/results.json), which the trainings write.",
        f"Of {len(ROWS)} rows {len(whole)} are trained to the end with all their seeds, and "
        f"{len(reached)} of these reach what is wanted. "
        + (f"Below it: {', '.join(below)}. " if below else "")
        + (
            "Still to be trained: "
            + ", ".join(_left(row, found.get(row.name, [])) for row in left)
            + "."
            if left
            else ""
        ),
        _table(found),
        _remark(found),
        "The best epoch is chosen on the validation set, a tenth of the training set; the test set "
        "is looked at once, when the training is over. *published*: what others reached with "
        "a network of this kind, most of it from [Fashion-MNIST's list]"
        "(https://github.com/zalandoresearch/fashion-mnist#benchmark).",
    ]
    if trained:
        parts += [
            "## Curves",
            "![Validation accuracy of each network, epoch by epoch](results.png)",
            "Accuracy on the validation set, the first seed of each row of Fashion-MNIST.",
            "## Every training",
            _trainings(found),
            "*digest*: the first digits of the SHA-256 of the best epoch's weights and its "
            "optimizer's; the same command on the same machine gives the same. `nnpy verify` "
            "prints it.",
            "## Where",
            _machines(found),
        ]
    return "\n\n".join(_wrapped(part) for part in parts if part) + "\n"


def _table(found: results.Results) -> str:
    lines = [
        "| network | parameters | test accuracy | wanted | published | seconds | processor "
        "seconds | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        of = found.get(row.name, [])
        cells = [_kind(row)]
        cells += [f"{of[0]['parameters']:,}", _accuracy(row, of)] if of else ["", "not trained yet"]
        cells += [f"{'≤' if row.at_most else '≥'} {row.bar:.3f}", row.published]
        cells += [_seconds(of), _mean(of, "processor_seconds")] if of else ["", ""]
        lines.append("| " + " | ".join([*cells, f"`{row.command()}`"]) + " |")
    return "\n".join(lines)


def _trainings(found: results.Results) -> str:
    lines = [
        "| row | seed | epochs (best) | validation | test | processor seconds | digest |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        for each in found.get(row.name, []):
            epochs = f"{each['epochs']} ({each['best_epoch']})"
            if each["epochs"] < each["of_epochs"]:
                epochs = f"{each['epochs']} of {each['of_epochs']} ({each['best_epoch']})"
            name = row.name + (
                ", its config has changed since" if results.is_stale(row, each) else ""
            )
            lines.append(
                f"| {name} | {each['seed']} | {epochs} | {each['validation_accuracy']:.4f} | "
                f"{each['test_accuracy']:.4f} | {each['processor_seconds']:,.0f} | "
                f"`{each['digest'][:16]}` |"
            )
    return "\n".join(lines)


def _machines(found: results.Results) -> str:
    lines = []
    for each in (record for of in found.values() for record in of):
        versions = each["versions"]
        line = (
            f"- {each['cores']} cores of {each['processor']}, TensorFlow {versions['tensorflow']}, "
            f"Keras {versions['keras']}, nnpy {versions['nnpy']}"
        )
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def _remark(found: results.Results) -> str:
    """What is not as it should be, said below the table."""
    records = [each for of in found.values() for each in of]
    told = []
    if any(each["busy"] for each in records):
        told.append(
            "\\* measured on a machine that did other work meanwhile: the time that its processors "
            "worked on the command, divided by its cores, for the clock says more of the other work"
        )
    if any(each["epochs"] < each["of_epochs"] for each in records):
        told.append("† fewer epochs than the config's, still to be trained to the end")
    if any(results.is_stale(row, each) for row in ROWS for each in found.get(row.name, [])):
        told.append("‡ the config has changed since")
    told = [f"{each}." for each in told]
    first = (
        "Accuracy is the mean of the seeds, and ± their standard deviation; seconds are those of "
        "the whole command, report included."
    )
    return _wrapped(" ".join([first, *told]))


def _wrapped(text: str) -> str:
    """A paragraph in lines; tables, lists and headings as they are."""
    if text.startswith(("|", "#", "-", "!")):
        return text
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _head(row: Row, config: str, found: results.Results) -> str:
    """The first lines of a config: its command and what came of it."""
    of = found.get(row.name, [])
    told = f"a test accuracy of at least {row.bar:.3f} is wanted; not trained yet"
    if of:
        told = f"{of[0]['parameters']:,} parameters; test accuracy {_plain_accuracy(of)}"
        if of[0]["epochs"] < of[0]["of_epochs"]:
            told += f", after {of[0]['epochs']} of {of[0]['of_epochs']} epochs"
        if any(results.is_stale(row, each) for each in of):
            told += ", before the config was changed"
        if any(each["busy"] for each in of):
            told += f"; {_mean(of, 'processor_seconds')} s of processor time"
        else:
            told += f"; {_mean(of, 'seconds')} s on {of[0]['cores']} CPU cores"
    if len(row.steps) > 1:
        told = f"with a linear classifier on the code: {told}"
    command = next(step for step in row.steps if step.config == config).command()
    return f"# {command}\n#     {told}\n"


def _kind(row: Row) -> str:
    return row.kind if row.data == "Fashion-MNIST" else f"{row.kind} ({row.data})"


def _accuracy(row: Row, of: list[dict[str, Any]]) -> str:
    marks = "†" * any(each["epochs"] < each["of_epochs"] for each in of)
    marks += "‡" * any(results.is_stale(row, each) for each in of)
    return _plain_accuracy(of, marks)


def _plain_accuracy(of: list[dict[str, Any]], marks: str = "") -> str:
    mean, spread = results.mean_and_spread(of)
    if spread is None:
        return f"{mean:.4f}{marks} (1 seed)"
    return f"{mean:.4f}{marks} ± {spread:.4f} ({len(of)} seeds)"


def _seconds(of: list[dict[str, Any]]) -> str:
    """Of the whole command, the mean of the seeds."""
    if any(each["busy"] for each in of):
        each_core = [each["processor_seconds"] / each["cores"] for each in of]
        return f"{sum(each_core) / len(of):,.0f}*"
    return _mean(of, "seconds")


def _mean(of: list[dict[str, Any]], key: str) -> str:
    return f"{sum(each[key] for each in of) / len(of):,.0f}"


def _is_whole(row: Row, of: list[dict[str, Any]]) -> bool:
    return sum(results.is_whole(row, each) for each in of) >= row.seeds


def _left(row: Row, of: list[dict[str, Any]]) -> str:
    """The name of a row that is not done, and how far it is."""
    done = sum(results.is_whole(row, each) for each in of)
    begun = f"{done} of {row.seeds} seeds"
    if of and not done:
        begun = f"{of[0]['epochs']} of {of[0]['of_epochs']} epochs"
    return f"`{row.name}` ({begun})" if of else f"`{row.name}`"


def _reaches(row: Row, of: list[dict[str, Any]]) -> bool:
    return _missing(row, of) <= 0


def _missing(row: Row, of: list[dict[str, Any]]) -> float:
    """How far the mean is from what is wanted; not above 0 where it is reached."""
    mean = round(results.mean_and_spread(of)[0], 4)
    return mean - row.bar if row.at_most else row.bar - mean
