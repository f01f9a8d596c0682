"""Augmentation: layers that change the examples of a training step, and of no other.

They are not part of the model, so that neither validation nor a saved model knows of them. What
XLA cannot compile, or is slow at, runs as TensorFlow's graph beside a step that XLA compiles.
Importing this imports Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Augmentation:
    """Keras's layers, one after the other, on examples as a model takes them.

    `augment(x, y)` takes `x` (batch, height, width[, channels]) and gives the same shape; of a
    layer in `mixing` (MixUp, CutMix), `y` (batch, classes) becomes the mixed labels. Each example
    has random numbers of its own; where Keras draws one window a batch (RandomCrop), `crop` draws
    one a picture. Layers draw from generators of their own, whose states are `variables`.

    `slow` says why they are kept out of XLA's programs; nothing where they are not.
    """

    def __init__(
        self, layers: Sequence[Any], *, mixing: Sequence[Any] = (), slow: str = ""
    ) -> None:
        self.layers = list(layers)
        self.slow = slow
        self._mixing = list(mixing)

    @property
    def mixes(self) -> bool:
        """Whether the labels are mixed too."""
        return bool(self._mixing)

    @property
    def variables(self) -> list[Any]:
        """The states of the generators, as Keras variables in a fixed order."""
        return [variable for layer in self.layers for variable in layer.variables]

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        grey = x.shape.rank == 3  # (batch, height, width): layers of pictures want channels
        shape = x.shape
        if grey:
            x = x[..., tf.newaxis]
        for layer in self.layers:
            if any(layer is each for each in self._mixing):
                mixed = layer({"images": x, "labels": y}, training=True)
                x, y = mixed["images"], mixed["labels"]
            elif isinstance(layer, keras.layers.RandomCrop):
                x = crop(layer, x)
            elif isinstance(layer, keras.layers.ZeroPadding2D):
                x = layer(x)
            else:
                x = layer(x, training=True)
        if grey:
            x = x[..., 0]
        return tf.ensure_shape(x, shape), y


def crop(layer: Any, x: Any) -> Any:
    """A window of each picture, drawn for each as `keras.layers.RandomCrop` draws one for all.

    A gather with one offset a picture: XLA is hundreds of times slower at a slice that moves.
    """
    batch, (height, width) = x.shape[0] or tf.shape(x)[0], x.shape[1:3]
    rows = _offsets(layer, batch, height - layer.height)
    columns = _offsets(layer, batch, width - layer.width)
    x = tf.gather(x, rows[:, tf.newaxis] + tf.range(layer.height), axis=1, batch_dims=1)
    return tf.gather(x, columns[:, tf.newaxis] + tf.range(layer.width), axis=2, batch_dims=1)


def _offsets(layer: Any, batch: Any, room: int) -> Any:
    drawn = keras.random.uniform((batch,), 0.0, float(room + 1), seed=layer.generator)
    return tf.minimum(tf.cast(drawn, tf.int32), room)
