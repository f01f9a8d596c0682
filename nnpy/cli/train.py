"""`nnpy train`: a config → a run folder."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Train the network that a config says.")
@click.argument("config", type=click.Path())
@options.overrides
@click.option("--run-dir", metavar="DIR", type=click.Path(), help="Where the run is kept.")
@click.option("--overwrite", is_flag=True, help="Replace the run that --run-dir holds.")
@options.device
@options.as_json
@click.pass_obj
def train(
    terminal: Terminal,
    config: str,
    overrides: tuple[str, ...],
    run_dir: str | None,
    overwrite: bool,
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
    run = api.train(
        checked,
        run_dir=run_dir,
        overwrite=overwrite,
        device=device,
        watcher=TerminalWatcher(terminal),
    )
    terminal.result({"run": str(run), **run.summary()} if as_json else str(run))
