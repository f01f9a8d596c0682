"""`nnpy import`: a Keras model, or a script that trains models → the configs that build them."""

from __future__ import annotations

from pathlib import Path

import click

from nnpy.cli import options
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
    help="Where to write the config; default: standard output, or files named after a script "
    "with several models.",
)
@click.option(
    "--code",
    type=click.Path(),
    metavar="FILE.py",
    help="The Python file that defines a model's own layers, losses or metrics; it is run.",
)
@options.trust_code
@click.option("--run", is_flag=True, help="Run the script, with all that it does.")
@click.option("--fit", is_flag=True, help="Let the script train: otherwise fit returns at once.")
@click.option("--verify", is_flag=True, help="Build each config and compare it with the script.")
@click.pass_obj
def import_(
    terminal: Terminal,
    source: str,
    arguments: tuple[str, ...],
    output: str | None,
    code: str | None,
    trust_code: bool,
    run: bool,
    fit: bool,
    verify: bool,
) -> None:
    """Write the config that builds a Sequential or functional MODEL.keras.

    The optimizer, loss and metrics of a compiled model are included where a config can express
    them; the weights are not. Long arrays, such as a table of pretrained embeddings, stand in an
    .npz file beside the config. The config is checked, built and compared with the model before
    it is written. An existing file is never overwritten.

    SCRIPT.py (or a notebook) is run with --run, and each model that it compiles and fits becomes
    a config: network, training and, where the data came from keras.datasets, data. What could
    not be taken along stands as a comment in the file. ARGUMENTS are the script's own.
    """
    place = Path(output) if output is not None else None
    if Path(source).suffix.lower() in _SCRIPTS:
        _reject(source, "a script", {"--code": code, "--trust-code": trust_code})
        _import_script(terminal, source, arguments, place, run=run, fit=fit, verify=verify)
        return
    given = {"--run": run, "--fit": fit, "--verify": verify, "ARGUMENTS": arguments}
    _reject(source, "no script", given)
    terminal.quiet()
    from nnpy import api

    text, notes = api.import_model(source, place, code=code, trust_code=trust_code)
    for each in notes:
        terminal.say(each)
    if output is None:
        terminal.result(text.rstrip("\n"))
    else:
        terminal.result(output, essential=False)


def _reject(source: str, what: str, options: dict[str, object]) -> None:
    """Raises UsageError for options that this kind of source does not have."""
    from nnpy.errors import UsageError

    if wrong := [name for name, each in options.items() if each]:
        raise UsageError(f"{source} is {what}: it does not take {', '.join(wrong)}")


def _import_script(
    terminal: Terminal,
    source: str,
    arguments: tuple[str, ...],
    output: Path | None,
    *,
    run: bool,
    fit: bool,
    verify: bool,
) -> None:
    from nnpy.errors import Interrupted, ModelError, UsageError

    if not run:
        raise UsageError(
            f"{source} is a script: to see which models it trains, nnpy must run it, with all "
            "that it does; if it is your own, or you have read it, add --run"
        )
    terminal.quiet()
    from nnpy.workflows.import_script.run import import_script

    how = "" if fit else "; fit returns at once, --fit lets it train"
    terminal.say(f"running {source}{how}")
    found = import_script(
        source,
        arguments=arguments,
        output=output,
        fit=fit,
        verify=verify,
        to_stdout=True,
        stream=terminal.stream,
    )
    for each in found.models:
        end = f" → {each.path}" if each.path is not None else ""
        terminal.say(f"{source}:{each.line}: {each.name}{end}")
        if each.refused:
            terminal.say(f"  no config: {each.refused}")
            continue
        for note in each.notes:
            terminal.say(f"  note: {note}")
        if each.verdict is not None:
            terminal.say(f"  {each.verdict}")
        if each.path is None:
            terminal.result(each.text.rstrip("\n"))
        else:
            terminal.result(str(each.path), essential=False)
    if found.interrupted:
        raise Interrupted(f"{source}: interrupted")
    if found.error:
        terminal.say(f"the script did not come to its end: {found.error}")
    if not any(each.text for each in found.models):
        raise ModelError(f"{source}: no model that a config can express; see docs/import.md")
    different = [each.name for each in found.models if each.verdict and not each.verdict.equal]
    if different:
        raise ModelError(f"not equal to the script's: {', '.join(different)}")
