"""The last resort: what Keras raises of a config is told at its line, and leaves no run."""

from __future__ import annotations

import keras
import pytest

import nnpy
from nnpy import api
from nnpy.engine import engine as engines
from nnpy.errors import ConfigError, DeviceError
from nnpy.models import build, calls

OWN = """
import keras


class ShyLayer(keras.layers.Layer):
    def call(self, inputs, training=None):
        if training:
            raise RuntimeError("never in training")
        return inputs


def odd_loss(y_true, y_pred):
    return keras.ops.matmul(y_pred, y_pred)


def far_loss(y_true, y_pred):
    return beyond(y_true, y_pred)


def beyond(y_true, y_pred):
    return keras.ops.take(y_pred, keras.ops.cast(y_true, "int32") + 100, axis=1)


class FarMetric(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(beyond(y_true, y_pred))


class FarLayer(keras.layers.Layer):
    def call(self, inputs):
        places = keras.ops.cast(inputs[:, 0], "int32") + 999
        return inputs + keras.ops.sum(keras.ops.take(inputs, places, axis=1))


class OddLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        raise TypeError("no such loss")


class OddMetric(keras.metrics.Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        raise ValueError("cannot be measured")

    def result(self):
        return 0.0


class OddOptimizer(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        raise ValueError("cannot go there")


class UnbuiltOptimizer(keras.optimizers.SGD):
    def build(self, variables):
        raise ValueError("cannot be built")


class OddCallback(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise KeyError("nothing")


class OddRegularizer(keras.regularizers.Regularizer):
    def __call__(self, x):
        return undefined

    def get_config(self):
        return {}
"""


@pytest.fixture
def config(tiny_config, tmp_path):
    """A config file whose training can be changed by `(model, training)` lines."""
    data = tiny_config["data"]
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")

    def write(model="ReLU", **training):
        lines = {"epochs": "1", "batch_size": "32", "execution": "graph", **training}
        path = tmp_path / "c.yaml"
        path.write_text(
            f"code: own.py\ndata: {{name: idx, path: {data['path']}}}\n"
            f"model:\n  - Flatten\n  - {model}\n  - Dense: {{units: 10, activation: softmax}}\n"
            "training:\n" + "".join(f"  {key}: {value}\n" for key, value in lines.items()),
            encoding="utf-8",
        )
        return path

    return write


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("changed", "path", "said"),
    [
        ({"model": "ShyLayer"}, "model[1].ShyLayer", "never in training (own.py, line 8)"),
        ({"loss": "odd_loss"}, "training.loss", "(own.py, line 13)"),
        ({"loss": "{OddLoss: {}}"}, "training.loss", "no such loss"),
        ({"metrics": "[accuracy, OddMetric]"}, "training.metrics[1]", "cannot be measured"),
        ({"optimizer": "{OddOptimizer: {}}"}, "training.optimizer", "cannot go there"),
        ({"optimizer": "UnbuiltOptimizer"}, "training.optimizer", "cannot be built"),
        ({"callbacks": "[OddCallback]"}, "training.callbacks[0]", "nothing"),
        (
            {"model": "{Dense: {units: 3, kernel_regularizer: OddRegularizer}}"},
            "model[1].Dense.kernel_regularizer",
            "'undefined' is not defined",
        ),
        ({"loss": "far_loss"}, "training.loss", "is out of range"),
        ({"metrics": "[accuracy, {FarMetric: {name: x}}]"}, "training.metrics[1]", "own.py, line "),
        ({"model": "FarLayer"}, "model[1].FarLayer", "own.py, line "),
        (
            {"model": "{Embedding: {input_dim: 1, output_dim: 1}}\n  - Flatten"},
            "model[1].Embedding",
            "is not in",
        ),
    ],
)
def test_the_line_is_told_and_no_run_is_left(config, tmp_path, changed, path, said):
    with pytest.raises(ConfigError) as error:
        nnpy.train(config(**changed), run_dir=str(tmp_path / "run"))
    (problem,) = error.value.problems
    assert problem.path.startswith(path) and problem.line > 0
    assert said in problem.message
    assert error.value.exit_code == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore")
def test_the_run_that_was_to_be_replaced_is_still_there(config, tmp_path):
    run = nnpy.train(config(), run_dir=str(tmp_path / "run"))
    before = run.metrics()
    with pytest.raises(ConfigError):
        nnpy.train(config(loss="{OddLoss: {}}"), run_dir=str(tmp_path / "run"), overwrite=True)
    assert run.metrics() == before and run.best_path.is_file()


@pytest.mark.filterwarnings("ignore")
def test_a_fault_of_nnpys_stays_one(config, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(engines.Engine, "_train_step", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        nnpy.train(config(), run_dir=str(tmp_path / "run"))


def test_a_fault_of_nnpys_while_a_model_is_built_is_no_mistake_of_the_config(config, monkeypatch):
    def broken(*_):
        raise TypeError("a bug")

    for module, place in ((build, "pick"), (calls, "_as_tuple")):
        monkeypatch.setattr(module, place, broken)
        with pytest.raises(TypeError, match="a bug"):
            api.build({"model": ["Flatten", {"ops.sum": {"axis": [0]}}, {"Dense": {"units": 10}}]})


def test_too_little_memory_is_no_mistake_of_the_config(config, tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError("no room")

    path = config()
    monkeypatch.setattr(keras.layers.Dense, "build", full)
    with pytest.raises(MemoryError):
        api.build(path)
    with pytest.raises(DeviceError, match="out of memory"):
        nnpy.train(path, run_dir=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_what_keras_refuses_while_a_model_is_built_is_told_at_its_line(config):
    path = config(model="{Reshape: {target_shape: [3, 5]}}")
    with pytest.raises(ConfigError) as error:
        api.build(path)
    assert error.value.problems[0].path == "model[1].Reshape"
