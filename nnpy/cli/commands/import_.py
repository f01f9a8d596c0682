"""`nnpy import`: a Keras model, or a script that trains models → the configs that build them."""

from __future__ import annotations

from pathlib import Path

import click

from nnpy.cli.terminal import Terminal

_SCRIPTS = (".py", ".ipynb")


@click.command("import", short_help="Write the config of a Keras model or script.")
@click.argument("source", type=click.Path(), metavar="MODEL.keras|SCRIPT.py")
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENTS]")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Default: standard output; for a script with several models, files named after it.",
)
@click.option("--run", is_flag=True, help="Run the script: it is your own code.")
@click.option("--fit", is_flag=True, help="Let `fit` of the script train; else it returns at once.")
@click.option("--verify", is_flag=True, help="Build each config and compare it with the script.")
@click.pass_obj
def import_(
    terminal: Terminal,
    source: str,
    arguments: tuple[str, ...],
    output: str | None,
    run: bool,
    fit: bool,
    verify: bool,
) -> None:
    """Write the config that builds a Sequential or functional MODEL.keras.

    How a compiled model learns – optimizer, loss, metrics – is part of it, as far as a config can
    express it; weights are not. A file that is there already is never overwritten.

    SCRIPT.py (or a notebook) is run with --run, and each model that it compiles and fits becomes
    a config: network, training and, where the data came from keras.datasets, data. What could
    not be taken along stands as a comment in the file. ARGUMENTS are the script's own.
    """
    from nnpy.errors import UsageError

    if Path(source).suffix.lower() in _SCRIPTS:
        if not run:
            raise UsageError(
                f"{source} is a script: to see which models it trains, nnpy must run it, with all "
                "that it does; if it is your own, or you have read it, add --run"
            )
        _import_script(terminal, source, arguments, output, fit, verify)
        return
    given = {"--run": run, "--fit": fit, "--verify": verify, "ARGUMENTS": arguments}
    if wrong := [name for name, each in given.items() if each]:
        raise UsageError(f"{', '.join(wrong)}: only for a script, {source} is none")
    _import_model(terminal, source, output)


def _import_script(
    terminal: Terminal,
    source: str,
    arguments: tuple[str, ...],
    output: str | None,
    fit: bool,
    verify: bool,
) -> None:
    from nnpy.errors import Interrupted, ModelError
    from nnpy.workflows.import_script.run import import_script

    terminal.quiet()
    terminal.say(
        f"running {source}" + ("" if fit else "; fit returns at once, --fit lets it train")
    )
    found = import_script(
        source,
        arguments=arguments,
        output=Path(output) if output is not None else None,
        fit=fit,
        verify=verify,
        to_stdout=True,
        stream=terminal.stream,
    )
    for each in found.models:
        terminal.say(
            f"{source}:{each.line}: {each.name}" + (f" → {each.path}" if each.path else "")
        )
        if each.refused:
            terminal.say(f"  no config: {each.refused}")
            continue
        for note in each.notes:
            terminal.say(f"  note: {note}")
        if each.verdict is not None:
            terminal.say(f"  {each.verdict}")
        terminal.result(str(each.path) if each.path is not None else each.text.rstrip("\n"))
    if found.interrupted:
        raise Interrupted(f"{source}: interrupted")
    if found.error:
        terminal.say(f"the script did not come to its end: {found.error}")
    if not any(each.text for each in found.models):
        raise ModelError(
            f"{source}: no model that a config can express was compiled; see docs/import.md"
        )
    different = [each.name for each in found.models if each.verdict and not each.verdict.equal]
    if different:
        raise ModelError(f"not equal to the script's: {', '.join(different)}")


def _import_model(terminal: Terminal, source: str, output: str | None) -> None:
    terminal.quiet()
    from nnpy.config.yaml.dump import dump
    from nnpy.errors import ModelError
    from nnpy.models.to_config import network, training
    from nnpy.safety import model_files
    from nnpy.storage.atomic import create

    config, _ = model_files.inspect(source)
    section = {"model": network.network_of(model_files.open_model(source, compile=False))}
    if config.get("compile_config"):
        outputs = training.output_keys(section["model"])
        try:
            section["training"] = training.training_of(config["compile_config"], outputs)
        except ModelError as unsaid:
            terminal.say(f"how it learns is left out: {unsaid}")
    text = f"# The network of {Path(source).name}\n{dump(section)}"
    if output is None:
        terminal.result(text.rstrip("\n"))
        return
    create(Path(output), text)
    terminal.result(output, essential=False)
