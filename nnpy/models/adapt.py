"""`Normalization: {adapt: true}`: what a layer learns by looking at the training data once.

Importing this module imports Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.config.network.graph import Network
from nnpy.data import Split
from nnpy.models.located_errors import errors_located_at

BATCH = 1024


def adapt(model: keras.Model, network: Network, split: Split, prepare: Callable[..., Any]) -> None:
    """Adapts the layers that ask for it, first to last, to the training split.

    Must be done before the model is traced: what a layer has learnt is a constant to it. Each
    sees what the layers before it make of the data, random ones as at prediction. Raises
    ConfigError at a layer that cannot.
    """
    for step in network.steps:
        if not step.adapt:
            continue
        with errors_located_at(step.mark, step.path):
            layer = model.get_layer(step.name)
            before = _before(model, layer)

            def batches(before: Any = before) -> Iterator[Any]:
                for start in range(0, len(split), BATCH):
                    part = split.map(lambda each: np.asarray(each[start : start + BATCH]))  # noqa: B023
                    x, _ = prepare(part.x, part.y)
                    yield x if before is None else before(x, training=False)

            first = next(batches())
            spec = tf.TensorSpec((None, *first.shape[1:]), first.dtype)
            layer.adapt(tf.data.Dataset.from_generator(batches, output_signature=spec))


def _before(model: keras.Model, layer: Any) -> keras.Model | None:
    """What comes before a layer, as a model; None where it takes the model's input."""
    if isinstance(model, keras.Sequential):
        earlier = model.layers[: model.layers.index(layer)]
        if not earlier:
            return None
        return keras.Sequential([keras.Input(model.input_shape[1:]), *earlier])
    if layer.input is model.inputs[0]:
        return None
    return keras.Model(model.inputs, layer.input)
