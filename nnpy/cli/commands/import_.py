"""`nnpy import`: a Keras model → the config that builds it."""

from __future__ import annotations

from pathlib import Path

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command("import", short_help="Write the config of a Keras model.")
@click.argument("model", type=click.Path(), metavar="MODEL.keras")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Where to write the config; default: standard output.",
)
@click.option(
    "--code",
    type=click.Path(),
    metavar="FILE.py",
    help="The Python file that defines the model's own layers, losses or metrics; it is run.",
)
@options.trust_code
@click.pass_obj
def import_(
    terminal: Terminal, model: str, output: str | None, code: str | None, trust_code: bool
) -> None:
    """Write the config that builds a Sequential or functional MODEL.keras.

    The optimizer, loss and metrics of a compiled model are included where a config can express
    them; the weights are not. Long arrays, such as a table of pretrained embeddings, go to an .npz
    file beside the config. The config is checked, built and compared with the model before it is
    written. An existing file is never overwritten.
    """
    terminal.quiet()
    from nnpy.workflows.import_model import import_model

    place = Path(output) if output is not None else None
    own = Path(code) if code is not None else None
    text, notes = import_model(Path(model), place, own, trust_code=trust_code)
    for each in notes:
        terminal.say(each)
    terminal.result(text.rstrip("\n") if output is None else output)
