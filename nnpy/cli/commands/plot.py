"""`nnpy plot`: a config, a run or a model → a picture of the network."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Draw a model.")
@click.argument("target", type=click.Path(), required=False, metavar="[CONFIG|RUN|MODEL.keras]")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="A .png, .svg, .pdf or .dot file; default: NAME.png in the working directory.",
)
@options.overrides
@options.trust_code
@click.pass_obj
def plot(
    terminal: Terminal,
    target: str | None,
    output: str | None,
    overrides: tuple[str, ...],
    trust_code: bool,
) -> None:
    """Draw the network of a CONFIG (without training it), a RUN (default: the newest) or a model.

    The path of the picture is printed on stdout.
    """
    from nnpy import api

    terminal.quiet()
    path = api.plot(target, output, overrides=overrides, trust_code=trust_code)
    terminal.result(str(path), essential=False)
