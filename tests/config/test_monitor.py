"""The names and the better ways of what a training measures."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from nnpy.catalog import catalog
from nnpy.config.load import load_config
from nnpy.errors import ConfigError

MODEL = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]


def load(code: Any = None, **training: Any):
    training = {"loss": "categorical_crossentropy", **training}
    config = {"data": {"labels": "one_hot"}, "model": MODEL, "training": training}
    return load_config({**config, **({"code": str(code)} if code else {})})


@pytest.mark.parametrize(
    ("metric", "name", "mode"),
    [
        ("FalsePositives", "false_positives", "min"),
        ("TruePositives", "true_positives", "max"),
        ({"RootMeanSquaredError": {"name": "rmse"}}, "rmse", "min"),
        ({"LogCoshError": {}}, "logcosh", "min"),
        ("mse", "mse", "min"),
        ({"AUC": {"name": "a_loss_of_a_name"}}, "a_loss_of_a_name", "max"),
        ({"MeanAbsoluteError": {"name": "accuracy_error_free"}}, "accuracy_error_free", "min"),
        ({"PrecisionAtRecall": {"recall": 0.5}}, "precision_at_recall", "max"),
    ],
)
def test_the_direction_is_that_of_the_class_whatever_the_name(metric, name, mode):
    config = load(metrics=[metric], monitor=f"val_{name}")
    assert config.training.monitor_mode == mode


def test_an_unknown_direction_is_asked_for(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(CODE)
    with pytest.raises(ConfigError, match="add monitor_mode: min or max"):
        load(path, metrics=["byFunction"], monitor="val_byFunction")
    assert load(path, metrics=["byFunction"], monitor="val_byFunction", monitor_mode="max")


def test_every_metric_of_keras_has_a_direction_or_is_named_here():
    known = catalog.load()
    without = {name for name in known.names("metric") if not known.find("metric", name).direction}
    assert without == {"Mean", "MeanMetricWrapper", "Sum"}


CODE = """
import keras

class Inherits(keras.metrics.F1Score):
    pass

class Defaults(keras.metrics.Metric):
    def __init__(self, name="mine", **kwargs):
        super().__init__(name=name, **kwargs)
        self._direction = "down"

class Hard(keras.metrics.AUC):
    def __init__(self):
        super().__init__(name="hard_coded")

class Bare(keras.metrics.Metric):
    def result(self):
        return 0.0

class Below(Hard):
    pass

class Computed(keras.metrics.AUC):
    def __init__(self):
        super().__init__(name="a" + "b")

def byFunction(y_true, y_pred):
    return y_pred
"""


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("Inherits", "f1_score"),
        ("Defaults", "mine"),
        ("Hard", "hard_coded"),
        ("Below", "hard_coded"),
        ("Bare", "bare"),
        ("byFunction", "byFunction"),
    ],
)
def test_the_name_of_an_own_metric_is_the_one_that_keras_logs(metric, name, tmp_path):
    path = tmp_path / "own.py"
    path.write_text(CODE)
    assert load(path, metrics=[metric], monitor=f"val_{name}", monitor_mode="max")
    namespace: dict[str, Any] = {}
    exec(CODE, namespace)
    if isinstance(namespace[metric], type):
        keras.backend.clear_session()
        assert namespace[metric]().name == name
    with pytest.raises(ConfigError, match="there is no metric named 'val_inherit'"):
        load(path, metrics=[metric], monitor="val_inherit", monitor_mode="max")


def test_a_name_that_only_running_it_tells_is_not_refused(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(CODE)
    assert load(path, metrics=["Computed"], monitor="val_ab", monitor_mode="max")


def test_own_metrics_have_the_direction_of_what_they_derive_from(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(CODE)
    config = load(path, metrics=["Inherits"], monitor="val_f1_score")
    assert config.training.monitor_mode == "max"
    config = load(path, metrics=["Defaults"], monitor="val_mine")
    assert config.training.monitor_mode == "min"


def test_weighted_metrics_are_named_as_keras_names_them():
    for name in ("val_weighted_accuracy", "weighted_accuracy", "val_mse"):
        assert load(weighted_metrics=["accuracy", "mse"], monitor=name)
    with pytest.raises(ConfigError, match="there is no metric named 'val_weighted_mse'"):
        load(weighted_metrics=["accuracy", "mse"], monitor="val_weighted_mse")


def test_an_epoch_must_be_validated_for_once():
    with pytest.raises(ConfigError, match="none of the 5 epochs is validated"):
        load(validation_freq=6)
    with pytest.raises(ConfigError, match="none of the 5 epochs is validated"):
        load(validation_freq=[7, 6])
    assert load(validation_freq=[1, 5])
