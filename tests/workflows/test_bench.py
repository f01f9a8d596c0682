"""The comparison of speeds: every contestant trains, one that cannot says why."""

from __future__ import annotations

import json

import pytest

from nnpy.config.load import load_config
from nnpy.config.yaml import parse
from nnpy.devices.host import cores_here
from nnpy.errors import RunError
from nnpy.workflows.bench import measure
from nnpy.workflows.bench.process import Elsewhere
from nnpy.workflows.bench.runners import CONTESTANTS, FIT, Here


def test_every_contestant_is_measured(tiny_config):
    config = load_config(tiny_config)
    told: list[str] = []
    speeds = measure.bench(
        Here(config, "cpu", split_batches=False).ready().runner_of,
        examples=480,
        batch_size=50,
        seconds=0.05,
        rounds=2,
        progress=told.append,
    )
    assert [speed.name for speed in speeds] == list(CONTESTANTS)
    for speed in speeds:
        assert speed.samples_per_second > 0
        assert speed.epoch_seconds == pytest.approx(480 / speed.samples_per_second)
        assert speed.compile_seconds >= 0
        assert set(speed.as_dict()) >= {"name", "samples_per_second", "epoch_seconds", "error"}
    assert "xla: compiling" in told


def test_a_contestant_trains_as_the_config_says(tiny_config):
    training = {**tiny_config["training"], "class_weight": dict.fromkeys(range(10), 0.0)}
    config = load_config({**tiny_config, "training": training})
    session = Here(config, "cpu", split_batches=False).ready().session
    engine = session.engine(session.build_model(), execution="graph")
    assert engine.train_epoch(session.dataset().train, 0)["loss"] == 0.0  # nothing counts


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
    assert found["choice"]["parts"] == (cores_here() > 1)
    assert ("one thread per operation" in found["device"]) == found["choice"]["parts"]


def test_the_other_process_answers_with_its_errors(tiny):
    moved = "model:\n  - RandomTranslation: {height_factor: 0.1, width_factor: 0.1}\n"
    text = CONVOLUTION.format(path=tiny).replace("model:\n", moved)
    elsewhere = Elsewhere(load_config(parse.parse(text, "c.yaml").plain()), "cpu")
    try:
        steps, seconds = elsewhere.runner_of(FIT)(0.0)
        assert steps == 1
        assert seconds > 0
        with pytest.raises(RunError, match="XLA cannot compile this model"):
            elsewhere.runner_of("xla")(0.1)
    finally:
        elsewhere.close()
    with pytest.raises(RunError, match=r"process of model\.fit ended"):
        elsewhere.runner_of(FIT)(0.1)
