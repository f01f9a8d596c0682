"""Loss, last layer and metrics against labels, numbers, and the example itself."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.errors import ConfigError

RNG = np.random.default_rng(0)
TARGETS = {
    "number": RNG.random(40),
    "numbers": RNG.random((40, 3)),
    "labels": RNG.integers(0, 2, (40, 3)),
    "classes": np.arange(40) % 3,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    for name, y in TARGETS.items():
        np.savez(folder / f"{name}.npz", x=RNG.random((40, 4)), y=y)
    np.savez(folder / "alone.npz", x=RNG.random((40, 4)))
    return folder


def checked(files, name, last, data=None, **training):
    section = {"source": {"arrays": {"path": str(files / f"{name}.npz")}}, **(data or {})}
    return load_config({"data": section, "model": [{"Dense": last}], "training": training})


def test_what_is_left_open_is_chosen_by_the_task(files):
    for name, units, loss, metric in (
        ("number", 1, "mean_squared_error", "mae"),
        ("labels", 3, "binary_crossentropy", "binary_accuracy"),
        ("classes", 3, "sparse_categorical_crossentropy", "accuracy"),
    ):
        ending = {"number": None, "labels": "sigmoid", "classes": "softmax"}[name]
        config = checked(files, name, {"units": units, "activation": ending})
        assert config.training.loss.name == loss
        assert config.resolved["training"]["metrics"] == [metric]
    config = checked(files, "classes", {"units": 4}, data={"target": "input"})
    assert config.training.loss.name == "mean_squared_error"
    config = checked(files, "number", {"units": 1}, loss="mae", metrics=["mse"])
    assert (config.training.loss.name, config.resolved["training"]["metrics"]) == ("mae", ["mse"])


@pytest.mark.parametrize(
    ("name", "last", "training", "message"),
    [
        ("number", {"units": 2}, {}, "ends in 2 outputs, but the target is a number .*units: 1"),
        ("numbers", {"units": 1}, {}, "the target is 3 numbers"),
        ("numbers", {"units": 3, "activation": "softmax"}, {}, "sum to 1.*leave it out"),
        ("number", {"units": 1}, {"metrics": ["accuracy"]}, "for classes.*did you mean 'mae'"),
        (
            "number",
            {"units": 1},
            {"loss": "sparse_categorical_crossentropy"},
            "for classes, but the target is a number.*mean_squared_error",
        ),
        ("number", {"units": 1}, {"loss": "binary_crossentropy"}, "mean_squared_error"),
        ("number", {"units": 1}, {"class_weight": {0: 2.0}}, "only classes have weights"),
        ("labels", {"units": 3, "activation": "softmax"}, {}, "exclude one another.*sigmoid"),
        (
            "labels",
            {"units": 3, "activation": "sigmoid"},
            {"loss": "categorical_crossentropy"},
            "use 'binary_crossentropy'",
        ),
        (
            "labels",
            {"units": 3, "activation": "sigmoid"},
            {"metrics": ["accuracy"]},
            "use 'binary_accuracy'",
        ),
        ("labels", {"units": 2, "activation": "sigmoid"}, {}, "3 labels.*units: 3"),
        ("alone", {"units": 2}, {}, "target: input"),
    ],
)
def test_what_does_not_fit_is_told(files, name, last, training, message):
    with pytest.raises(ConfigError, match=message):
        checked(files, name, last, **training)


def test_an_end_that_cannot_reach_the_numbers_is_told(files):
    notes = checked(files, "number", {"units": 1, "activation": "relu"}).notes
    assert any("standardized around 0" in note for note in notes)
    poisson = checked(files, "number", {"units": 1, "activation": "softplus"}, loss="poisson")
    assert not any("standardized" in note for note in poisson.notes)
