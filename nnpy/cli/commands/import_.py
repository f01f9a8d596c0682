"""`nnpy import`: a Keras model → the config that builds it."""

from __future__ import annotations

from pathlib import Path

import click

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
@click.pass_obj
def import_(terminal: Terminal, model: str, output: str | None) -> None:
    """Write the config that builds a Sequential or functional MODEL.keras.

    The optimizer, loss and metrics of a compiled model are included where a config can express
    them; the weights are not. An existing file is never overwritten.
    """
    terminal.quiet()
    from nnpy.config.yaml.dump import dump
    from nnpy.errors import ModelError
    from nnpy.models.to_config import network, training
    from nnpy.safety import model_files
    from nnpy.storage.atomic import create

    config, _ = model_files.inspect(model)
    section = {"model": network.network_of(model_files.open_model(model, compile=False))}
    if config.get("compile_config"):
        outputs = training.output_keys(section["model"])
        try:
            section["training"] = training.training_of(config["compile_config"], outputs)
        except ModelError as unsaid:
            terminal.say(f"the training section is left out: {unsaid}")
    text = f"# The network of {Path(model).name}\n{dump(section)}"
    if output is None:
        terminal.result(text.rstrip("\n"))
        return
    create(Path(output), text)
    terminal.result(output, essential=False)
