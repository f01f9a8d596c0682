"""`nnpy train`: a config → a run folder."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Train the network that a config says.")
@click.argument("config", type=click.Path(), required=False)
@options.overrides
@click.option("--run-dir", metavar="DIR", type=click.Path(), help="Where the run is kept.")
@click.option("--overwrite", is_flag=True, help="Replace the run that --run-dir holds.")
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value="",
    type=click.Path(),
    help="Go on with a run that was left; default: the newest unfinished.",
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="The same bits each time on a GPU too; it may take up to 8 times as long.",
)
@options.device
@options.as_json
@click.pass_obj
def train(
    terminal: Terminal,
    config: str | None,
    overrides: tuple[str, ...],
    run_dir: str | None,
    overwrite: bool,
    resume: str | None,
    deterministic: bool,
    device: str | None,
    as_json: bool,
) -> None:
    """Train the network that CONFIG says, and leave a run folder; or go on with one.

    The folder (default runs/NAME, then runs/NAME-2, …) holds the resolved config, metrics,
    checkpoints, a diagram and a record of the environment. Its path is printed on stdout.
    """
    from nnpy import api
    from nnpy import config as configs
    from nnpy.cli.progress import TerminalWatcher

    if resume is not None:
        for given, name in (
            (config, f"the config {config}"),
            (run_dir, "--run-dir"),
            (overwrite, "--overwrite"),
            (deterministic, "--deterministic"),
        ):
            if given:
                raise click.UsageError(f"--resume goes on as the run began, without {name}")
        terminal.quiet()
        run = api.resume(
            resume or None, overrides=overrides, device=device, watcher=TerminalWatcher(terminal)
        )
    else:
        if config is None:
            raise click.UsageError("name a CONFIG, or --resume [RUN]")
        checked = configs.load(config, overrides)
        terminal.quiet()
        run = api.train(
            checked,
            run_dir=run_dir,
            overwrite=overwrite,
            deterministic=deterministic,
            device=device,
            watcher=TerminalWatcher(terminal),
        )
    terminal.result({"run": str(run), **run.summary()} if as_json else str(run))
