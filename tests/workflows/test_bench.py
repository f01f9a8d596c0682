"""The comparison of speeds: every contestant trains, one that cannot says why."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from nnpy.config import load as config
from nnpy.config.yaml import parse
from nnpy.data.dataset import Preparation, Split
from nnpy.devices import select
from nnpy.errors import RunError
from nnpy.workflows.bench import measure


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
    speeds = measure.bench(
        lambda name: measure.runner(name, model(), Preparation(1 / 255), split, 16),
        examples=640,
        batch_size=16,
        seconds=0.05,
        rounds=2,
        progress=told.append,
    )
    assert [speed.name for speed in speeds] == list(measure.CONTESTANTS)
    for speed in speeds:
        assert speed.samples_per_second > 0
        assert speed.epoch_seconds == pytest.approx(640 / speed.samples_per_second)
        assert speed.compile_seconds >= 0
        assert set(speed.as_dict()) >= {"name", "samples_per_second", "epoch_seconds", "error"}
    assert "xla: compiling" in told


CONVOLUTION = """
data: {{name: idx, path: {path}}}
model:
  - Conv2D: {{filters: 2, kernel_size: 3, activation: relu}}
  - Flatten
  - Dense: {{units: 10, activation: softmax}}
training: {{batch_size: 64}}
"""


def test_keras_has_its_own_threads_where_nnpy_sets_them(nnpy, write, tiny):
    """A model that is trained in parts: `model.fit` is measured in a process of its own."""
    config = write("conv.yaml", CONVOLUTION.format(path=tiny))
    done = nnpy("bench", config, "--json", "--seconds", 0.1, "--rounds", 1, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["error"] for each in found["speeds"]] == [""] * 5
    assert found["choice"]["mode"] == "graph"
    assert found["choice"]["parts"] == (select.cores_here() > 1)
    assert ("one thread an operation" in found["device"]) == found["choice"]["parts"]


def test_the_other_process_answers_with_its_errors(tiny):
    moved = "model:\n  - RandomTranslation: {height_factor: 0.1, width_factor: 0.1}\n"
    text = CONVOLUTION.format(path=tiny).replace("model:\n", moved)
    elsewhere = measure.Elsewhere(config.load(parse.parse(text, "c.yaml").plain()), "cpu")
    try:
        steps, seconds = elsewhere.runner_of(measure.FIT)(0.0)
        assert steps == 1
        assert seconds > 0
        with pytest.raises(RunError, match="XLA cannot compile this model"):
            elsewhere.runner_of("xla")(0.1)
    finally:
        elsewhere.close()
    with pytest.raises(RunError, match=r"process of model\.fit ended"):
        elsewhere.runner_of(measure.FIT)(0.1)
