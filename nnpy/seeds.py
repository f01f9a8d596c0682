"""One config trained with several seeds: how much of a result is luck."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from nnpy import api, config
from nnpy.run import Run
from nnpy.watcher import Watcher


def train(
    checked: config.Config,
    count: int,
    *,
    run_dir: str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    tensorboard: bool = False,
    watcher: Watcher | None = None,
) -> list[Run]:
    """Trains with the config's seed and the `count - 1` after it; each is a run of its own.

    With `run_dir` the folders are DIR-seed0, DIR-seed1, …
    """
    runs: list[Run] = []
    first = checked.training.seed
    for seed in range(first, first + count):
        if runs:
            import keras

            keras.backend.clear_session()  # a model's layers are numbered from the start again
        runs.append(
            api.train(
                _with_seed(checked, seed),
                run_dir=None if run_dir is None else f"{run_dir}-seed{seed}",
                overwrite=overwrite,
                device=device,
                tensorboard=tensorboard,
                watcher=watcher,
            )
        )
    return runs


def _with_seed(checked: config.Config, seed: int) -> config.Config:
    again = config.load(checked.resolved, [f"training.seed={seed}"])
    return dataclasses.replace(again, name=checked.name)


def spread(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """For each test metric: mean, standard deviation (n - 1), least and greatest."""
    tests = [run.summary().get("test") or {} for run in runs]
    names = dict.fromkeys(name for test in tests for name in test)
    found = {}
    for name in names:
        values = [test[name] for test in tests if name in test]
        found[name] = {
            "mean": statistics.fmean(values),
            "deviation": statistics.stdev(values) if len(values) > 1 else 0.0,
            "least": min(values),
            "greatest": max(values),
            "values": values,
        }
    return found
