"""A layer → the name and arguments of its step; an input → its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from nnpy.errors import ModelError
from nnpy.models.to_config import arguments
from nnpy.models.to_config.context import Context
from nnpy.models.to_config.vocabularies import what_stays_behind, with_learned


def is_network(layer: Any) -> bool:
    """Whether a layer is a model that a config writes out: Sequential or functional."""
    if isinstance(layer, keras.Sequential):
        return True
    if not isinstance(layer, keras.Model):
        return False
    try:
        config = layer.get_config()
    except NotImplementedError:
        return False
    return {"layers", "input_layers", "output_layers"} <= config.keys()


def is_of_keras(layer: Any) -> bool:
    return type(layer).__module__.partition(".")[0] == "keras"


def step_of(
    layer: Any, config: Mapping[str, Any], context: Context, place: str
) -> tuple[str, dict[str, Any]]:
    """The name and arguments of a step for a layer that this model calls for the first time.

    `config` is the layer, serialized. A layer that another part of the whole model has written
    already is named by its place there.
    """
    if id(layer) in context.places:
        return "reuse", {"layer": f"/{context.places[id(layer)]}"}
    there = f"{place}/{layer.name}" if place else str(layer.name)
    context.places[id(layer)] = there
    context.alive.append(layer)
    if is_network(layer):
        return "Model", context.nested(layer, context, there)
    name = config["class_name"]
    if name == "Lambda" and not _is_named_function(config["config"].get("function")):
        raise ModelError(
            f"'{layer.name}' is a Lambda: its Python code cannot be a config; write it as a "
            "layer in a `code:` file"
        )
    own = arguments.is_own(config)
    if own:
        context.foreign.add(name)
    if (text := what_stays_behind(layer)) is not None:
        context.note(text)
    given = with_learned(layer, config["config"])
    if own:
        given |= _untold(layer, given, context)
    return name, arguments.arguments_of("layer", name, given, context, own=own)


def _untold(layer: Any, given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Arguments without a default that an own layer was made with and its get_config() forgets."""
    entry = context.code.find("layer", type(layer).__name__) if context.code is not None else None
    missing = [each.name for each in entry.parameters if each.required] if entry else []
    missing = [each for each in missing if each not in given]
    # Keras remembers them for layers that have no get_config(); it has no public name for that.
    made_with = getattr(getattr(layer, "_auto_config", None), "config", {}) if missing else {}
    return {
        each: keras.saving.serialize_keras_object(made_with[each])
        for each in missing
        if each in made_with
    }


def input_of(config: Mapping[str, Any], context: Context, keep_batch: bool) -> dict[str, Any]:
    """What the config says of an input; `keep_batch` where a layer keeps states."""
    batch, *shape = config["batch_shape"]
    found: dict[str, Any] = {"shape": shape}
    if batch is not None and keep_batch:
        found["batch_size"] = batch
    elif batch is not None:
        context.note(
            f"the batch size {batch} of the input '{config['name']}' is left open: no layer "
            "keeps states from one batch to the next"
        )
    if config.get("dtype") not in (None, arguments.DEFAULT_DTYPE):
        found["dtype"] = config["dtype"]
    return found | {key: True for key in ("sparse", "ragged", "optional") if config.get(key)}


def needs_batch_size(config: Any) -> bool:
    """Whether a layer in a model's config is stateful: it keeps a state for each example."""
    return any(each.get("stateful") for each in _configs(config))


def _configs(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _configs(each)


def _is_named_function(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == "function"
