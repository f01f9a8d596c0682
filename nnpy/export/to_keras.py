"""A model as a plain Keras model that takes the data's own values. Imports Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from nnpy.data import Preprocessing
from nnpy.export.serving import Signature


def with_scaling(
    model: keras.Model, preprocessing: Preprocessing | None, signature: Signature
) -> keras.Model:
    """The model behind layers that do what the training did to each example.

    Several inputs are taken as they are.
    """
    if preprocessing is None or len(signature.inputs) != 1:
        return model
    name, shape, dtype = signature.inputs[0]
    before: list[Any] = []
    if preprocessing.scale != 1.0 or dtype != "float32":
        before.append(keras.layers.Rescaling(preprocessing.scale, name=_free(model, "scale")))
    if preprocessing.channel_axis:
        before.append(keras.layers.Reshape((*shape, 1), name=_free(model, "channel")))
    if not before:
        return model
    given = keras.Input(shape, batch_size=signature.batch, dtype=dtype, name=name)
    if isinstance(model, keras.Sequential):
        return keras.Sequential([given, *before, *model.layers], name=model.name)
    x: Any = given
    for layer in before:
        x = layer(x)
    return keras.Model(given, _named(model(x), signature.outputs), name=f"{model.name}_scaled")


def _named(answers: Any, outputs: Sequence[tuple[str, int]]) -> Any:
    """Outputs under the names that they have in the model."""
    flat = keras.tree.flatten(answers)
    named = {name: keras.layers.Identity(name=name)(flat[index]) for name, index in outputs}
    return named if len(named) > 1 else next(iter(named.values()))


def _free(model: keras.Model, wanted: str) -> str:
    """A name that no layer of the model has."""
    taken = {layer.name for layer in model.layers}
    while wanted in taken:
        wanted += "_"
    return wanted
