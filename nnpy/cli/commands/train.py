"""`nnpy train`: a config → a run folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal

if TYPE_CHECKING:
    from nnpy.config.config import Config
    from nnpy.devices.cluster import Cluster
    from nnpy.runs.folder import Run


@click.command(short_help="Train the network that a config describes.")
@click.argument("config", type=click.Path(), required=False)
@options.overrides
@click.option("--run-dir", metavar="DIR", type=click.Path(), help="Folder for the run.")
@click.option("--overwrite", is_flag=True, help="Replace an existing run in --run-dir.")
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value="",
    type=click.Path(),
    help="Resume an unfinished run; default: the newest.",
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="Make training bit-for-bit repeatable on a GPU, too; may take up to 8 times as long.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train with N seeds and report the mean and spread of the results.",
)
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard logs to the run folder.")
@options.device
@options.devices
@options.workers
@options.worker_index
@options.token
@options.worker_timeout
@options.as_json
@options.trust_code
@click.pass_obj
def train(
    terminal: Terminal,
    config: str | None,
    overrides: tuple[str, ...],
    run_dir: str | None,
    overwrite: bool,
    resume: str | None,
    deterministic: bool,
    seeds: int | None,
    tensorboard: bool,
    device: str | None,
    devices: str | None,
    workers: str | None,
    worker_index: int | None,
    token: str | None,
    worker_timeout: float | None,
    as_json: bool,
    trust_code: bool,
) -> None:
    """Train the network that CONFIG describes into a run folder, or resume a run.

    The folder (default runs/NAME, then runs/NAME-2, …) holds the resolved config, metrics,
    checkpoints, a diagram and a record of the environment. Its path is printed on stdout.
    """
    from nnpy import api
    from nnpy.cli.progress import TerminalProgress
    from nnpy.config.load import load_config
    from nnpy.devices.cluster import SLURM, cluster_of
    from nnpy.devices.slurm import divide_gpus

    how: dict[str, Any]
    cluster = cluster_of(workers, worker_index, token, worker_timeout)
    if workers == SLURM:
        divide_gpus(os.environ)
    if resume is not None:
        for given, name in (
            (config, f"the config {config}"),
            (run_dir, "--run-dir"),
            (overwrite, "--overwrite"),
            (deterministic, "--deterministic"),
            (seeds, "--seeds"),
            (tensorboard, "--tensorboard"),
        ):
            if given:
                raise click.UsageError(
                    f"--resume continues the run with its own settings; remove {name}"
                )
        terminal.quiet()
        how = {
            "device": device,
            "devices": devices,
            "trust_code": trust_code,
            "listener": TerminalProgress(terminal),
        }
        if cluster is not None:
            _tell(terminal, _as_worker(cluster, terminal, resume, overrides, how), as_json)
            return
        run = api.resume(resume or None, overrides=overrides, **how)
    else:
        if config is None:
            raise click.UsageError("expected a CONFIG or --resume [RUN]")
        checked = load_config(config, overrides, trust_code=trust_code)
        for note in checked.notes:
            terminal.say(note)
        terminal.quiet()
        how = {
            "run_dir": run_dir,
            "overwrite": overwrite,
            "deterministic": deterministic,
            "tensorboard": tensorboard,
            "device": device,
            "devices": devices,
            "listener": TerminalProgress(terminal),
        }
        if seeds is not None:
            if cluster is not None:
                raise click.UsageError("--seeds: several workers train one seed; remove --workers")
            _several(terminal, checked, seeds, how, as_json)
            return
        if cluster is not None:
            from nnpy.workflows import workers as crew

            _tell(terminal, crew.train(checked, cluster, say=terminal.say, **how), as_json)
            return
        run = api.train(checked, **how)
    _tell(terminal, run, as_json)


def _tell(terminal: Terminal, run: Run | None, as_json: bool) -> None:
    """The run as the result; of several workers the chief alone has one."""
    if run is not None:
        answer = {"run": str(run), **run.summary()} if as_json else str(run)
        terminal.result(answer, essential=False)


def _as_worker(
    cluster: Cluster, terminal: Terminal, name: str, overrides: tuple[str, ...], how: dict[str, Any]
) -> Run | None:
    """One worker's part in going on with a run."""
    from nnpy.runs.folder import Run
    from nnpy.workflows import workers
    from nnpy.workflows.target import open_run

    def found() -> Run:
        return open_run(name) if name else Run.newest_unfinished()

    return workers.resume(found, cluster, overrides, say=terminal.say, **how)


def _several(
    terminal: Terminal, checked: Config, count: int, how: dict[str, Any], as_json: bool
) -> None:
    from nnpy.workflows import seeds

    runs = seeds.train_seeds(checked, count, **how)
    spread = seeds.spread(runs)
    if as_json:
        terminal.result({"runs": [str(run) for run in runs], "test": spread}, essential=False)
        return
    head = ["test", "mean", "std", "min", "max"]
    rows = [[name, *(f"{each[key]:.4f}" for key in head[1:])] for name, each in spread.items()]
    terminal.say(tables.table(head, rows, numeric=range(1, 5)))
    terminal.result("\n".join(map(str, runs)), essential=False)
