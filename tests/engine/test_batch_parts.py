"""A batch in parts: which models suit, and that nothing but the order of sums changes."""

from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.devices.host import cores_here
from nnpy.engine import Engine, batch_parts, introspection

layers = keras.layers
Data = namedtuple("Data", "x y")
DENSE = {"Dense": {"units": 10, "activation": "softmax"}}
CONV: tuple[str, dict[str, Any]] = ("Conv2D", {"filters": 4, "kernel_size": 3})


@pytest.mark.parametrize(
    "others",
    [
        [("Flatten", {}), ("Dropout", {"rate": 0.5}), ("Dense", {"units": 3})],
        [("LayerNormalization", {"axis": [-1]}), ("Add", {})],
        [("BatchNormalization", {"axis": -1}), ("ReLU", {})],
        [("LSTM", {"units": 3, "dropout": 0.0}), ("Embedding", {"mask_zero": False})],
    ],
)
def test_layers_that_treat_each_example_by_itself_suit(others: list[Any]) -> None:
    assert batch_parts.suit([CONV, *others], 32, cores=2)


@pytest.mark.parametrize(
    "other",
    [
        ("BatchNormalization", {"renorm": True}),
        ("BatchNormalization", {"axis": 0}),
        ("GaussianNoise", {"stddev": 0.1}),
        ("Masking", {}),
        ("own.py:Dense", {}),
        ("Dense", {"activity_regularizer": "l2"}),
        ("Embedding", {"mask_zero": True}),
        ("LSTM", {"dropout": 0.1}),
        ("GRU", {"recurrent_dropout": 0.1}),
        ("LSTM", {"stateful": True}),
        ("Concatenate", {"axis": 0}),
        ("Softmax", {"axis": [0, 1]}),
    ],
)
def test_what_couples_examples_does_not_suit(other: tuple[str, dict[str, Any]]) -> None:
    assert not batch_parts.suit([CONV, other], 32, cores=2)


def test_only_what_gains_by_it_is_cut() -> None:
    assert not batch_parts.suit([("Dense", {}), ("Flatten", {})], 64, cores=2)  # quick already
    assert not batch_parts.suit([CONV], 64, cores=1)
    assert not batch_parts.suit([CONV], 30, cores=2)  # parts of 15
    assert not batch_parts.suit([CONV], 63, cores=2)  # parts that are not alike


def test_a_config_and_its_model_are_judged_alike() -> None:
    """The config is asked before TensorFlow starts its threads, the model afterwards."""
    inside = {"Bidirectional": {"layer": {"LSTM": {"units": 3, "dropout": 0.5}}}}
    for model, expected in (
        ([{"Conv2D": {"filters": 2, "kernel_size": 3}}, "Flatten", DENSE], True),
        ([{"LSTM": {"units": 3}}, DENSE], True),
        ([inside, DENSE], False),
    ):
        network = load_config({"model": model}).model
        assert batch_parts.suit(network.iter_layers(), 32, cores=2) == expected, model


def whole_and_cut(make: Any, n: int, epochs: int = 3) -> tuple[keras.Model, keras.Model, Any, Any]:
    random = np.random.default_rng(3)
    data = Data(random.random((n, 8, 8)).astype("float32"), random.integers(0, 3, n))
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        model = make()
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
        models.append(model)
    settings: dict[str, Any] = {"batch_size": 12, "seed": 5, "execution": "graph"}
    engines = [
        Engine(m, lambda x, y: (x, y), parts=p, **settings)
        for m, p in zip(models, (1, 3), strict=True)
    ]
    logs = [[engine.train_epoch(data, epoch) for epoch in range(epochs)] for engine in engines]
    return *models, logs[0], logs[1]


def shared_dropout() -> keras.Model:
    """A functional model that calls one Dropout twice, has two inputs' worth of paths, and drops
    whole maps."""
    x = inputs = keras.Input((8, 8))
    x = layers.Reshape((8, 8, 1))(x)
    drop = layers.Dropout(0.4, seed=1)
    left = drop(layers.Conv2D(4, 3, activation="relu")(x))
    right = drop(layers.Conv2D(4, 3, activation="tanh")(x))
    x = layers.SpatialDropout2D(0.3, seed=2)(layers.Add()([left, right]))
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    return keras.Model(inputs, x)


def test_dropout_drops_what_it_drops_of_the_whole_batch() -> None:
    one, three, logs, others = whole_and_cut(shared_dropout, 12 * 5 + 7)
    for a, b in zip(one.get_weights(), three.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for a, b in zip(logs, others, strict=True):
        assert a == pytest.approx(b, rel=1e-5)
    # Nothing of the cutting is left in the model.
    assert "call" not in vars(one) and "call" not in vars(three)
    assert all("call" not in vars(layer) for layer in three.layers)


def normalized() -> keras.Model:
    """BatchNormalization of pictures, of a vector, called twice, in a nested model, and one that
    is not trained; with Dropout between."""
    x = inputs = keras.Input((8, 8))
    x = layers.Conv2D(4, 3)(layers.Reshape((8, 8, 1))(x))
    twice = layers.BatchNormalization(momentum=0.9)
    x = layers.Add()([layers.ReLU()(twice(x)), layers.Dropout(0.3, seed=1)(twice(x))])
    inner = [keras.Input((6, 6, 4)), layers.BatchNormalization(axis=1, scale=False), layers.ReLU()]
    x = layers.MaxPooling2D()(keras.Sequential(inner)(x))
    x = layers.BatchNormalization(trainable=False)(x)
    x = layers.BatchNormalization(center=False)(layers.Dense(5)(layers.Flatten()(x)))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_moments_are_those_of_the_whole_batch(policy: str) -> None:
    def make() -> keras.Model:
        keras.config.set_dtype_policy(policy)
        try:
            return normalized()
        finally:
            keras.config.set_dtype_policy("float32")

    exact = policy == "float32"
    # In half precision a rounding grows from step to step: one step is compared.
    one, three, logs, others = whole_and_cut(make, *((12 * 5 + 7, 3) if exact else (12, 1)))
    for a, b in zip(one.weights, three.weights, strict=True):
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if exact else {"rtol": 0.02, "atol": 0.01}
        np.testing.assert_allclose(a, b, **tolerance, err_msg=a.path)
    for a, b in zip(logs, others, strict=True):
        assert a == pytest.approx(b, rel=1e-4 if exact else 0.05)
    (kept,) = [part for part in three.layers if not part.trainable]
    assert not np.any(kept.moving_mean)
    for part in introspection.layers(three):
        assert "call" not in vars(part)
    assert "_run_through_graph" not in vars(three)


def test_a_command_cuts_batches_of_what_suits(nnpy, write, tmp_path: Path, tiny: Path) -> None:
    """In a process of its own: threads are set before TensorFlow starts them."""
    cores = cores_here()
    config = {
        "data": {"name": "idx", "path": str(tiny)},
        "model": [
            {"Conv2D": {"filters": 2, "kernel_size": 3}},
            "Flatten",
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
        "training": {"epochs": 1},
    }
    path = write("config.yaml", json.dumps(config))
    for batch, expected in ((16 * cores, cores), (16 * cores - 1, 1)):
        run = tmp_path / str(batch)
        done = nnpy(
            *("train", path, "--run-dir", run, "--device", "cpu"),
            *("--set", f"training.batch_size={batch}"),
        )
        assert done.returncode == 0, done.stderr
        summary = json.loads((run / "summary.json").read_text())
        assert summary["execution"]["parts"] == expected
        assert ("one thread per operation" in summary["device"]) == (expected > 1)
