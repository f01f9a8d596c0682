"""`nnpy evaluate`: a trained model on data → what its answers are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from nnpy.cli import options, tables, task_tables
from nnpy.cli.terminal import Terminal


@click.command(short_help="Evaluate a trained model on its data.")
@click.argument("target", type=click.Path(), required=False, metavar="[RUN|MODEL]")
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="The split to evaluate on.",
)
@click.option(
    "--config",
    type=click.Path(),
    help="Take the data from this config (for a model outside a run).",
)
@click.option(
    "--predictions",
    type=click.Path(),
    metavar="FILE.csv|.npz",
    help="Save all predictions to FILE.",
)
@options.device
@options.as_json
@options.trust_code
@click.pass_obj
def evaluate(
    terminal: Terminal,
    target: str | None,
    split: str,
    config: str | None,
    predictions: str | None,
    device: str | None,
    as_json: bool,
    trust_code: bool,
) -> None:
    """Evaluate the best model of a RUN (default: the newest), or a MODEL.keras, on its data.

    A MODEL may also be what `nnpy export` wrote: its scores are found without TensorFlow.

    Intervals are 95 % confidence intervals: Wilson's for proportions, bootstrap for the loss.
    """
    from nnpy import api

    terminal.quiet()
    result = api.evaluate(
        target,
        split=split,
        config=config,
        device=device,
        predictions=predictions,
        trust_code=trust_code,
    )
    if as_json:
        terminal.result(result)
        return
    terminal.say(
        f"{result['model']} on the {split} split of {result['data']} "
        f"({result['examples']:,} examples, {result['examples_per_second']:,.0f} per second)"
    )
    for note in result["notes"]:
        terminal.say(note)
    terminal.result(_measures(result))
    others = result.get("others", {})
    for output, scores in {result.get("output") or "": result, **others}.items():
        for table in task_tables.of_scores(scores):
            terminal.result(f"\n{output}: {table}" if output and others else f"\n{table}")
    if "classes" in result:
        terminal.result("\n" + _classes(result["classes"]))
        if len(result["classes"]) <= 20:
            terminal.result("\n" + _confusion(result))


def _measures(result: Mapping[str, Any]) -> str:
    estimates = {name: result.get(name) for name in ("loss", "accuracy", "top2_accuracy")}
    values = dict(result["metrics"])
    if "classes" in result:
        if estimates["top2_accuracy"]:
            values["top2_accuracy"] = estimates["top2_accuracy"]["value"]
        values["macro_f1"] = result["macro_f1"]
        values["calibration_error"] = result["calibration"]["ece"]
    rows = []
    for name, value in values.items():
        found = estimates.get(name)
        interval = f"{found['low']:.4f} to {found['high']:.4f}" if found else ""
        rows.append([name, f"{value:.4f}", interval, found["method"] if found else ""])
    return tables.table(["", "", "95 % interval", ""], rows, numeric=(1,))


def _classes(classes: list[Mapping[str, Any]]) -> str:
    scores = ("precision", "recall", "f1")
    rows = [
        [each["name"], *(f"{each[key]:.3f}" for key in scores), f"{each['support']:,}"]
        for each in classes
    ]
    head = ["class", "precision", "recall", "F1", "support"]
    return tables.table(head, rows, numeric=range(1, 5))


def _confusion(result: Mapping[str, Any]) -> str:
    """Rows are true classes, columns answers, numbered as the rows are."""
    rows = [
        [i, each["name"], *counts]
        for i, (each, counts) in enumerate(zip(result["classes"], result["confusion"], strict=True))
    ]
    head = ["", "truth \\ answer", *range(len(rows))]
    return tables.table(head, rows, numeric=[0, *range(2, len(head))])
