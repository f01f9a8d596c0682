"""What a training step draws has the distribution of what Keras's layer draws by itself."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from nnpy.catalog.augmentation import TAKEN, why_not_xla
from nnpy.engine import Engine
from nnpy.engine.augmentation import Augmentation
from tests.engine.test_augmentation import ARGUMENTS, RANDOM, made

BATCH, BATCHES, SIZE = 200, 50, 12  # 10,000 draws


class _Sees(keras.Model):
    """Keeps what a step of training is given."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.pictures = tf.Variable(tf.zeros((BATCH, SIZE, SIZE, 3)))
        self.targets = tf.Variable(tf.zeros((BATCH, 4)))

    def train_step(self, data):
        x, y, _ = data
        self.pictures.assign(x)
        self.targets.assign(y)
        return super().train_step((x, y))


class _Split:
    def __init__(self) -> None:
        drawn = np.random.default_rng(0)
        dark = drawn.random((BATCH, 1, 1, 3)) * 0.5
        self.x = (dark + drawn.random((BATCH, SIZE, SIZE, 3)) * 0.5).astype("float32")
        self.x[BATCH // 2 :] = self.x[0]
        self.y = np.eye(4, dtype="float32")[np.arange(BATCH) % 4]

    def __len__(self) -> int:
        return BATCH


def _layers(name: str, seed: int) -> list:
    if name != "RandomCrop":
        return [made(name, seed)]
    return [keras.layers.ZeroPadding2D(2), keras.layers.RandomCrop(SIZE, SIZE, seed=seed)]


def _of_steps(name: str, split: _Split, execution: str) -> tuple[np.ndarray, np.ndarray]:
    inputs = keras.Input((SIZE, SIZE, 3))
    hidden = keras.layers.Flatten()(inputs)
    model = _Sees(inputs, keras.layers.Dense(4, activation="softmax")(hidden))
    model.compile("sgd", "categorical_crossentropy")
    layers = _layers(name, 3)
    augment = Augmentation(layers, mixing=layers if TAKEN[name].mixes else [])
    engine = Engine(
        model,
        lambda x, y: (x, y),
        batch_size=BATCH,
        seed=0,
        shuffle=False,
        execution=execution,
        augmentation=augment,
    )
    seen = []
    for epoch in range(BATCHES):  # each is one step
        engine.train_epoch(split, epoch)
        seen.append((model.pictures.numpy(), model.targets.numpy()))
    x, y = zip(*seen, strict=True)
    return np.stack(x), np.stack(y)


def _of_keras(name: str, split: _Split) -> tuple[np.ndarray, np.ndarray]:
    layers = _layers(name, 11)

    @tf.function(autograph=False)
    def draw(x, y):
        for layer in layers:
            if TAKEN[name].mixes:
                mixed = layer({"images": x, "labels": y}, training=True)
                x, y = mixed["images"], mixed["labels"]
            else:
                x = layer(x, training=True)
        return x, y

    x, y = zip(*(draw(split.x, split.y) for _ in range(BATCHES)), strict=True)
    return np.stack(x), np.stack(y)


def _alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Whether the batches of both have the same mean, but for chance."""
    one, other = (
        each.reshape(BATCHES, -1).mean(axis=1, dtype="float64") for each in (ours, theirs)
    )
    error = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / BATCHES)
    assert abs(one.mean() - other.mean()) <= 4.5 * error + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", RANDOM)
def test_ten_thousand_draws_have_keras_mean_variance_and_range(name):
    split = _Split()
    execution = "graph" if why_not_xla(name, ARGUMENTS.get(name, {})) else "xla"
    (ours, labels), (theirs, wanted) = _of_steps(name, split, execution), _of_keras(name, split)
    assert ours.shape == theirs.shape == (BATCHES, BATCH, SIZE, SIZE, 3)
    for moment in (1, 2):
        _alike(ours**moment, theirs**moment)
        _alike(ours.mean(axis=(2, 3, 4)) ** moment, theirs.mean(axis=(2, 3, 4)) ** moment)
        _alike((ours - split.x) ** (2 * moment), (theirs - split.x) ** (2 * moment))
    _alike(labels**2, wanted**2)
    span = theirs.max() - theirs.min()
    assert abs(ours.min() - theirs.min()) < 0.05 * span
    assert abs(ours.max() - theirs.max()) < 0.05 * span
    # The same picture is treated in other ways in the same batch; RandAugment chooses one for all
    # of a batch, which may be none that knows of strengths.
    kinds = [len({each.tobytes() for each in batch[BATCH // 2 :]}) for batch in ours]
    assert np.mean(np.array(kinds) > 1) > (0.5 if name == "RandAugment" else 0.99)
