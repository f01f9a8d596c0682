"""A network of `keras.applications` as one layer, with what it wants done to pixels.

What is made is a plain `keras.Model`: saved, exported and loaded as any other. Importing this
module imports Keras.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import keras

from nnpy.catalog import applications as known
from nnpy.catalog.naming import snake_case
from nnpy.config.objects import KerasObject
from nnpy.errors import did_you_mean
from nnpy.models.located_errors import errors_located_at, located_error

_OWN = ("name", "trainable", "freeze", "grey_to_rgb", "weights")  # not arguments of Keras
GREY, FLIPPED, SCALED = "grey_to_rgb", "rgb_to_bgr", "input_scaling"


def build(layer: KerasObject, shape: Sequence[int | None] | None) -> keras.Model:
    """The network for pictures of a shape (height, width, channels), its weights drawn.

    It takes pixels of 0 to 255. `take` of `nnpy.models.application_weights` gives it those that
    the config names. Raises ConfigError at the line of what Keras refuses.
    """
    given = layer.arguments
    grey = given["grey_to_rgb"]
    height, width, channels = shape if shape and len(shape) == 3 else (None, None, None)
    inputs = keras.Input((height, width, channels or (1 if grey else 3)), name="input")
    tensor = keras.layers.Concatenate(name=GREY)([inputs] * 3) if grey else inputs
    tensor = _scaled(tensor, known.KNOWN[layer.name].scaling)
    arguments = {key: value for key, value in given.items() if key not in _OWN}
    with errors_located_at(layer.mark, layer.path):
        model = getattr(keras.applications, layer.name)(
            weights=None,
            input_tensor=tensor,
            input_shape=(height, width, 3),
            **arguments,
        )
    # Keras makes it a model of a list of one input, and would warn at each call of it.
    model = keras.Model(inputs, model.output, name=given["name"])
    _number_names(model)
    _freeze(model, layer)
    return model


def own_layers(model: keras.Model) -> list[Any]:
    """Its layers in Keras's order, as they are without what is put before them."""
    return [each for each in model.layers if each.name not in (GREY, SCALED)]


def _scaled(tensor: Any, scaling: str) -> Any:
    """Pixels of 0 to 255 as the network's `preprocess_input` makes them."""
    if scaling == known.SYMMETRIC:
        return keras.layers.Rescaling(1 / 127.5, -1.0, name=SCALED)(tensor)
    if scaling == known.SPREAD:
        scale = [1 / (255 * each) for each in known.STANDARD_DEVIATION]
        pairs = zip(known.MEAN, known.STANDARD_DEVIATION, strict=True)
        offset = [-mean / spread for mean, spread in pairs]
        return keras.layers.Rescaling(scale, offset, name=SCALED)(tensor)
    if scaling == known.BGR:
        flipped = keras.ops.flip(tensor, axis=-1)
        flipped._keras_history.operation.name = FLIPPED
        return keras.layers.Rescaling(1.0, [-each for each in known.BGR_MEAN], name=SCALED)(flipped)
    return tensor


def _number_names(model: keras.Model) -> None:
    """Gives what Keras has numbered through the whole process numbers of this model.

    `conv2d_188` would be another name in each process, and nobody could freeze it by name.
    """
    counts: Counter[str] = Counter()
    for each in model.operations:
        usual = snake_case(type(each).__name__)
        if re.fullmatch(rf"{re.escape(usual)}(_\d+)?", each.name):
            each.name = f"{usual}_{counts[usual]}" if counts[usual] else usual
            counts[usual] += 1


def _freeze(model: keras.Model, layer: KerasObject) -> None:
    freeze = layer.arguments["freeze"]
    if freeze is True or layer.arguments["trainable"] is False:
        model.trainable = False
    elif isinstance(freeze, list):
        names = [each.name for each in model.layers]
        for pattern in freeze:
            frozen = [each for each in model.layers if fnmatchcase(each.name, pattern)]
            if not frozen:
                message = f"no layer of {layer.name} is named '{pattern}'"
                message += did_you_mean(pattern, names)
                raise located_error(message, layer.mark, f"{layer.path}.freeze")
            for each in frozen:
                each.trainable = False
    elif freeze is not False:
        for each in own_layers(model)[:freeze]:
            each.trainable = False
