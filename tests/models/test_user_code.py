"""Own Python files: what they may define, and which file of a name is meant."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy import api
from nnpy.config.load import load_config
from nnpy.errors import ConfigError
from nnpy.models.instantiate import instantiate
from nnpy.models.user_code import own_objects

OWN = '''
import enum
from dataclasses import dataclass
from typing import NamedTuple

import keras


class Quiet(keras.callbacks.Callback):
    """Looks on."""

    def on_epoch_end(self, epoch, logs=None):
        self.seen = epoch


@dataclass
class Settings:
    factor: float = 2.0


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Pair(NamedTuple):
    a: int = 1


class Plain:
    pass


class Problem(ValueError):
    pass


class Halver:
    def __init__(self, by=2.0):
        self.by = by

    def __call__(self, epoch, rate):
        return rate / self.by


class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, mode="fast", **kwargs):
        super().__init__(**kwargs)
        self.settings, self.mode = Settings(factor), Mode(mode)

    def call(self, inputs):
        return inputs * self.settings.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.settings.factor, "mode": self.mode.value}


def halve(epoch, rate):
    return rate / 2


double = lambda inputs: inputs * 2


def distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(keras.ops.cast(y_true, y_pred.dtype) - y_pred), -1)


def note(epoch, logs):
    pass


def rate():
    return 0.25
'''
MODEL = "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"


def write(folder, text, code=OWN):
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_text(code, encoding="utf-8")
    path = folder / "c.yaml"
    path.write_text(f"code: own.py\n{text}", encoding="utf-8")
    return path


def made(folder, training, **sections):
    config = load_config(write(folder, f"{MODEL}training: {training}\n"), **sections)
    own_objects(config)
    return config.training


def test_a_file_may_define_what_keras_cannot_register(tmp_path):
    path = write(tmp_path, "model: [Flatten, {Scale: {factor: 3.0}}, {Dense: {units: 10}}]\n")
    model = api.build(path)
    assert model.layers[1].get_config()["factor"] == 3.0
    assert model.layers[1].mode.name == "FAST"
    assert keras.saving.get_registered_name(type(model.layers[1])) == "own>Scale"


def test_an_own_callback(tmp_path):
    training = made(tmp_path, "{callbacks: [Quiet]}")
    assert type(instantiate(training.callbacks[0])).__name__ == "Quiet"


@pytest.mark.parametrize(
    ("schedule", "expected"), [("halve", 0.5), ("{Halver: {by: 4.0}}", 0.25), ("{Halver: }", 0.5)]
)
def test_a_learning_rate_scheduler_by_function(tmp_path, schedule, expected):
    training = made(
        tmp_path, f"{{callbacks: [{{LearningRateScheduler: {{schedule: {schedule}}}}}]}}"
    )
    assert instantiate(training.callbacks[0]).schedule(3, 1.0) == expected


def test_a_lambda_callback_by_functions(tmp_path):
    hooks = "on_epoch_end: note, on_test_begin: note, on_train_batch_end: note"
    callback = instantiate(
        made(tmp_path, f"{{callbacks: [{{LambdaCallback: {{{hooks}}}}}]}}").callbacks[0]
    )
    assert callback.on_epoch_end.__name__ == "note"
    assert callback.on_test_begin.__name__ == "note"


def test_functions_wherever_keras_takes_one(tmp_path):
    metrics = "[distance, {MeanMetricWrapper: {fn: distance, name: d}}]"
    text = f"{{optimizer: {{SGD: {{learning_rate: rate}}}}, metrics: {metrics}}}"
    training = made(tmp_path, text)
    assert float(instantiate(training.optimizer).learning_rate) == 0.25
    assert instantiate(training.metrics[0]).__name__ == "distance"
    assert float(instantiate(training.metrics[1])(np.zeros((2, 3)), np.ones((2, 3)))) == 1.0


@pytest.mark.parametrize(
    "function", ["double", "relu", "activations.tanh", "keras.activations.relu"]
)
def test_a_lambda_layer_by_function(tmp_path, function):
    path = write(
        tmp_path,
        f"model: [Flatten, {{Lambda: {{function: {function}}}}}, {{Dense: {{units: 10}}}}]\n",
    )
    assert api.build(path).layers[1].function.__name__ == function.rpartition(".")[2].replace(
        "double", "<lambda>"
    )


@pytest.mark.parametrize("fn", ["mean_squared_error", "mse", "losses.mae", "binary_accuracy"])
def test_a_function_of_keras_by_its_name(fn):
    config = load_config({"model": ["Flatten", {"Dense": {"units": 10}}]})
    assert config.code == ()
    from nnpy.catalog import catalog
    from nnpy.config.checker import Checker
    from nnpy.config.yaml.nodes import from_plain

    checker = Checker(catalog.load())
    metric = checker.object(from_plain({"MeanMetricWrapper": {"fn": fn}}), ("metric",), "")
    assert not checker.problems
    assert callable(instantiate(metric)._fn)


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ("{callbacks: [{LearningRateScheduler: {schedule: halv}}]}", "did you mean 'halve'?"),
        ("{callbacks: [{LambdaCallback: {on_epoch_end: nothing_like_it}}]}", "unknown function"),
        (
            "{callbacks: [{LearningRateScheduler: {schedule: 3}}]}",
            "expected the name of a function",
        ),
        ("{optimizer: {SGD: {learning_rate: rat}}}", "'rat'"),
    ],
)
def test_an_unknown_function_is_told(tmp_path, training, said):
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, f"{MODEL}training: {training}\n"))
    assert said in str(error.value)


def test_the_file_that_the_config_names_is_meant_not_another_of_its_name(tmp_path):
    """A's layers.py, then B's layers.py, then A again: A's class, also after it was changed."""
    layer = (
        "import keras\nclass Add{0}(keras.layers.Layer):\n    def call(self, inputs):\n"
        "        return inputs + {0}\nclass Same(Add{0}):\n    pass\n"
    )
    text = "model: [Flatten, Same, {Dense: {units: 10, name: end}}]\n"
    paths = {n: write(tmp_path / f"{n}", text, layer.format(n)) for n in (1, 2)}

    def added(number):
        layer = api.build(paths[number]).layers[1]
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert float(again(np.zeros(1))[0]) == float(layer(np.zeros(1))[0])
        return float(layer(np.zeros(1))[0])

    assert [added(1), added(2), added(1)] == [1, 2, 1]
    first = load_config(paths[1])
    write(tmp_path / "1", text, layer.format(5))
    assert added(1) == 5
    assert float(api.build(first).layers[1](np.zeros(1))[0]) == 1


ABOVE = """
import keras


class Ten(keras.layers.Dense):
    def __init__(self, **kwargs):
        super().__init__(10, activation="softmax", **kwargs)


class Slower(keras.callbacks.LearningRateScheduler):
    def __init__(self, by=2.0, **kwargs):
        super().__init__(schedule=lambda epoch, rate: rate / by, **kwargs)


class Weights(keras.callbacks.ModelCheckpoint):
    def __init__(self, *places, **kwargs):
        super().__init__(*places, save_weights_only=True, **kwargs)
"""


def test_what_a_constructor_tells_the_one_above_is_no_argument(tmp_path):
    (tmp_path / "own.py").write_text(ABOVE, encoding="utf-8")
    path = tmp_path / "c.yaml"
    given = "code: own.py\nmodel: [Flatten, {Ten: {%s}}]\ntraining: {callbacks: [%s]}\n"
    callbacks = "{Slower: {by: 4.0}}, {Weights: {filepath: a.weights.h5}}"
    path.write_text(given % ("use_bias: false", callbacks), encoding="utf-8")
    checked = load_config(path)
    model = api.build(path)
    assert model.layers[-1].units == 10 and not model.layers[-1].use_bias
    slower = instantiate(checked.training.callbacks[0])
    assert slower.schedule(0, 1.0) == 0.25
    for layer, listed, said in (
        ("units: 3", "Slower", "unknown argument 'units'"),
        ("", "{Slower: {schedule: x}}", "unknown argument 'schedule'"),
        ("", "Weights", "missing argument 'filepath'"),
    ):
        path.write_text(given % (layer, listed), encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            load_config(path)
