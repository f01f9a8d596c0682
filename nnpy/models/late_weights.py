"""Weights that a layer makes only when it is first called. Importing this module imports Keras.

`Dense(8, activation=PReLU())` tells its shapes without calling the activation, so that a model has
the activation's weights after its first call. `fit` makes that call before it asks the optimizer.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def make(model: keras.Model) -> None:
    """Makes the weights that are still missing; the model's state stays as it was.

    A model whose inputs are not known is left alone.
    """
    # Keras has no public list of the layers within layers.
    if all(each.built for each in model._flatten_layers()):
        return
    try:
        inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    except (AttributeError, ValueError):
        return
    before = [(each, keras.ops.copy(each)) for each in model.non_trainable_variables]
    model(keras.tree.map_structure(_like, inputs), training=False)
    for variable, value in before:
        variable.assign(value)


def _like(tensor: Any) -> Any:
    """A tensor for an input; 1 for a size that is left open."""
    shape = [size or 1 for size in tensor.shape]
    if tensor.dtype == "string":
        return keras.ops.convert_to_tensor(np.full(shape, "", dtype=object))
    return keras.ops.zeros(shape, tensor.dtype)
