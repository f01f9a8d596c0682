"""One config trained with several seeds: how much of a result is luck."""

from __future__ import annotations

import dataclasses
import secrets
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnpy.config.config import Config
from nnpy.runs.folder import Run
from nnpy.workflows.track import group_of
from nnpy.workflows.train import train_config


def train_seeds(
    config: Config, count: int, *, run_dir: str | None = None, **options: Any
) -> list[Run]:
    """Trains with the config's seed and the `count - 1` after it; each is a run of its own.

    With `run_dir` the folders are DIR-seed0, DIR-seed1, … The other options are `train_config`'s.
    """
    runs: list[Run] = []
    first = config.training.seed
    key = secrets.token_hex(8)
    group = group_of(f"{config.name}, {count} seeds", key, Path(tempfile.gettempdir()))
    for seed in range(first, first + count):
        if runs:
            import keras

            keras.backend.clear_session()  # a model's layers are numbered from the start again
        place = None if run_dir is None else f"{run_dir}-seed{seed}"
        runs.append(train_config(_with_seed(config, seed), run_dir=place, group=group, **options))
    return runs


def _with_seed(config: Config, seed: int) -> Config:
    training = dataclasses.replace(config.training, seed=seed)
    resolved = {**config.resolved, "training": {**config.resolved["training"], "seed": seed}}
    return dataclasses.replace(config, training=training, resolved=resolved)


def spread(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """For each test metric: mean, sample standard deviation (n - 1), min and max."""
    tests = [run.summary().get("test") or {} for run in runs]
    names = dict.fromkeys(name for test in tests for name in test)
    result = {}
    for name in names:
        values = [test[name] for test in tests if name in test]
        std = statistics.stdev(values) if len(values) > 1 else 0.0
        low, high = min(values), max(values)
        result[name] = {
            "mean": statistics.fmean(values),
            "std": std,
            "min": low,
            "max": high,
            "values": values,
            # The names of nnpy 0.1, for programs that read them.
            "deviation": std,
            "least": low,
            "greatest": high,
        }
    return result
