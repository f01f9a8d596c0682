"""`nnpy init`: a commented config to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from nnpy.cli.terminal import Terminal


@click.command(short_help="Write a config to start from, or for your own data.")
@click.argument("kind", default=None, required=False, metavar="[mlp|cnn|lstm|residual]")
@click.option(
    "--from",
    "source",
    type=click.Path(),
    metavar="PATH",
    help="Look at a folder of pictures, a .npz or .npy file, or a table (CSV, Parquet), and "
    "write a config that trains on it.",
)
@click.option(
    "--target",
    multiple=True,
    metavar="COLUMN",
    help="With --from: the column of a table that is to be answered; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Where to write the config; default: KIND.yaml, or the name of PATH with .yaml, in the "
    "working directory.",
)
@click.pass_obj
def init(
    terminal: Terminal,
    kind: str | None,
    source: str | None,
    target: tuple[str, ...],
    output: str | None,
) -> None:
    """Write a commented config for a KIND of network, or for your own data, ready to train.

    An existing file is never overwritten. The path is printed on stdout.
    """
    from nnpy.errors import UsageError

    if source is not None:
        if kind is not None:
            raise UsageError("KIND and --from exclude one another: --from chooses the network")
        from nnpy import api
        from nnpy.cli.progress import TerminalProgress

        terminal.quiet()
        stem = Path(source).resolve().stem if source else ""
        watched, place = TerminalProgress(terminal), output or f"{stem or 'data'}.yaml"
        try:
            written, told = api.first_config(source, place, target=target, on_data=watched.on_data)
        finally:
            watched.on_exit()
        for line in told:
            terminal.say(line)
        terminal.result(str(written), essential=False)
        return
    if target:
        raise UsageError("--target is for --from PATH")
    from nnpy.config import starters

    kind = kind or "mlp"
    path = Path(output or f"{kind}.yaml")
    starters.write(kind, path)
    terminal.result(str(path), essential=False)
