"""A training as one worker of several goes through it, new or resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnpy.config.config import Config
from nnpy.devices.cluster import Cluster
from nnpy.runs.folder import Run
from nnpy.workflows import crew as crews
from nnpy.workflows.train import resume_run, train_config


def train(
    config: Config,
    cluster: Cluster,
    *,
    say: Callable[[str], None],
    run_dir: str | None = None,
    **options: Any,
) -> Run | None:
    """Trains with the other workers; the run, which the chief alone has.

    `options` are those of `train_config`. Raises DeviceError when a worker does not come, does
    not fit to the others, or is lost.
    """
    crew = crews.meet(cluster, say, resumes=False)
    with crew.together():
        if cluster.is_chief:
            return train_config(config, run_dir=run_dir, crew=crew, **options)
        with crews.own_folder() as folder:
            train_config(config, run_dir=str(folder / "run"), crew=crew, **options)
    return None


def resume(
    run: Callable[[], Run],
    cluster: Cluster,
    overrides: tuple[str, ...] = (),
    *,
    say: Callable[[str], None],
    **options: Any,
) -> Run | None:
    """Goes on with the chief's run; the others get its files from it.

    `run` finds it, and is asked in the chief only. `options` are those of `resume_run`.
    """
    mine = run() if cluster.is_chief else None
    crew = crews.meet(cluster, say, resumes=True, overrides=overrides)
    with crew.together():
        if mine is not None:
            crew.hand_out(mine)
            return resume_run(mine, overrides, crew=crew, **options)
        with crews.own_folder() as folder:
            resume_run(crew.take_over(folder), overrides, crew=crew, **options)
    return None
