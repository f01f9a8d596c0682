"""`nnpy train`: a config → a run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal

if TYPE_CHECKING:
    from nnpy.config import Config


@click.command(short_help="Train the network that a config says.")
@click.argument("config", type=click.Path())
@options.overrides
@click.option("--run-dir", metavar="DIR", type=click.Path(), help="Where the run is kept.")
@click.option("--overwrite", is_flag=True, help="Replace the run that --run-dir holds.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train with N seeds, and tell mean and spread.",
)
@click.option("--tensorboard", is_flag=True, help="Keep logs for TensorBoard in the run folder.")
@options.device
@options.as_json
@click.pass_obj
def train(
    terminal: Terminal,
    config: str,
    overrides: tuple[str, ...],
    run_dir: str | None,
    overwrite: bool,
    seeds: int | None,
    tensorboard: bool,
    device: str | None,
    as_json: bool,
) -> None:
    """Train the network that CONFIG says, and leave a run folder.

    The folder (default runs/NAME, then runs/NAME-2, …) holds the resolved config, metrics,
    checkpoints, a diagram and a record of the environment. Its path is printed on stdout.
    """
    from nnpy import api
    from nnpy import config as configs
    from nnpy.cli.progress import TerminalWatcher

    checked = configs.load(config, overrides)
    terminal.quiet()
    how: dict[str, Any] = {
        "run_dir": run_dir,
        "overwrite": overwrite,
        "tensorboard": tensorboard,
        "device": device,
        "watcher": TerminalWatcher(terminal),
    }
    if seeds is not None:
        _several(terminal, checked, seeds, how, as_json)
        return
    run = api.train(checked, **how)
    terminal.result({"run": str(run), **run.summary()} if as_json else str(run))


def _several(
    terminal: Terminal, checked: Config, count: int, how: dict[str, Any], as_json: bool
) -> None:
    from nnpy import seeds

    runs = seeds.train(checked, count, **how)
    spread = seeds.spread(runs)
    if as_json:
        terminal.result({"runs": [str(run) for run in runs], "test": spread})
        return
    head = ["test", "mean", "deviation", "least", "greatest"]
    rows = [[name, *(f"{told[key]:.4f}" for key in head[1:])] for name, told in spread.items()]
    terminal.say(tables.table(head, rows, numeric=range(1, 5)))
    terminal.result("\n".join(map(str, runs)))
