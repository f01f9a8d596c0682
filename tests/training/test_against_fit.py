"""A training beside plain Keras: `model.fit` on the same batches in the same order.

What nnpy writes into metrics.csv, the epoch that it keeps and the weights that it ends with are
those of Keras, whatever the callbacks and the optimizer do.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nnpy
from nnpy import api
from nnpy.config.load import load_config
from nnpy.data import registry
from nnpy.engine import permutation
from nnpy.errors import ConfigError
from nnpy.runs.folder import Run

pytestmark = pytest.mark.usefixtures("without_report")

EPOCHS, BATCH = 4, 40
CODE = '''
import keras


class Watching(keras.callbacks.Callback):
    """Halves the learning rate every 10 steps, and stops in the middle of the third epoch."""

    def __init__(self):
        super().__init__()
        self.steps = 0
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        self.steps += 1
        if self.steps % 10 == 0:
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate * 0.5

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])
        if self.steps == 29:
            self.model.stop_training = True

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])


class TwoNumbers(keras.metrics.SparseCategoricalCrossentropy):
    def result(self):
        far = super().result()
        return {"far": far, "farther": 2 * far}


def warm_up(epoch, rate):
    return 0.002 if epoch < 2 else float(rate) * 0.5
'''


@pytest.fixture
def config(tiny: Path, tmp_path: Path) -> dict:
    (tmp_path / "own.py").write_text(CODE)
    return {
        "code": str(tmp_path / "own.py"),
        "data": {"name": "idx", "path": str(tiny), "validation_split": 0.2},
        "model": [
            "Flatten",
            {"Dense": {"units": 16, "activation": "relu"}},
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
        "training": {"epochs": EPOCHS, "batch_size": BATCH, "execution": "graph"},
    }


def changed(config: dict, model: Any = None, **training: Any) -> dict:
    return {
        **config,
        "training": {**config["training"], **training},
        **({} if model is None else {"model": model}),
    }


def fitted(config: dict, callbacks: Sequence[Any] = ()) -> tuple[keras.Model, dict[str, list]]:
    """What plain Keras comes to with the config's model, data and order of the examples."""
    checked = load_config(config)
    data, training = checked.data, checked.training
    dataset = registry.load(data.name, path=data.path, validation_split=data.validation_split)
    model = nnpy.build(config)
    train, validation = dataset.train, dataset.validation
    x, y = train.x.astype("float32") / 255, train.y
    order = [
        permutation(training.seed, epoch, len(x)) if training.shuffle else np.arange(len(x))
        for epoch in range(EPOCHS)
    ]
    rows = np.concatenate(order).reshape(-1, BATCH)
    steps = training.steps_per_epoch or len(x) // BATCH
    batches = tf.data.Dataset.from_tensor_slices(rows).map(
        lambda row: (tf.gather(x, row), tf.gather(y, row))
    )
    history = model.fit(
        batches,
        epochs=EPOCHS,
        steps_per_epoch=steps,
        validation_data=(validation.x.astype("float32") / 255, validation.y),
        validation_batch_size=BATCH,
        class_weight=training.class_weight,
        callbacks=list(callbacks),
        verbose=0,
    )
    return model, history.history


def assert_same(run: Run, model: keras.Model, history: dict[str, list]) -> None:
    """Metrics in the log, chosen epoch and final weights agree."""
    with run.metrics_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name, values in history.items():
        if name != "learning_rate":
            found = [float(row[name]) for row in rows]
            assert found == pytest.approx(values, rel=2e-5, abs=1e-6), name
    best = min(
        range(len(history["val_loss"])),
        key=lambda epoch: (-history["val_accuracy"][epoch], history["val_loss"][epoch]),
    )
    assert run.summary()["best_epoch"] == best + 1
    last = keras.models.load_model(run.last_path)
    for ours, theirs in zip(last.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


def test_averages_are_those_that_keras_validates_when_it_swaps(config, tmp_path) -> None:
    """`use_ema` alone is to nnpy what SwapEMAWeights is to Keras."""
    optimizer = {"Adam": {"learning_rate": 0.002, "use_ema": True, "ema_momentum": 0.9}}
    config = changed(config, optimizer=optimizer)
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    model, history = fitted(config, [keras.callbacks.SwapEMAWeights()])
    assert_same(run, model, history)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swap_ema_weights(config, tmp_path, swap_on_epoch) -> None:
    optimizer = {"SGD": {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}}
    swap = {"SwapEMAWeights": {"swap_on_epoch": swap_on_epoch}}
    config = changed(config, optimizer=optimizer, callbacks=[swap])
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    swapping = keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
    assert_same(run, *fitted(config, [swapping]))


@pytest.mark.parametrize("execution", ["graph", "xla"])
def test_an_own_batch_callback(config, tmp_path, execution) -> None:
    """It changes the learning rate within an epoch, and ends the training within one."""
    config = changed(config, callbacks=["Watching"], execution=execution)
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    namespace: dict[str, Any] = {}
    exec(CODE, namespace)
    model, history = fitted(config, [namespace["Watching"]()])
    assert len(history["loss"]) == 3
    assert_same(run, model, history)


def test_a_learning_rate_by_a_function(config, tmp_path) -> None:
    schedule = {"LearningRateScheduler": {"schedule": "warm_up"}}
    config = changed(config, callbacks=[schedule])
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    namespace: dict[str, Any] = {}
    exec(CODE, namespace)
    scheduler = keras.callbacks.LearningRateScheduler(namespace["warm_up"])
    model, history = fitted(config, [scheduler])
    assert_same(run, model, history)
    rates = [row["learning_rate"] for row in run.metrics()]
    assert rates == pytest.approx(history["learning_rate"])


def test_a_metric_of_several_numbers_by_name(config, tmp_path) -> None:
    config = changed(config, metrics=["accuracy", "TwoNumbers"])
    stopping = {"EarlyStopping": {"monitor": "val_farther", "mode": "min", "patience": 9}}
    run = nnpy.train(changed(config, callbacks=[stopping]), run_dir=str(tmp_path / "run"))
    model, history = fitted(config)
    assert {"far", "val_farther"} <= set(history)
    assert_same(run, model, history)


def test_a_stateful_lstm(config, tmp_path) -> None:
    model = {
        "inputs": {"rows": {"shape": [28, 28], "batch_size": BATCH}},
        "layers": [
            {"LSTM": {"units": 8, "stateful": True}},
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
    }
    config = changed(config, model, shuffle=False)
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    assert_same(run, *fitted(config))
    # The states are zero before the test set, whatever was seen before.
    assert nnpy.evaluate(run)["metrics"] == pytest.approx(run.summary()["test"], rel=1e-5)
    pictures = np.zeros((3, 28, 28), "uint8")
    np.save(tmp_path / "three.npy", pictures)
    answers = api.predict(run, [tmp_path / "three.npy"])["predictions"]
    assert len(answers) == 3
    words = "leave a rest of 120 validation examples and 200 test examples: use one of"
    with pytest.raises(ConfigError, match=words):
        odd = {"inputs": {"rows": {"batch_size": 50}}, "layers": model["layers"]}
        nnpy.train(changed(config, odd, batch_size=50), run_dir=str(tmp_path / "odd"))
    assert not (tmp_path / "odd").exists()


def test_epochs_of_so_many_steps_with_weighted_metrics(config, tmp_path) -> None:
    """A pass has 12 steps: the second epoch goes on where the first ended."""
    config = changed(
        config,
        steps_per_epoch=9,
        class_weight={number: 0.5 + number / 5 for number in range(10)},  # Keras wants them all
        weighted_metrics=["accuracy", {"SparseCategoricalCrossentropy": {"name": "far"}}],
    )
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    model, history = fitted(config)
    assert {"weighted_accuracy", "far", "val_weighted_accuracy", "val_far"} <= set(history)
    assert_same(run, model, history)
