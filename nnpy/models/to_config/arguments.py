"""What Keras's `get_config()` says of an object → its arguments in the config language.

{"class_name": "HeNormal", "config": {"seed": None}}  →  HeNormal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.entries import Parameter
from nnpy.catalog.kinds import ARGUMENT_KINDS
from nnpy.config.objects import ACTIVATION_LAYERS
from nnpy.errors import ModelError

DEFAULT_DTYPE = "float32"

# What get_config() holds beside the arguments of the constructor, or what an argument that
# Keras has only to refuse it leaves behind. Any other stranger is an error.
_NOT_ARGUMENTS = frozenset(
    ("vocabulary_size", "rms_scaling", "build_input_shape", "is_legacy_layer", "fn_args")
)

# A name inside another object is nobody's: no step, no variable is found by it.
_UNSAID = frozenset(("name",))

_NO_PARAMETER = Parameter("")


def arguments_of(kind: str, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that make the object, but for its name and for Keras's defaults.

    An object that is not Keras's keeps all that its own get_config() says.
    """
    entry = catalog.load().find(kind, name)
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key in _UNSAID:
            continue
        parameter = entry.parameter(key) if entry else _base_parameter(key)
        if parameter is None:
            if entry is None:
                parameter = _NO_PARAMETER
            elif key in _NOT_ARGUMENTS or value is None:
                continue
            else:
                raise ModelError(f"{name} has '{key}: {value}', which is no argument of it")
        said = _value(value, parameter, config.get("dtype"))
        if parameter is _NO_PARAMETER or parameter.required or not _is_default(said, parameter):
            found[key] = said
    return found


def _base_parameter(key: str) -> Parameter | None:
    """The argument that every layer has, for the layers that are not Keras's."""
    entry = catalog.load().find("layer", "Layer") or catalog.load().find("layer", "Identity")
    return entry.parameter(key) if entry else None


def plain(value: Any, tensor: Callable[[tuple[str, int, int]], Any] | None = None) -> Any:
    """A serialized value as plain data; `tensor` names the Keras tensors in it."""
    if isinstance(value, list | tuple):
        return [plain(each, tensor) for each in value]
    if not isinstance(value, dict):
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise ModelError(f"a config cannot say {value!r}")
    name = value.get("class_name")
    if name is None:
        return {key: plain(each, tensor) for key, each in value.items()}
    config: Any = value.get("config")
    if name == "__keras_tensor__" and tensor is not None:
        return tensor(tuple(config["keras_history"]))
    if name in ("__numpy__", "__tensor__"):
        return config["value"]
    if name == "__tuple__":
        return [plain(each, tensor) for each in value["items"]]
    if name in ("DTypePolicy", "FloatDTypePolicy"):
        return config["name"]
    if name == "function":
        registered = value.get("registered_name")  # "function" where it is not
        return config if registered in (None, "", name) else registered
    raise ModelError(f"a config cannot say {name}: {config}")


def _value(value: Any, parameter: Parameter, dtype: Any) -> Any:
    """One argument: an object of Keras by its name and arguments, or plain data.

    `dtype` is that of the object whose argument it is.
    """
    kinds = [each for each in (*parameter.types, *parameter.items) if each in ARGUMENT_KINDS]
    if isinstance(value, list) and kinds:
        return [_value(each, parameter, dtype) for each in value]
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        if value["class_name"] in ("Functional", "Sequential", "Model", "Lambda"):
            raise ModelError(f"a {value['class_name']} as an argument: a config cannot say that")
        if "activation" in kinds and catalog.load().find("layer", value["class_name"]):
            return _activation(value["class_name"], value["config"], dtype)
        kind = _kind_of(value["class_name"], kinds)
        if kind is not None or (parameter is _NO_PARAMETER and "module" in value):
            name, config = value["class_name"], value["config"]
            if name not in ("DTypePolicy", "FloatDTypePolicy", "__numpy__", "__tensor__"):
                arguments = arguments_of(kind or "initializer", name, config)
                return {name: arguments} if arguments else name
    said = plain(value)
    if isinstance(said, list) and len(said) == parameter.length and "int" in parameter.types:
        return _one_for_all(said)
    return said


def _activation(layer: str, config: Mapping[str, Any], dtype: Any) -> Any:
    """A layer in the place of an activation: the function that it is, with its arguments."""
    name = next((own for own, each in ACTIVATION_LAYERS.items() if each == layer), None)
    entry = catalog.load().find("activation", name) if name else None
    if entry is None or plain(config.get("dtype")) != plain(dtype):
        raise ModelError(f"a {layer} layer as an activation: a config cannot say that")
    # The defaults of the layer are not those of the function.
    given = {each.name: each for each in entry.parameters if each.name in config}
    said = {
        key: plain(config[key]) for key, each in given.items() if plain(config[key]) != each.default
    }
    return {entry.name: said} if said else entry.name


def _one_for_all(value: Any) -> Any:
    """[3, 3] → 3"""
    if isinstance(value, list) and value and all(type(each) is int for each in value):
        return value[0] if len(set(value)) == 1 else value
    return value


def _kind_of(name: str, kinds: list[str]) -> str | None:
    for kind in kinds:
        section = "layer" if kind == "cell" else kind
        if catalog.load().find(section, name):
            return section
    return kinds[0] if kinds and kinds[0] != "cell" else None


def _is_default(said: Any, parameter: Parameter) -> bool:
    default = parameter.default
    if said == default and isinstance(said, bool) == isinstance(default, bool):
        return True
    if parameter.name == "dtype":
        return said == DEFAULT_DTYPE
    if parameter.name == "data_format":
        return said == keras.config.image_data_format()
    if isinstance(said, str) and said == "linear" and "activation" in parameter.types:
        return default is None
    if isinstance(said, str) and isinstance(default, str):  # GlorotUniform, glorot_uniform
        kinds = [each for each in parameter.types if each in ARGUMENT_KINDS]
        entries = [catalog.load().find(kind, each) for kind in kinds for each in (said, default)]
        return len(entries) == 2 and entries[0] is not None and entries[0] == entries[1]
    return isinstance(default, list) and said == _one_for_all(default)
