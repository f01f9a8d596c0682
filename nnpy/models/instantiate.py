"""Checked objects of the config → objects of Keras. Importing this module imports Keras."""

from __future__ import annotations

import inspect
import re
import weakref
from operator import attrgetter
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.kinds import MODULES
from nnpy.catalog.naming import snake_case
from nnpy.config.arrays import Array
from nnpy.config.objects import ACTIVATION_LAYERS, KerasObject
from nnpy.models.arrays import read_array
from nnpy.models.located_errors import errors_located_at, remember


def instantiate(value: Any, dtype: str | None = None) -> Any:
    """A checked value → what Keras takes: objects built, lists and mappings gone through.

    `dtype` is that of the layer whose argument the value is, where the config says one.
    """
    if isinstance(value, list | tuple):
        return type(value)(instantiate(each, dtype) for each in value)
    if isinstance(value, dict):
        return {key: instantiate(each, dtype) for key, each in value.items()}
    if isinstance(value, Array):
        return read_array(value)
    if not isinstance(value, KerasObject):
        return value
    if value.code:
        return _own(value)
    if value.kind == "function":
        return _function(value.name)
    if value.kind == "activation" and value.arguments:
        return _activation_layer(value, dtype)
    if value.kind == "activation" or (not value.explicit and _is_known(value)):
        return value.name  # Keras looks it up, and writes it back by this name
    own = value.arguments.get("dtype") if value.kind in ("layer", "cell") else None
    arguments = {key: instantiate(each, own) for key, each in value.arguments.items()}
    if value.kind in ("layer", "cell"):
        # Keras would count the layers that this process has made.
        arguments.setdefault("name", snake_case(value.name))
    if value.name == "Discretization" and hasattr(arguments.get("bin_boundaries"), "tolist"):
        # Keras asks whether there are any: an array has no truth value.
        arguments["bin_boundaries"] = arguments["bin_boundaries"].tolist()
    if value.name == "Lambda" and isinstance(arguments.get("output_shape"), list):
        arguments["output_shape"] = tuple(arguments["output_shape"])  # Keras adds it to a tuple
    entry = None if value.explicit else catalog.load().find(value.kind, value.name)
    cls = public(value.kind, entry.name if entry else value.name)
    with errors_located_at(value.mark, value.path):
        made = cls(**arguments)
    if value.name == "BatchNormalization" and value.arguments.get("synchronized") is False:
        _alone.add(made)
    return remember(made, value.mark, value.path)


def _is_known(value: KerasObject) -> bool:
    """Whether Keras finds what a bare identifier names: not by all names that it has made."""
    if value.kind not in ("optimizer", "regularizer", "initializer", "constraint"):
        return True
    try:
        attrgetter(f"{MODULES[value.kind]}.get")(keras)(value.name)
    except Exception:  # noqa: BLE001 – a KeyError of `constant`, a ValueError of `lamb`
        return False
    return True


# The layers whose statistics the config wants to be those of one device's rows.
_alone: weakref.WeakSet[Any] = weakref.WeakSet()


def asked_alone(layer: Any) -> bool:
    """Whether the config says `synchronized: false` of a layer, which is Keras's default too."""
    return layer in _alone


def public(kind: str, name: str) -> Any:
    """The public class of Keras of a kind by its name."""
    module = MODULES["layer" if kind == "cell" else kind]
    return attrgetter(f"{module}.{name}")(keras)


def _activation_layer(value: KerasObject, dtype: str | None) -> keras.layers.Layer:
    """An activation with arguments: a layer, since a function with arguments cannot be saved."""
    layer = ACTIVATION_LAYERS[value.name]
    given = {**value.arguments, "name": snake_case(layer)}
    if dtype is not None:
        given["dtype"] = dtype
    cls = getattr(keras.layers, layer)
    with errors_located_at(value.mark, value.path):
        return cls(**given)


def _own(value: KerasObject) -> Any:
    """An object of the user's own code; a function stays one."""
    from nnpy.models.user_code import find

    found = find(value.code, value.name)
    if not isinstance(found, type) or not value.explicit:
        return found
    dtype = value.arguments.get("dtype")
    arguments = {key: instantiate(each, dtype) for key, each in value.arguments.items()}
    with errors_located_at(value.mark, value.path):
        made = found(**arguments)
    if isinstance(made, keras.layers.Layer) and "name" not in arguments:
        # As for Keras's own: no number of the layers that this process has made.
        usual = snake_case(value.name)
        if re.fullmatch(rf"{re.escape(usual)}_\d+", made.name):
            made.name = usual
    return remember(made, value.mark, value.path)


def _function(name: str) -> Any:
    """`losses.mean_squared_error` → the function of Keras."""
    home, _, own = name.partition(".")
    module = getattr(keras, home)
    # `metrics.get` makes an object of some names that are functions, too.
    found = getattr(module, own, None)
    return found if inspect.isfunction(found) else module.get(own)
