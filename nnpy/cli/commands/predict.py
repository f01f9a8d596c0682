"""`nnpy predict`: pictures → what the model sees in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal
from nnpy.errors import DataError
from nnpy.text import percent


@click.command(short_help="Classify images with a trained model.")
@click.argument("arguments", type=click.Path(), nargs=-1, metavar="[RUN|MODEL] FILE...")
@click.option("--invert", is_flag=True, help="Invert the images first: dark becomes light.")
@click.option(
    "--config",
    type=click.Path(),
    help="Take the class names from this config (for a model outside a run).",
)
@options.device
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print the result as CSV.")
@options.trust_code
@click.pass_obj
def predict(
    terminal: Terminal,
    arguments: tuple[str, ...],
    invert: bool,
    config: str | None,
    device: str | None,
    as_json: bool,
    as_csv: bool,
    trust_code: bool,
) -> None:
    """Print the three most likely classes of each FILE with their probabilities.

    A FILE is a picture of any size (PNG, JPEG, GIF, BMP, WebP, TIFF, AVIF, PPM), a folder of
    them, an .npy array, or, for a model of a table, a CSV or Parquet file. The model is the best
    one of a RUN (default: the newest), a MODEL.keras, or what `nnpy export` wrote.
    """
    from nnpy import api

    target, sources = _target(arguments)
    if not sources:
        raise click.UsageError("expected at least one FILE: a picture, a folder, or rows")
    terminal.quiet()
    told = api.predict(
        target, sources, invert=invert, config=config, device=device, trust_code=trust_code
    )
    if as_json:
        terminal.result(told)
    elif told["predictions"]:
        _show(terminal, told["predictions"], as_csv)
    for note in told["notes"] if not as_json else ():
        terminal.say(note)
    if told["looks_inverted"] and not as_json:
        count, first = len(told["looks_inverted"]), told["looks_inverted"][0]
        terminal.say(
            f"{count} of {len(told['predictions'])} look inverted compared to the training data "
            f"(such as {first}); try {'without' if invert else 'with'} --invert"
        )
    if told["errors"]:
        raise DataError("\n".join(told["errors"]))


def _target(arguments: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """A model or a run may stand first; anything else is a picture."""
    from nnpy.export import formats

    if arguments:
        first = Path(arguments[0])
        if first.suffix == ".keras" or (first / "summary.json").is_file() or formats.of_file(first):
            return arguments[0], arguments[1:]
    return None, arguments


def _show(terminal: Terminal, predictions: list[Mapping[str, Any]], as_csv: bool) -> None:
    if "top" not in predictions[0] or "answers" in predictions[0]:
        head, rows = _in_words(predictions, as_csv)
        terminal.result((tables.as_csv if as_csv else tables.table)(head, rows))
        return
    places = range(1, len(predictions[0]["top"]) + 1)
    head = ["file", *(text for i in places for text in (f"class {i}", f"probability {i}"))]
    if as_csv:
        rows = [
            [each["file"], *(v for top in each["top"] for v in (top["class"], top["probability"]))]
            for each in predictions
        ]
        terminal.result(tables.as_csv(head, rows))
        return
    fitted = dict.fromkeys(each["fitted"] for each in predictions)
    for how in list(fitted)[:5]:
        count = sum(each["fitted"] == how for each in predictions)
        terminal.say(f"{count} × {how}" if len(predictions) > 1 else how)
    rows = [
        [
            each["file"],
            *(v for top in each["top"] for v in (top["class"], percent(top["probability"]))),
        ]
        for each in predictions
    ]
    terminal.result(
        tables.table(
            ["file", *(t for i in places for t in (f"class {i}", ""))], rows, numeric=(2, 4, 6)
        )
    )


def _in_words(
    predictions: list[Mapping[str, Any]], as_csv: bool
) -> tuple[list[str], list[list[Any]]]:
    """Numbers, labels and the answers of several outputs: the head and a row for each example."""
    head, rows = ["file"], []
    for index, each in enumerate(predictions):
        row = [each["file"]]
        for name, told in each.get("answers", {"": each}).items():
            columns = _columns(name, told, each, as_csv)
            head += [key for key, _ in columns] if not index else []
            row += [value for _, value in columns]
        rows.append(row)
    return head, rows


def _columns(
    name: str, told: Mapping[str, Any], whole: Mapping[str, Any], as_csv: bool
) -> list[tuple[str, Any]]:
    """What one output answers, by the heads of columns."""
    of = f"{name} " if name else ""
    if "top" in told:
        best = told["top"][0]
        chance = best["probability"]
        return [
            (name or "class", best["class"]),
            (f"{of}probability", chance if as_csv else percent(chance)),
        ]
    if "numbers" in told:
        numbers = told["numbers"].items()
        return [(f"{of}{k}" if k != name else k, v if as_csv else f"{v:.6g}") for k, v in numbers]
    if "labels" in told:
        if as_csv:
            return [(f"{of}{key}", value) for key, value in told["labels"].items()]
        held = sorted(told["labels"].items(), key=lambda each: -each[1])
        words = [f"{key} {percent(value)}" for key, value in held if value >= 0.5]
        return [(name or "labels", ", ".join(words) or "none")]
    values = whole.get("outputs", [])
    values = values[name] if isinstance(values, Mapping) else values
    flat = values if isinstance(values, list) else [values]
    return [(f"{of}output {i}", value) for i, value in enumerate(flat)]
