"""`nnpy import`: a Keras model → the config that builds it."""

from __future__ import annotations

from pathlib import Path

import click

from nnpy.cli.terminal import Terminal


@click.command("import", short_help="Write the config of a Keras model.")
@click.argument("model", type=click.Path(), metavar="MODEL.keras")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Default: standard output.")
@click.pass_obj
def import_(terminal: Terminal, model: str, output: str | None) -> None:
    """Write the config that builds a Sequential or functional MODEL.keras.

    The weights are not part of a config. A file that is there already is never overwritten.
    """
    terminal.quiet()
    from nnpy import importer, safety, source, starters

    section = importer.network_of(safety.open_model(model, compile=False))
    text = f"# The network of {Path(model).name}\n{source.dump({'model': section})}"
    if output is None:
        terminal.result(text.rstrip("\n"))
        return
    starters.create(Path(output), text)
    terminal.result(output)
