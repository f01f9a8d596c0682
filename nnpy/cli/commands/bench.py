"""`nnpy bench`: how fast a config trains here, by Keras's `model.fit` and by nnpy's engine."""

from __future__ import annotations

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal


@click.command(short_help="Measure how fast a config trains here.")
@click.argument("config", type=click.Path())
@options.overrides
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=3.0,
    show_default=True,
    help="Length of a round.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@options.device
@options.as_json
@click.pass_obj
def bench(
    terminal: Terminal,
    config: str,
    overrides: tuple[str, ...],
    seconds: float,
    rounds: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Measure how fast CONFIG trains: model.fit, tuned model.fit, and each of nnpy's modes.

    They take turns, so that a busy machine slows all of them alike; the median of the rounds
    is reported. Nothing is saved.
    """
    from nnpy import api

    terminal.quiet()
    found = api.bench(
        config,
        overrides=overrides,
        seconds=seconds,
        rounds=rounds,
        device=device,
        progress=terminal.say,
    )
    if as_json:
        terminal.result(found)
        return
    terminal.say(
        f"{found['config']} on {found['device']}: batches of {found['batch_size']}, "
        f"{found['examples']:,} examples per epoch; nnpy would choose {found['choice']['mode']}"
    )
    if found["choice"]["parts"]:
        terminal.say(
            "graph splits batches into parts, one per core, as nnpy train does; model.fit "
            "runs in its own process with TensorFlow's default threads"
        )
    rows = []
    fit = found["speeds"][0]["epoch_seconds"]
    for each in found["speeds"]:
        if each["error"]:
            rows.append([each["name"], each["error"], "", "", ""])
            continue
        rows.append(
            [
                each["name"],
                f"{each['samples_per_second']:,.0f}",
                f"{each['epoch_seconds']:.2f}",
                f"{each['compile_seconds']:.2f}",
                f"{fit / each['epoch_seconds']:.1f}×" if fit else "",
            ]
        )
    head = ["", "examples/s", "s/epoch", "s compiling", "speed-up"]
    terminal.result(tables.table(head, rows, numeric=range(1, 5)))
