"""`nnpy export`: a trained model in other formats, checked on the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal
from nnpy.errors import ModelError


@click.command(short_help="Write a trained model in other formats, checked.")
@click.argument("target", type=click.Path(), required=False, metavar="[RUN|MODEL.keras]")
@click.option(
    "-f",
    "--format",
    "formats",
    multiple=True,
    metavar="savedmodel|onnx|tflite|keras",
    help="The format; may be repeated.  [default: onnx]",
)
@click.option(
    "--quantize",
    metavar="none|float16|int8-weights|int8",
    default="none",
    show_default=True,
    help="Store fewer bits of each weight; int8: compute with them too.",
)
@click.option(
    "--batch",
    metavar="N|open",
    help="How many examples the file takes at a time; default: any, where the format can.",
)
@click.option("--opset", type=int, metavar="N", help="The opset of ONNX, 11 to 18; default: 15.")
@click.option(
    "--raw-input",
    type=click.Choice(["yes", "no"]),
    default="yes",
    show_default=True,
    help="Whether the data's own values go in, scaled inside, or what the model takes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="PATH",
    help="The file, or a folder; default: the run's folder export.",
)
@click.option(
    "--config",
    type=click.Path(),
    help="Take the data from this config (for a model outside a run).",
)
@options.as_json
@options.trust_code
@click.pass_obj
def export(
    terminal: Terminal,
    target: str | None,
    formats: tuple[str, ...],
    quantize: str,
    batch: str | None,
    opset: int | None,
    raw_input: str,
    output: str | None,
    config: str | None,
    as_json: bool,
    trust_code: bool,
) -> None:
    """Write the best model of a RUN (default: the newest), or a MODEL.keras, in other formats.

    Each file is run on the test examples by the library that its users have, and held against
    the model: outputs, answers and score. One that does not agree is kept under a name that says
    so (exit code 1). A JSON beside it says what it takes and gives.
    """
    from nnpy import api

    terminal.quiet()
    told = api.export(
        target,
        [part for each in formats for part in each.split(",")] or "onnx",
        quantize=quantize,
        batch=int(batch) if batch is not None and batch.isascii() and batch.isdigit() else batch,
        opset=opset,
        raw_input=raw_input == "yes",
        output=output,
        config=config,
        trust_code=trust_code,
        progress=terminal.say,
    )
    if as_json:
        terminal.result(told)
    elif told["exports"]:
        terminal.result(_table(told["exports"]))
    if told["problems"]:
        raise ModelError("\n".join(told["problems"]))


def _table(exports: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for each in exports:
        scored = each["before"] is not None
        rows.append(
            [
                each["file"],
                "yes" if each["agrees"] else "NO",
                f"{each['difference']:.1e}",
                "" if each["same"] is None else f"{100 * each['same']:.1f} %",
                f"{each['score']} {each['before']:.4f} → {each['after']:.4f}" if scored else "",
                f"{each['model_bytes'] / 1000:,.0f} → {each['bytes'] / 1000:,.0f}",
                f"{each['model_milliseconds']:.3f} → {each['milliseconds']:.3f}",
            ]
        )
    head = ["file", "agrees", "difference", "same answers", "score", "kB", "ms an example"]
    return tables.table(head, rows, numeric=(2, 3))
