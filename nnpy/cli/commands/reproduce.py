"""`nnpy reproduce`: a run, trained again from its folder alone."""

from __future__ import annotations

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal


@click.command(short_help="Train a run again and compare every number.")
@click.argument("run", type=click.Path(), required=False, metavar="[RUN]")
@click.option("--run-dir", metavar="DIR", type=click.Path(), help="Folder for the new run.")
@options.device
@options.devices
@options.as_json
@options.trust_code
@click.pass_context
def reproduce(
    context: click.Context,
    run: str | None,
    run_dir: str | None,
    device: str | None,
    devices: str | None,
    as_json: bool,
    trust_code: bool,
) -> None:
    """Train a RUN (default: the newest) again from its own config, and compare.

    Reports for each number whether it is the same, and which versions, devices and data differ.
    The exit code is 1 unless all numbers are equal.
    """
    from nnpy import api
    from nnpy.cli.progress import TerminalProgress

    terminal: Terminal = context.obj
    terminal.quiet()
    found = api.reproduce(
        run,
        run_dir=run_dir,
        device=device,
        devices=devices,
        trust_code=trust_code,
        listener=TerminalProgress(terminal),
    )
    if as_json:
        terminal.result(found.as_dict())
    else:
        rows = [
            [
                number.name,
                _cell(number.before),
                _cell(number.now),
                "equal" if number.equal else "NO",
            ]
            for number in found.numbers
        ]
        terminal.result(tables.table([found.run, "then", "now", ""], rows, numeric=(1, 2)))
        for what, before, now in found.surroundings:
            terminal.result(f"differs: {what}: {before} then, {now} now")
        equal = sum(number.equal for number in found.numbers)
        terminal.result(f"{equal} of {len(found.numbers)} numbers equal ({found.again})")
    if not found.equal:
        context.exit(1)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.9g}"
