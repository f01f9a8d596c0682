"""`nnpy check`: the mistakes of configs, all at once, before TensorFlow loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal

if TYPE_CHECKING:
    from nnpy.config.config import Config


@click.command(short_help="Find the mistakes in configs.")
@click.argument("files", type=click.Path(), nargs=-1, required=True, metavar="CONFIG...")
@options.overrides
@click.option("--show", is_flag=True, help="Print the resolved config with all defaults.")
@click.option("--origins", is_flag=True, help="With --show, print where each value comes from.")
@click.option("--build", is_flag=True, help="Also build the models and print their layers.")
@options.as_json
@click.pass_obj
def check(
    terminal: Terminal,
    files: tuple[str, ...],
    overrides: tuple[str, ...],
    show: bool,
    origins: bool,
    build: bool,
    as_json: bool,
) -> None:
    """Report every mistake in each CONFIG; exit code 2 if there is any.

    TensorFlow is not loaded, unless --build asks for the models. Of the data, only what tells
    their shape and classes is read.
    """
    from nnpy.config.callbacks import check_installed
    from nnpy.config.load import load_config
    from nnpy.errors import ConfigError, Problem, UsageError

    if origins and not show:
        raise UsageError("--origins annotates the output of --show: add --show")
    if build:
        terminal.quiet()
    answers: list[dict[str, Any]] = []
    wrong = False
    for file in files:
        answer: dict[str, Any] = {"file": file, "problems": [], "notes": []}
        try:
            config = load_config(file, overrides)
            check_installed(config.training.callbacks)
            answer["notes"] = list(config.notes)
            if show:
                answer["config"] = config.resolved | _sweep(config)
            if build:
                answer.update(_table(config))
            if not as_json:
                _tell(terminal, file, config, answer, show=show, origins=origins)
        except ConfigError as error:
            wrong = True
            answer["problems"] = [each.as_dict() for each in error.problems]
            if not as_json:
                terminal.result(str(error))
        except UsageError as error:
            wrong = True
            answer["problems"] = [Problem(str(error), file=file).as_dict()]
            if not as_json:
                terminal.error(error)
        answers.append(answer)
    if as_json:
        terminal.result({"ok": not wrong, "files": answers})
    if wrong:
        raise click.exceptions.Exit(2)


def _tell(
    terminal: Terminal,
    file: str,
    config: Config,
    answer: dict[str, Any],
    *,
    show: bool,
    origins: bool,
) -> None:
    from nnpy.config.yaml.dump import dump, with_origins

    for note in config.notes:
        terminal.say(f"{file}: {note}")
    if show:
        text = with_origins(config.tree) if origins else config.to_yaml()
        terminal.result(text.rstrip())
        if more := _sweep(config):
            terminal.result(dump(more).rstrip())
    if "layers" in answer:
        _print_table(terminal, answer)
    if not show:
        terminal.result(f"{file}: no mistakes")


def _sweep(config: Config) -> dict[str, Any]:
    """The settings of `nnpy sweep`, which are no part of what is trained."""
    import dataclasses

    return {"sweep": dataclasses.asdict(config.sweep.settings)} if config.sweep else {}


def _table(config: Config) -> dict[str, Any]:
    """The layers of the built model, and their sums."""
    from nnpy import api
    from nnpy.models import summary

    built = api.build(config)
    rows = summary.layer_table(built)
    return {
        "layers": [row.as_dict() for row in rows],
        "parameters": int(built.count_params()),
        "multiply_adds": sum(row.multiply_adds or 0 for row in rows),
        "activation_bytes": sum(row.activation_bytes or 0 for row in rows),
    }


def _print_table(terminal: Terminal, answer: dict[str, Any]) -> None:
    cells = [("layer", "kind", "output", "parameters", "multiply-adds", "activations")]
    for row in answer["layers"]:
        shapes = " ".join("×".join(str(size or "?") for size in each) for each in row["shapes"])
        numbers = (_number(row["parameters"]), _number(row["multiply_adds"]))
        cells.append((row["name"], row["kind"], shapes, *numbers, _bytes(row["activation_bytes"])))
    total = (_number(answer["parameters"]), _number(answer["multiply_adds"]))
    cells.append(("total", "", "", *total, _bytes(answer["activation_bytes"])))
    widths = [max(len(each[column]) for each in cells) for column in range(6)]
    for each in cells:
        left = (f"{text:<{width}}" for text, width in zip(each[:3], widths[:3], strict=True))
        right = (f"{text:>{width}}" for text, width in zip(each[3:], widths[3:], strict=True))
        terminal.result("  ".join((*left, *right)).rstrip())


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _bytes(value: int | None) -> str:
    if value is None:
        return "–"
    return f"{value:,} B" if value < 10_000 else f"{value / 1024:,.0f} KiB"
