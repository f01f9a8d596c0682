"""`nnpy init`: a commented config to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from nnpy.cli.terminal import Terminal


@click.command(short_help="Write a commented config to start from.")
@click.argument("kind", default="mlp", metavar="[mlp|cnn|lstm|residual]")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Where to write the config; default: KIND.yaml in the working directory.",
)
@click.pass_obj
def init(terminal: Terminal, kind: str, output: str | None) -> None:
    """Write a commented config for a KIND of network, ready to train and to change.

    An existing file is never overwritten. The path is printed on stdout.
    """
    from nnpy.config import starters

    path = Path(output or f"{kind}.yaml")
    starters.write(kind, path)
    terminal.result(str(path), essential=False)
