"""The comparison of speeds: every contestant trains, one that cannot says why."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy import bench
from nnpy.data.dataset import Preparation, Split


def model() -> keras.Model:
    made = keras.Sequential(
        [keras.layers.Input((6, 6)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def test_every_contestant_is_measured():
    random = np.random.default_rng(0)
    split = Split(
        random.integers(0, 255, (640, 6, 6), "uint8"), random.integers(0, 3, 640, "uint8")
    )
    told: list[str] = []
    speeds = bench.bench(
        model,
        Preparation(1 / 255),
        split,
        batch_size=16,
        seconds=0.05,
        rounds=2,
        progress=told.append,
    )
    assert [speed.name for speed in speeds] == list(bench.CONTESTANTS)
    for speed in speeds:
        assert speed.samples_per_second > 0
        assert speed.epoch_seconds == pytest.approx(640 / speed.samples_per_second)
        assert speed.compile_seconds >= 0
        assert set(speed.as_dict()) >= {"name", "samples_per_second", "epoch_seconds", "error"}
    assert "xla: compiling" in told
