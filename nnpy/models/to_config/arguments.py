"""What Keras's `get_config()` says of an object → its arguments in the config language.

{"class_name": "HeNormal", "config": {"seed": None}}  →  HeNormal
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.kinds import ARGUMENT_KINDS
from nnpy.catalog.naming import snake_case
from nnpy.config.objects import ACTIVATION_LAYERS
from nnpy.errors import ModelError
from nnpy.models.to_config import lost_arguments
from nnpy.models.to_config.context import Context
from nnpy.models.to_config.values import function, is_policy, plain
from nnpy.safety.tensorflow_initializers import draws_numbers, is_of_tensorflow

DEFAULT_DTYPE = "float32"

# What get_config() holds beside the arguments of the constructor. Any other stranger is an error.
_NOT_ARGUMENTS = frozenset(("vocabulary_size", "build_input_shape", "is_legacy_layer", "fn_args"))

_NO_PARAMETER = Parameter("")

_MODELS = ("Functional", "Sequential", "Model")
_NOT_OBJECTS = ("__numpy__", "__tensor__", "__slice__", "__ellipsis__", "__bytes__", "function")


def arguments_of(
    kind: str, name: str, config: Mapping[str, Any], context: Context, *, own: bool = False
) -> dict[str, Any]:
    """The arguments that make the object, but for its name and for Keras's defaults.

    An object of the user's `own` code keeps all that its get_config() says.
    """
    entry = None if own else catalog.load().find(kind, name)
    if name == "Bidirectional":
        config = _without_derived(config)
    if config.get("thresholds") is not None:  # AUC tells how many there are as well
        config = {key: each for key, each in config.items() if key != "num_thresholds"}
    if entry is not None:
        for each in lost_arguments.missing(entry, config):
            context.note(each)
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key == "name":  # the caller knows whether somebody goes by it
            continue
        parameter = entry.parameter(key) if entry else _base_parameter(key)
        if parameter is None:
            if entry is None or entry.open_ended:
                parameter = _NO_PARAMETER
            elif key in _NOT_ARGUMENTS or value is None or value is False:
                continue  # False: an argument that Keras keeps but no longer takes
            else:
                raise ModelError(f"{name} has '{key}: {value}', which is no argument of it")
        written = _value(value, parameter, config.get("dtype"), context)
        if (
            parameter is _NO_PARAMETER
            or parameter.required
            or not _is_default(written, parameter, entry)
        ):
            found[key] = written
    return found


def object_of(kind: str, value: Mapping[str, Any], context: Context) -> Any:
    """A serialized object: its name, or its name with its arguments."""
    name = value["class_name"]
    if name in _MODELS and kind in ("layer", "cell"):
        return _model(value, context)
    kind = "layer" if kind == "cell" else kind
    if is_of_tensorflow(value):
        more = ", which draws other numbers of the same distribution" * draws_numbers(name)
        context.note(
            f"{name} is TensorFlow's own initializer: Keras's of the same name stands here{more}"
        )
    arguments = arguments_of(kind, name, value["config"], context, own=is_own(value))
    given = value["config"].get("name")
    usual = (None, snake_case(name), name)
    if (
        kind in ("layer", "optimizer", "schedule")
        and given not in usual
        and _takes_name(kind, value, context)
    ):
        arguments["name"] = given  # names of variables begin with it
    return {name: arguments} if arguments else name


def _takes_name(kind: str, value: Mapping[str, Any], context: Context) -> bool:
    known = context.code or catalog.load()
    entry = known.find(kind, value["class_name"])
    return entry is None or entry.open_ended or entry.parameter("name") is not None


def _model(value: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A model as an argument: `TimeDistributed: {layer: {Model: …}}`."""
    model = keras.saving.deserialize_keras_object({**value, "compile_config": None}, safe_mode=True)
    return {"Model": {**context.nested(model, context, ""), "name": model.name}}


def _base_parameter(key: str) -> Parameter | None:
    """The argument that every layer has, for the layers that are not Keras's."""
    entry = catalog.load().find("layer", "Layer") or catalog.load().find("layer", "Identity")
    return entry.parameter(key) if entry else None


def _value(value: Any, parameter: Parameter, dtype: Any, context: Context) -> Any:
    """One argument: an object of Keras by its name and arguments, or plain data.

    `dtype` is that of the object whose argument it is.
    """
    kinds = [each for each in (*parameter.types, *parameter.items) if each in ARGUMENT_KINDS]
    if isinstance(value, list | tuple) and (kinds or parameter is _NO_PARAMETER):
        return [_value(each, parameter, dtype, context) for each in value]
    if isinstance(value, dict) and parameter is _NO_PARAMETER and "class_name" not in value:
        return {key: _value(each, parameter, dtype, context) for key, each in value.items()}
    if parameter is _NO_PARAMETER and _is_own_function(value, context):
        return {"function": function(value)}  # a bare name would be text
    if _is_object(value):
        name = value["class_name"]
        if name in _MODELS:
            return _model(value, context)
        if "activation" in kinds and catalog.load().find("layer", name):
            return _activation(value, dtype, context)
        if parameter is _NO_PARAMETER:
            kind = _kind_of_module(value)
            written = object_of(kind, value, context)
            # A bare name within the user's own arguments is text.
            return {written: {}} if isinstance(written, str) else written
        expected = _kind_of(name, kinds)
        if expected is not None:
            return object_of(expected, value, context)
    written = plain(value, context)
    if isinstance(written, list) and len(written) == parameter.length and "int" in parameter.types:
        return _one_for_all(written)
    if isinstance(written, list) and parameter.minimum == 0 and _is_range_of_one(written):
        return written[1]  # RandomShear keeps [-0.25, 0.25], but takes 0.25 only
    return written


def _is_range_of_one(written: list[Any]) -> bool:
    numbers = len(written) == 2 and all(isinstance(each, int | float) for each in written)
    return numbers and written[0] == -written[1] < 0


def is_own(value: Mapping[str, Any]) -> bool:
    """Whether a config needs a file of code for it: the user's own, or one that Keras hides."""
    module = value.get("module")
    if not (isinstance(module, str) and module.partition(".")[0] in ("keras", "builtins")):
        return not is_of_tensorflow(value)
    # LayerScale of ConvNeXt and a few others are in no public module of Keras.
    hidden = module.startswith("keras.src.applications.")
    return hidden and not catalog.load().find("layer", str(value.get("class_name")))


def _is_own_function(value: Any, context: Context) -> bool:
    if not isinstance(value, dict) or value.get("class_name") != "function":
        return False
    found = context.code.find("function", function(value)) if context.code is not None else None
    return found is not None and bool(found.code)


def _is_object(value: Any) -> bool:
    """Whether a value is a serialized object with arguments."""
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        return False
    name = value.get("class_name")
    return isinstance(name, str) and name not in _NOT_OBJECTS and not is_policy(name)


def _activation(value: Mapping[str, Any], dtype: Any, context: Context) -> Any:
    """A layer in the place of an activation: the function that it is, if it is one, or itself."""
    layer, config = value["class_name"], value["config"]
    name = next((own for own, each in ACTIVATION_LAYERS.items() if each == layer), None)
    entry = catalog.load().find("activation", name) if name else None
    same = plain(config.get("dtype")) == plain(dtype) and config.get("name") in (
        snake_case(layer),
        None,
    )
    if entry is not None and same:
        # The defaults of the layer are not those of the function.
        given = {each.name: each for each in entry.parameters if each.name in config}
        written = {key: plain(config[key]) for key in given}
        arguments = {key: each for key, each in written.items() if each != given[key].default}
        if arguments:  # a bare name is Keras's function
            return {entry.name: arguments}
    written = object_of("layer", value, context)
    return {written: {}} if isinstance(written, str) else written


def _without_derived(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Bidirectional's config without the backward layer that it makes by itself."""
    forward, backward = config.get("layer"), config.get("backward_layer")
    if not isinstance(forward, dict) or not isinstance(backward, dict):
        return config
    bare = {**forward["config"], "name": forward["config"]["name"].removeprefix("forward_")}
    if bare.get("zero_output_for_mask") == bare.get("return_sequences"):
        bare.pop("zero_output_for_mask", None)  # set by the Bidirectional
    found = {**config, "layer": {**forward, "config": bare}}
    if forward["class_name"] != backward["class_name"]:
        return found
    alone = keras.layers.Bidirectional(
        # A copy: the layer takes its cells out of the config that it is made from.
        keras.saving.deserialize_keras_object(copy.deepcopy(found["layer"]), safe_mode=True),
        merge_mode=config.get("merge_mode", "concat"),
    )
    derived = keras.saving.serialize_keras_object(alone.backward_layer)["config"]
    if plain_config(derived) == plain_config(backward["config"]):
        found["backward_layer"] = None
    return found


def plain_config(value: Any) -> Any:
    """A config as JSON would give it back: tuples are lists."""
    if isinstance(value, Mapping):
        return {key: plain_config(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_config(each) for each in value]
    return value


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
    return kinds[0] if kinds else None


def _kind_of_module(value: Mapping[str, Any]) -> str:
    """The kind of an object among the arguments of the user's own code."""
    found = [
        kind for kind in ARGUMENT_KINDS if catalog.load().find(_section(kind), value["class_name"])
    ]
    module = str(value.get("module") or "").rpartition(".")[2]
    return next((each for each in found if module == f"{each}s"), next(iter(found), "layer"))


def _section(kind: str) -> str:
    return "layer" if kind == "cell" else kind


def _is_default(written: Any, parameter: Parameter, entry: Entry | None) -> bool:
    default = parameter.default
    if written == default and isinstance(written, bool) == isinstance(default, bool):
        return True
    if parameter.name == "dtype":
        return written == DEFAULT_DTYPE
    if parameter.name == "data_format":
        return written == keras.config.image_data_format()
    if isinstance(written, str) and written == "linear" and "activation" in parameter.types:
        return default is None
    if isinstance(written, str) and isinstance(default, str):  # GlorotUniform, glorot_uniform
        kinds = [each for each in parameter.types if each in ARGUMENT_KINDS]
        entries = [catalog.load().find(kind, each) for kind in kinds for each in (written, default)]
        return len(entries) == 2 and entries[0] is not None and entries[0] == entries[1]
    return isinstance(default, list) and written == _one_for_all(default)
