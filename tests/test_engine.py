"""The engine's epochs against Keras's own steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from nnpy.engine import Engine, permutation


@dataclass(frozen=True)
class Data:
    x: Any
    y: Any
    sample_weight: Any = None


def images(n: int = 90) -> Data:
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n).astype("uint8")
    x = (random.integers(0, 100, (n, 6, 6)) + 50 * y[:, None, None]).astype("uint8")
    return Data(x, y)


def scaled(x: Any, y: Any) -> tuple[Any, Any]:
    return keras.ops.cast(x, "float32") / 255.0, y


def dense() -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6, 6)),
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_permutation_is_a_pure_function_of_seed_and_epoch():
    assert np.array_equal(permutation(3, 5, 100), permutation(3, 5, 100))
    assert not np.array_equal(permutation(3, 5, 100), permutation(3, 6, 100))
    assert not np.array_equal(permutation(3, 5, 100), permutation(4, 5, 100))
    assert np.array_equal(np.sort(permutation(3, 5, 100)), np.arange(100))


@pytest.mark.parametrize("execution", ["xla", "graph", "eager"])
def test_an_epoch_equals_train_on_batch_and_evaluate(execution):
    data = images()
    ours, keras_own = dense(), dense()
    engine = Engine(ours, scaled, batch_size=16, seed=7, execution=execution)
    for epoch in range(3):
        logs = engine.train_epoch(data, epoch)
        order = permutation(7, epoch, len(data.x))
        for start in range(0, len(order), 16):
            part = order[start : start + 16]
            keras_own.train_on_batch(data.x[part] / np.float32(255), data.y[part])
    assert set(logs) == {"loss", "accuracy"}
    for a, b in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    expected = keras_own.evaluate(data.x / np.float32(255), data.y, verbose=0, return_dict=True)
    assert engine.evaluate(data) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        engine.predict(data), keras_own.predict(data.x / np.float32(255), verbose=0), rtol=1e-5
    )
