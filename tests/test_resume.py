"""A resumed training may have a longer future, never another past."""

from __future__ import annotations

import copy

import pytest

from nnpy import resume
from nnpy.errors import UsageError

CONFIG = {
    "data": {"name": "fashion_mnist", "path": None},
    "model": ["Flatten", {"Dense": {"units": 10}}],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.001}}, "epochs": 5, "seed": 0},
}


def changed(**paths):
    config = copy.deepcopy(CONFIG)
    for path, value in paths.items():
        *keys, last = path.split("__")
        place = config
        for key in keys:
            place = place[key]
        place[last] = value
    return config


def test_the_future_may_change():
    for after in (
        CONFIG,
        changed(training__epochs=20),
        changed(training__checkpoint_minutes=1.0),
        changed(data__path="/elsewhere"),
    ):
        resume.check_changes(CONFIG, after, epochs_done=5)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (changed(training__seed=1), "training.seed is 0, not 1"),
        (
            changed(training__optimizer__Adam__learning_rate=0.01),
            "training.optimizer.Adam.learning_rate is 0.001, not 0.01",
        ),
        (changed(training__batch_size=64), "training.batch_size is not set, not 64"),
        (changed(data__name="mnist"), "data.name is 'fashion_mnist', not 'mnist'"),
        (changed(model=["Flatten"]), "model is "),
        (changed(training__epochs=4), "this run has finished 5 epochs already"),
    ],
)
def test_the_past_may_not(after, words):
    with pytest.raises(UsageError) as caught:
        resume.check_changes(CONFIG, after, epochs_done=5)
    assert words in str(caught.value)


def test_every_change_of_the_past_is_named():
    with pytest.raises(UsageError) as caught:
        resume.check_changes(CONFIG, changed(training__seed=1, data__name="mnist"), 0)
    assert "training.seed" in str(caught.value)
    assert "data.name" in str(caught.value)


def test_another_version_or_device_is_told():
    then = {"versions": {"tensorflow": "2.20.0", "click": "8.1"}, "device": "CPU"}
    now = {"versions": {"tensorflow": "2.21.0", "click": "8.2"}, "device": "GPU:0"}
    assert resume.notices(then, then) == []
    assert resume.notices(then, now) == [
        "versions.tensorflow was '2.20.0', is '2.21.0': equal results to the bit are not promised",
        "device was 'CPU', is 'GPU:0': equal results to the bit are not promised",
    ]
