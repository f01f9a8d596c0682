"""`nnpy schema`: the config language for editors."""

from __future__ import annotations

import click

from nnpy.cli.terminal import Terminal


@click.command(short_help="Print the JSON Schema of the config language.")
@click.pass_obj
def schema(terminal: Terminal) -> None:
    """Print the JSON Schema of the config language, for the installed Keras.

    Save it as schema.json, and an editor with YAML support completes and checks every config
    that starts with the line `# yaml-language-server: $schema=schema.json`.
    """
    from nnpy.catalog import catalog
    from nnpy.config.schema import document as schemas

    terminal.result(schemas.text(catalog.load()).rstrip("\n"))
