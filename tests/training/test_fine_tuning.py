"""A network with weights of a file: its head is trained first, then all of it.

Beside the same in plain Keras, and left in each stage.
"""

from __future__ import annotations

import copy
import os
import signal

import keras
import numpy as np
import pytest

from nnpy import api
from nnpy.config.load import load_config
from nnpy.data import registry
from nnpy.engine import Engine, permutation
from nnpy.errors import Interrupted
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows import train
from nnpy.workflows.session import Session

pytestmark = pytest.mark.slow
SMALL = {"alpha": 0.35, "minimalistic": True}
SIZE, BATCH = 32, 120


class _Leave(ProgressListener):
    """Gives a signal after the second step of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_chunk_end(self, epoch, epochs, step, steps, logs) -> None:
        if (epoch, step) == (self.epoch, 2):
            os.kill(os.getpid(), signal.SIGTERM)


def _plain() -> keras.Model:
    return keras.applications.MobileNetV3Small(
        weights=None, include_top=False, pooling="avg", input_shape=(SIZE, SIZE, 3), **SMALL
    )


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> str:
    """A file of weights and statistics that are not those of the beginning."""
    model, drawn = _plain(), np.random.default_rng(0)
    for each in model.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            shape = each.gamma.shape
            spread = [drawn.uniform(0.8, 1.2, shape) for _ in range(2)]
            mean = [drawn.uniform(-0.2, 0.2, shape) for _ in range(2)]
            each.set_weights([spread[0], mean[0], mean[1], spread[1]])
    file = tmp_path_factory.mktemp("others") / "others.weights.h5"
    model.save_weights(file)
    return str(file)


@pytest.fixture
def config(tiny_config: dict, others: str, monkeypatch) -> dict:
    monkeypatch.setattr(Engine, "_chunk_length", lambda self, kind: 1)  # heard after every step
    made = copy.deepcopy(tiny_config)
    base = {"weights": others, "grey_to_rgb": True, "name": "base", **SMALL}
    made["model"] = [
        {"Resizing": {"height": SIZE, "width": SIZE}},
        {"applications.MobileNetV3Small": base},
        {"Dense": {"units": 10, "activation": "softmax", "name": "head"}},
    ]
    made["training"] = {
        "batch_size": BATCH,
        "execution": "graph",
        "optimizer": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
        "stages": [{"epochs": 1, "freeze": "base"}, {"epochs": 1, "learning_rate": 0.01}],
        "callbacks": [{"ModelCheckpoint": {"filepath": "at-{epoch}.keras"}}],
    }
    return made


def _weights(file) -> list[np.ndarray]:
    return keras.saving.load_model(file).get_weights()


def _same(one, other) -> None:
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_left_in_each_stage_beside_plain_keras(config, others, tmp_path):
    checked = load_config(config)
    whole = train.train_config(checked, run_dir=str(tmp_path / "whole"))
    told = whole.summary()
    assert told["applications"]["base"]["file"] == others
    assert [each["frozen"] for each in told["stages"]] == [["base"], []]

    # Left within each stage, it is the same to the bit.
    left = Run(tmp_path / "left")
    with pytest.raises(Interrupted):
        train.train_config(checked, run_dir=str(left.folder), listener=_Leave(1), final=False)
    with pytest.raises(Interrupted):
        train.resume_run(left, listener=_Leave(2), final=False)
    train.resume_run(left, final=False)
    _same(_weights(whole.last_path), _weights(left.last_path))
    assert told["stages"] == left.summary()["stages"]

    # What is frozen stays as the file has it, the statistics of BatchNormalization too.
    plain = _plain()
    plain.load_weights(others)
    after_first = keras.saving.load_model(whole.folder / "at-1.keras").get_layer("base")
    _same(after_first.get_weights(), plain.get_weights())
    after = keras.saving.load_model(whole.last_path).get_layer("base")
    pairs = list(zip(after.weights, plain.weights, strict=True))
    moved = [np.any(one.numpy() != other.numpy()) for one, other in pairs]
    assert np.mean(moved) > 0.8  # some that a BatchNormalization undoes stay where they were

    # The same in plain Keras: the pixels as its own network wants them, two fits.
    built = Session(checked, read=False).build_model()
    inputs = keras.Input((28, 28, 1))
    grey = keras.layers.Resizing(SIZE, SIZE)(inputs)
    found = plain(keras.layers.Concatenate()([grey] * 3))
    head = keras.layers.Dense(10, activation="softmax", name="head")
    model = keras.Model(inputs, head(found))
    head.set_weights(built.get_layer("head").get_weights())
    data = registry.load(
        "idx", path=checked.data.path, validation=checked.data.validation.rule, arguments={}
    )
    x, y = (np.asarray(each) for each in (data.train.x, data.train.y))
    x = x.astype("float32")[..., None]  # 0 to 255
    test = (np.asarray(data.test.x, "float32")[..., None], np.asarray(data.test.y))
    scores = []
    for epoch, rate in enumerate((0.1, 0.01)):
        plain.trainable = epoch > 0
        model.compile(
            optimizer=keras.optimizers.SGD(rate, momentum=0.9),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        order = permutation(0, epoch, len(x))
        model.fit(x[order], y[order], batch_size=BATCH, shuffle=False, verbose=0)
        ours = keras.saving.load_model(whole.folder / f"at-{epoch + 1}.keras")
        for one, other in zip(ours.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-4)
        scores.append(model.evaluate(*test, verbose=0))
    found = api.evaluate(whole)["metrics"]
    wanted = scores[told["best_epoch"] - 1]
    assert [found["loss"], found["accuracy"]] == pytest.approx(wanted, abs=5e-3)
    assert told["test"]["loss"] == pytest.approx(wanted[0], abs=5e-3)
