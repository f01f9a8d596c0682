"""The law of the engine: the same weights and metrics as Keras's own steps.

Models, optimizers and modes are crossed in pairs; `train_on_batch` takes the same batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from nnpy.engine import Engine, permutation

layers = keras.layers
BATCH, STEPS, EPOCHS = 8, 20, 10  # 200 steps; each epoch ends with a partial batch


@dataclass(frozen=True)
class Data:
    x: Any
    y: Any
    sample_weight: Any = None


def images(n: int = BATCH * STEPS - 3, side: int = 6) -> Data:
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n).astype("uint8")
    x = (random.integers(0, 150, (n, side, side)) + 40 * y[:, None, None]).astype("uint8")
    return Data(x, y)


def scaled(x: Any, y: Any) -> tuple[Any, Any]:
    return keras.ops.cast(x, "float32") / 255.0, y


def dense() -> keras.Model:
    return keras.Sequential([layers.Flatten(), layers.Dense(8, "relu"), layers.Dense(3, "softmax")])


def regularized() -> keras.Model:
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(8, "tanh", kernel_regularizer="l2", kernel_constraint="max_norm"),
            layers.LayerNormalization(),
            layers.Dense(3, "softmax", activity_regularizer="l1"),
        ]
    )


def dropout() -> keras.Model:
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(16, "tanh"),
            layers.Dropout(0.4, seed=5),
            layers.Dense(3, "softmax"),
        ]
    )


def noisy() -> keras.Model:
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.GaussianNoise(0.1, seed=4),
            layers.AlphaDropout(0.1, seed=5),
            layers.Dense(3, "softmax"),
        ]
    )


def normalized() -> keras.Model:
    # Without a bias, which the normalization would take away again: its gradient is nothing but
    # rounding, and an optimizer that divides by its size makes real steps of that.
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(8, use_bias=False),
            layers.BatchNormalization(),
            layers.Dense(3, "softmax"),
        ]
    )


def convolutional() -> keras.Model:
    return keras.Sequential(
        [
            layers.Reshape((6, 6, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2, seed=3),
            layers.Dense(3, "softmax"),
        ]
    )


def recurrent() -> keras.Model:
    return keras.Sequential([layers.LSTM(5), layers.Dense(3, "softmax")])


def mixed_precision() -> keras.Model:
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax", dtype="float32"),
        ]
    )


OPTIMIZERS: dict[str, Callable[[], keras.Optimizer]] = {
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, clipnorm=1.0),
    "adam": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(1e-3, 150), use_ema=True, ema_overwrite_frequency=30
    ),
    "adamw": lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(1e-3, global_clipnorm=2.0),
    "lion": lambda: keras.optimizers.Lion(1e-3),
    "accumulating": lambda: keras.optimizers.SGD(0.05, gradient_accumulation_steps=4),
}

PAIRS = [
    (dense, "sgd", "xla"),
    (dense, "adam", "graph"),
    (dense, "lion", "xla"),
    (dense, "accumulating", "xla"),
    (regularized, "adamw", "xla"),
    (regularized, "rmsprop", "graph"),
    (dropout, "adam", "xla"),
    (dropout, "sgd", "graph"),
    (noisy, "sgd", "xla"),
    (normalized, "rmsprop", "xla"),
    (normalized, "adamw", "graph"),
    (convolutional, "adam", "graph"),
    (convolutional, "sgd", "xla"),
    (convolutional, "adamw", "parts"),
    (recurrent, "rmsprop", "graph"),
    (recurrent, "lion", "parts"),
    (recurrent, "adamw", "xla"),
    (mixed_precision, "sgd", "xla"),
    (mixed_precision, "adam", "graph"),
    (mixed_precision, "accumulating", "eager"),
]


# float16 rounds at 5e-4: XLA keeps more digits than that within a fused kernel, and Grappler's
# rewrites of a graph are not there in eager mode. Where both run the same kernels, float32's.
HALF_TOLERANCE = {"graph": 1e-5, "eager": 1e-3, "xla": 1e-2}


def compiled(make: Callable[[], keras.Model], optimizer: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    if make is mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make()
        model.build((None, 6, 6))
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(
        OPTIMIZERS[optimizer](),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    return model


def train_with_keras(model: keras.Model, data: Data, epochs: int = EPOCHS) -> None:
    x = data.x / np.float32(255)
    for epoch in range(epochs):
        order = permutation(7, epoch, len(x))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            weight = None if data.sample_weight is None else data.sample_weight[part]
            model.train_on_batch(x[part], data.y[part], sample_weight=weight)


def state(model: keras.Model) -> list[np.ndarray]:
    """All that training changes: weights, statistics, slots, counters, seed generators."""
    variables = [*model.variables, *model.optimizer.variables]
    return [np.asarray(v) for v in variables]


def assert_close(ours: list[np.ndarray], theirs: list[np.ndarray], tolerance: float) -> None:
    for a, b in zip(ours, theirs, strict=True):
        scale = np.abs(b.astype("float64")).max() + 1e-8
        assert np.abs(a.astype("float64") - b).max() <= tolerance * scale, (a, b)


@pytest.mark.parametrize(
    ("make", "optimizer", "execution"),
    PAIRS,
    ids=[f"{make.__name__}-{optimizer}-{mode}" for make, optimizer, mode in PAIRS],
)
def test_200_steps_end_with_the_weights_of_train_on_batch(make, optimizer, execution):
    data = images()
    ours, theirs = compiled(make, optimizer), compiled(make, optimizer)
    if execution == "parts":
        engine = Engine(ours, scaled, batch_size=BATCH, seed=7, execution="graph", parts=2)
    else:
        engine = Engine(ours, scaled, batch_size=BATCH, seed=7, execution=execution)
    for epoch in range(EPOCHS):
        logs = engine.train_epoch(data, epoch)
    train_with_keras(theirs, data)
    assert set(logs) == set(theirs.get_metrics_result())
    tolerance = HALF_TOLERANCE[execution] if make is mixed_precision else 1e-5
    assert_close(ours.get_weights(), theirs.get_weights(), tolerance)
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations)
    expected = theirs.evaluate(
        data.x / np.float32(255), data.y, batch_size=BATCH, verbose=0, return_dict=True
    )
    assert engine.evaluate(data) == pytest.approx(expected, rel=max(tolerance, 1e-5))
    np.testing.assert_allclose(
        engine.predict(data),
        theirs.predict(data.x / np.float32(255), verbose=0),
        rtol=tolerance * 10,
        atol=tolerance,
    )
