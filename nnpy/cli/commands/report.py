"""`nnpy report`: a run → its figures and its page, made anew."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Recreate the figures and report of a run.")
@click.argument("run", type=click.Path(), required=False, metavar="[RUN]")
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@options.device
@options.trust_code
@click.pass_obj
def report(
    terminal: Terminal, run: str | None, show: bool, device: str | None, trust_code: bool
) -> None:
    """Evaluate the best model of a RUN (default: the newest) and write figures and report.html.

    The path of the page is printed on stdout.
    """
    from nnpy import api

    terminal.quiet()
    path = api.report(run, device=device, trust_code=trust_code)
    terminal.result(str(path), essential=False)
    if show:
        click.launch(path.resolve().as_uri())
