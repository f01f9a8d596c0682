"""Calling layers and operations with the tensors and arguments of a step."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Mapping
from typing import Any

import keras

from nnpy.catalog import catalog
from nnpy.config import slices
from nnpy.config.network.graph import Step
from nnpy.models.instantiate import instantiate
from nnpy.models.located_errors import errors_located_at


def call_layer(step: Step, layer: Any, taken: Any, call: Mapping[str, Any]) -> Any:
    """What a layer gives for its tensors, in the order in which the config hands them over.

    Keras counts the tensors of a call, and with them the layers that they come from, in the
    order of the positions, then by the names in the order of the alphabet. So as many as fit
    that order are given by position.
    """
    operands, named = _arguments(step, layer, taken)
    with errors_located_at(step.mark, step.path):
        return layer(*operands, **named, **call)


def _arguments(step: Step, layer: Any, taken: Any) -> tuple[list[Any], dict[str, Any]]:
    """The tensors of a call by position and by name."""
    if step.network is not None or step.layer.kind == "application":
        return [taken], {}
    parameters = inspect.signature(layer.call).parameters.values()
    places = [each.name for each in parameters if each.kind in _PLACES]
    if isinstance(taken, list) and not places and _is_variadic(parameters):
        return list(taken), {}
    if not isinstance(taken, dict):
        return [taken], {}
    count = _count_by_position(places, list(taken))
    rest = {key: each for key, each in taken.items() if key not in places[:count]}
    return [taken[key] for key in places[:count]], rest


_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _is_variadic(parameters: Any) -> bool:
    return any(each.kind is each.VAR_POSITIONAL for each in parameters)


def _count_by_position(places: list[str], wanted: list[str]) -> int:
    """How many arguments to give by position so that Keras counts them in the wanted order."""
    most = 0
    while most < len(places) and places[most] in wanted:
        most += 1
    for count in range(most, -1, -1):
        rest = sorted(key for key in wanted if key not in places[:count])
        if [*places[:count], *rest] == wanted:
            return count
    return most


def function_of(name: str) -> Any:
    """`keras.ops.image.resize` of `image.resize`; `activations.relu` is that of `keras`."""
    home = keras if name.startswith("activations.") else keras.ops
    return operator.attrgetter(name)(home)


def call_operation(step: Step, taken: Mapping[str, Any]) -> Any:
    """What an operation of `keras.ops` gives for its tensors and plain arguments."""
    function = function_of(step.layer.name)
    # Keras takes a list for a tuple in most places, but not in all.
    arguments = {key: _as_tuple(each) for key, each in instantiate(step.layer.arguments).items()}
    if step.layer.name == "get_item" and isinstance(arguments.get("key"), str):
        arguments["key"] = slices.parse(arguments["key"])
    arguments |= taken
    entry = catalog.load().find("op", step.layer.name)
    variadic = next((each.name for each in entry.call if each.variadic), None) if entry else None
    operands: list[Any] = []
    if variadic is not None:
        assert entry is not None
        given = arguments.pop(variadic, [])
        operands = [arguments.pop(each.name) for each in entry.call if each.required]
        operands += given if isinstance(given, list) else [given]
    with errors_located_at(step.mark, step.path):
        found = function(*operands, **arguments)
    _name_operations(found, taken, step.name)
    return found


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(each) for each in value) if isinstance(value, list) else value


def _name_operations(found: Any, taken: Mapping[str, Any], name: str) -> None:
    """Gives what a call has made the name of its step, instead of one that Keras counts.

    Operations and layers of a model share one room of names. The functions of `keras.ops` take
    no name, and which operation a tensor comes from is known to `_keras_history` only.
    """
    ends = [each for each in keras.tree.flatten(found) if hasattr(each, "_keras_history")]
    known = {id(each) for each in keras.tree.flatten(taken)}
    if not ends:
        return
    last = ends[0]._keras_history.operation
    last.name = name
    waiting, seen = list(ends), {id(last)}
    while waiting:
        tensor = waiting.pop()
        operation = tensor._keras_history.operation
        if id(tensor) in known or operation is None or isinstance(operation, keras.layers.Layer):
            continue
        if id(operation) not in seen:  # a function may make several operations
            operation.name = f"{name}.{operation.name}"
            seen.add(id(operation))
        for node in operation._inbound_nodes:
            waiting.extend(each for each in node.input_tensors if id(each) not in known)
