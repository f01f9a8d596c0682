"""Shortcuts of the trace: quicker, and not a bit of the results differs."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import keras
import numpy as np
import pytest

from nnpy.engine import Engine, graph_rewrites

layers = keras.layers
Data = namedtuple("Data", "x y")


def images(n: int = 96) -> Any:
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n).astype("uint8")
    x = (random.integers(0, 100, (n, 9, 9, 1)) + 50 * y[:, None, None, None]).astype("uint8")
    return Data(x, y)


def scaled(x: Any, y: Any) -> tuple[Any, Any]:
    return keras.ops.cast(x, "float32") / 255.0, y


def convolutional(padding: str, nested: bool = False) -> keras.Model:
    keras.utils.set_random_seed(1)
    inner = [
        layers.Conv2D(4, 3, padding="same", activation="relu", bias_initializer="normal"),
        layers.MaxPooling2D(2, padding=padding),
    ]
    model = keras.Sequential(
        [
            layers.Input((9, 9, 1)),
            *([keras.Sequential(inner)] if nested else inner),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(model: keras.Model) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    engine = Engine(model, scaled, batch_size=16, seed=0, execution="graph", parts=1)
    return [engine.train_epoch(images(), epoch) for epoch in range(5)], model.get_weights()


@pytest.mark.parametrize(("padding", "nested"), [("valid", False), ("same", False), ("same", True)])
def test_relu_after_pooling_changes_no_bit(padding, nested, monkeypatch):
    short = convolutional(padding, nested)
    assert len(list(graph_rewrites._relus_before_pools(short))) == 2
    quick, ours = trained(short)
    monkeypatch.setattr(graph_rewrites, "_relus_before_pools", lambda model: [])
    slow, theirs = trained(convolutional(padding, nested))
    assert quick == slow
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_layers_are_the_users_again():
    model = convolutional("valid")
    before = model.to_json()
    trained(model)
    assert model.to_json() == before
    assert "call" not in vars(model.layers[1])


def test_what_is_used_elsewhere_too_is_left_alone():
    given = layers.Input((9, 9, 1))
    stack = keras.Sequential(
        [layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D()], name="stack"
    )
    once = keras.Model(given, stack(given))
    assert len(list(graph_rewrites._relus_before_pools(once))) == 1
    both = keras.Model(given, [stack(given), stack.layers[0](given)])
    assert not list(graph_rewrites._relus_before_pools(both))
    loud = keras.Sequential(
        [layers.Conv2D(2, 3, activation="relu", activity_regularizer="l2"), layers.MaxPooling2D()]
    )
    assert not list(graph_rewrites._relus_before_pools(loud))
