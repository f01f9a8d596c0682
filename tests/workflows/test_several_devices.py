"""A training that several devices share, from the config to the run folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nnpy.config.load import load_config
from nnpy.devices.select import Devices
from nnpy.errors import ConfigError, DeviceError, UsageError
from nnpy.workflows import distribution

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("devices")
    command = [sys.executable, "-m", "tests.support.train_on_devices", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_left_within_an_epoch_and_resumed_it_ends_with_the_same_bits(trained):
    [resumed] = trained["summaries"]["left"]["resumed"]
    assert resumed["epoch"] == 1
    assert resumed["step"] > 0
    assert resumed["notices"] == []
    assert trained["digests"]["left"] == trained["digests"]["whole"]


def test_resumed_on_one_device_it_goes_on_to_the_same_results_and_says_so(trained):
    [resumed] = trained["summaries"]["moved"]["resumed"]
    assert resumed["step"] > 0
    assert any("bit-for-bit equal results are not" in each for each in resumed["notices"])
    for ours, theirs in zip(trained["rows"]["moved"], trained["rows"]["whole"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    ours, theirs = (trained["summaries"][name]["test"] for name in ("moved", "whole"))
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_it_is_told_on_how_many_devices(trained):
    assert trained["summaries"]["whole"]["distribution"] == {"strategy": "mirrored", "replicas": 2}
    assert trained["summaries"]["whole"]["exchange"]["bytes_per_step"] > 4 * (784 * 8 + 90)
    assert trained["summaries"]["whole"]["exchange"]["seconds_per_step"] > 0
    assert "exchange" not in trained["summaries"]["moved"]
    assert trained["summaries"]["moved"]["distribution"] == {"strategy": "none", "replicas": 1}
    assert trained["summaries"]["whole"]["device"].endswith("divided into 2 devices")
    assert "each batch of 9 is shared by 2 devices" in trained["said"]
    assert any(each.startswith("BatchNormalization takes its stat") for each in trained["said"])


# -- what does not go together ---------------------------------------------------------------

STACK = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
FIXED = {"inputs": {"x": {"shape": [28, 28], "batch_size": 32}}, "layers": STACK}


def config(model=STACK, **training):
    return load_config({"data": {"name": "fashion_mnist"}, "model": model, "training": training})


@pytest.mark.parametrize("asked", ["2", "all", "0,1"])
def test_none_is_for_one_device(asked):
    with pytest.raises(UsageError, match=r"training\.distribute is none, which is for one device"):
        distribution.plan(config(distribute="none"), asked)
    assert distribution.plan(config(distribute="none"), "1").most == 1
    assert distribution.plan(config(distribute="none"), None).most == 1


@pytest.mark.parametrize(
    ("model", "training", "words"),
    [
        (STACK, {"execution": "xla"}, "training.execution: xla is for one device"),
        (STACK, {"execution": "eager"}, "training.execution: eager is for one device"),
        (FIXED, {}, "a model with a fixed batch size cannot share its batches"),
    ],
)
def test_what_cannot_be_shared_is_left_on_one_device_or_refused(model, training, words):
    plan = distribution.plan(config(model, **training), None)
    assert plan.most == 1
    assert plan.notes(there=1) == []
    assert words in plan.notes(there=4)[0]
    with pytest.raises(UsageError) as asked:
        distribution.plan(config(model, **training), "2")
    assert words in str(asked.value)
    with pytest.raises(ConfigError) as wrong:
        config(model, distribute="mirrored", **training)
    [problem] = wrong.value.problems
    assert problem.path == "training.distribute"
    assert words in problem.message


def test_no_more_devices_than_a_batch_has_examples():
    assert distribution.plan(config(batch_size=3), None).most == 3
    four = Devices(("GPU:0", "GPU:1", "GPU:2", "GPU:3"), "four")
    with pytest.raises(UsageError, match=r"a batch of 3 cannot be shared by 4 devices; use --set"):
        distribution.check(config(batch_size=3), four)


def test_mirrored_on_one_device_is_refused():
    with pytest.raises(DeviceError, match=r"mirrored needs several devices, and there is one: a C"):
        distribution.check(config(distribute="mirrored"), Devices(("CPU:0",), "a CPU"))
    distribution.check(config(distribute="auto"), Devices(("CPU:0",), "a CPU"))
