"""What Keras serializes that is no object with arguments → plain data of a config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from nnpy.config import slices
from nnpy.errors import ModelError
from nnpy.models.to_config.context import Context, short

_POLICIES = ("DTypePolicy", "FloatDTypePolicy")


def plain(
    value: Any,
    context: Context | None = None,
    tensor: Callable[[tuple[str, int, int]], Any] | None = None,
) -> Any:
    """A serialized value as plain data; `tensor` names the Keras tensors in it.

    Raises ModelError for what a config cannot express.
    """
    if isinstance(value, list | tuple):
        return [plain(each, context, tensor) for each in value]
    if not isinstance(value, dict):
        return scalar(value)
    name = value.get("class_name")
    if name is None:
        return {key: plain(each, context, tensor) for key, each in value.items()}
    config: Any = value.get("config")
    if name == "__keras_tensor__" and tensor is not None:
        return tensor(tuple(config["keras_history"]))
    if name in ("__numpy__", "__tensor__"):
        return array(config["value"], config["dtype"], context)
    if name == "__tuple__":
        return [plain(each, context, tensor) for each in value["items"]]
    if is_policy(name):
        return policy(config)
    if name == "function":
        return function(value)
    if name in ("__slice__", "__ellipsis__"):
        return slices.text(key(value))
    if name == "DTypePolicyMap":
        raise ModelError(
            "a DTypePolicyMap, which gives the layers within a layer dtypes of their own, cannot "
            "be expressed in a config: a layer there has one dtype"
        )
    if name in ("GPTQConfig", "AWQConfig"):
        raise ModelError(
            f"a layer quantized by {name.removesuffix('Config')} cannot be expressed in a config: "
            "it holds what it was calibrated with"
        )
    raise ModelError(f"{name} cannot be expressed in a config: {config}")


def scalar(value: Any) -> Any:
    """A number, text, truth value or None; NumPy's numbers become Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | None):
        return value
    for kind in (int, float, str):  # classes that derive from them, too
        if isinstance(value, kind):
            return kind(value)
    raise ModelError(f"{value!r} cannot be expressed in a config")


def array(values: Any, dtype: str, context: Context | None) -> Any:
    """An array: in the text where it is short, else in the file beside it."""
    if not isinstance(values, list):
        return scalar(values)
    if context is not None and context.arrays is not None:
        return context.arrays.written(values, dtype)
    return {"array": short(values, dtype), "dtype": dtype}


def is_policy(name: str) -> bool:
    """Whether a class of that name is a dtype policy that a name says."""
    return name in _POLICIES or (
        name.endswith("DTypePolicy") and hasattr(keras.dtype_policies, name)
    )


def policy(config: Mapping[str, Any]) -> str:
    """The name of a dtype policy: `mixed_float16`, `int8_from_float32`."""
    if "name" in config:
        return str(config["name"])
    return f"{config['mode']}_from_{config['source_name']}"


def function(value: Mapping[str, Any]) -> str:
    """The name of a function: Keras's own, or the one by which the user's code defines it."""
    registered = value.get("registered_name")  # "function" where it is not registered
    name = value["config"] if registered in (None, "", "function") else registered
    found = keras.saving.get_registered_object(str(name))
    if found is not None and hasattr(found, "__name__"):
        return str(found.__name__)  # registered by another name, maybe
    return str(name).rpartition(">")[2]  # registered as `package>name`


def key(value: Any) -> Any:
    """The key of `x[key]`, as Keras serializes it, as Python takes it.

    Raises ModelError where a tensor is part of a longer key.
    """
    if isinstance(value, list | tuple):
        return tuple(_part(each) for each in value)
    return _part(value)


def _part(value: Any) -> Any:
    if isinstance(value, list):
        return [_part(each) for each in value]
    if not isinstance(value, dict):
        return scalar(value)
    name, config = value.get("class_name"), value.get("config", {})
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__slice__":
        return slice(*(scalar(config[each]) for each in ("start", "stop", "step")))
    if name in ("__numpy__", "__tensor__") and "float" not in config["dtype"]:
        return config["value"]
    raise ModelError(f"a slice that holds {name} cannot be expressed in a config")
