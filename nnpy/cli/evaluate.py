"""`nnpy evaluate`: a trained model on data → its metrics."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Measure a trained model on data.")
@click.argument("target", type=click.Path(), required=False, metavar="[RUN|MODEL.keras]")
@click.option(
    "--split",
    type=click.Choice(["test", "validation", "train"]),
    default="test",
    show_default=True,
    help="The part of the data.",
)
@click.option(
    "--config", type=click.Path(), help="The data of this config (for a model outside a run)."
)
@options.device
@options.as_json
@click.pass_obj
def evaluate(
    terminal: Terminal,
    target: str | None,
    split: str,
    config: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Measure the best model of a RUN (default: the newest), or a MODEL.keras, on its data."""
    from nnpy import api

    terminal.quiet()
    result = api.evaluate(target, split=split, config=config, device=device)
    if as_json:
        terminal.result(result)
        return
    terminal.say(
        f"{result['model']} on the {split} split of {result['data']} "
        f"({result['examples']:,} examples)"
    )
    width = max(len(name) for name in result["metrics"])
    for name, value in result["metrics"].items():
        terminal.result(f"{name:<{width}}  {value:.4f}")
