"""`nnpy sweep`: a search for better values of settings."""

from __future__ import annotations

from typing import Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal


@click.command(short_help="Search for better values of settings.")
@click.argument("config", type=click.Path(), metavar="CONFIG")
@options.overrides
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Trainings at a time; they share the cores.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="M",
    help="End after so many minutes; the same command goes on.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="A database that several machines share, such as postgresql://host/name; default: a "
    "file in the folder of the sweep.",
)
@click.option("--new", is_flag=True, help="Begin a new sweep beside the one before.")
@click.option("--show", is_flag=True, help="Print what the sweep has found so far.")
@options.device
@options.as_json
@options.trust_code
@click.pass_obj
def sweep(
    terminal: Terminal,
    config: str,
    overrides: tuple[str, ...],
    jobs: int,
    minutes: float | None,
    storage: str | None,
    new: bool,
    show: bool,
    device: str | None,
    as_json: bool,
    trust_code: bool,
) -> None:
    """Train CONFIG with other values, as its section `sweep:` says, to find better ones.

    Each trial is a run of its own in sweeps/NAME/trials. Killed or interrupted, the same command
    goes on. The best trial's config is sweeps/NAME/best.yaml; its path is printed on stdout. With
    --show, CONFIG may also be the name or folder of a sweep.
    """
    from nnpy.workflows.sweep import sweep as workflow

    if show:
        _, told = workflow.show(config)
        terminal.result(told if as_json else _text(told))
        return
    from nnpy.cli.sweep_progress import TerminalSweep
    from nnpy.config.load import load_config

    checked = load_config(config, overrides, trust_code=trust_code)
    for note in checked.notes:
        terminal.say(note)
    with TerminalSweep(terminal, workflow.searched(checked)) as listener:
        found = workflow.run_sweep(
            checked,
            jobs=jobs,
            minutes=minutes,
            storage=storage,
            new=new,
            device=device,
            listener=listener,
        )
    told = found.as_dict()
    if as_json:
        terminal.result(told, essential=False)
        return
    terminal.say(_text(told, most=5))
    best = told["best_config"]
    terminal.result(best if best else told["sweep"], essential=False)


def _text(told: dict[str, Any], most: int = 10_000) -> str:
    """The trials as a table, the best ones first."""
    sign = -1 if told["mode"] == "max" else 1
    trials = sorted(
        told["trials"],
        key=lambda each: (
            ("complete", "pruned", "running", "failed").index(each["state"]),
            sign * (each["value"] or 0),
        ),
    )
    paths = list(told["search"])
    head = ["trial", told["objective"], "epochs", *map(_short, paths), "state"]
    rows = [
        [
            each["number"],
            "–" if each["value"] is None else f"{each['value']:.4f}",
            each["epochs"],
            *(_cell(each, path) for path in paths),
            each.get("reason") or each["state"],
        ]
        for each in trials[:most]
    ]
    counts = ", ".join(f"{count} {state}" for state, count in told["counts"].items() if count)
    lines = [tables.table(head, rows, numeric=range(2 + 1))] if rows else []
    lines.append(f"{told['sweep']}: {counts or 'no trial yet'} of {told['planned']}")
    if told["test"]:
        test = "  ".join(f"{name} {value:.4f}" for name, value in told["test"].items())
        lines.append(f"test of trial {told['best']['number']}  {test}")
    return "\n".join(lines)


def _short(path: str) -> str:
    """The last words of a path, which tell what it sets."""
    return path.rpartition(".")[2] if len(path) > 20 else path


def _cell(trial: dict[str, Any], path: str) -> str:
    from nnpy.config.sweep.space import words

    return words(trial["values"][path]) if path in trial["values"] else "–"
