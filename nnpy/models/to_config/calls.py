"""How a layer or an operation was called → `from:` and the arguments beside it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from nnpy.catalog import catalog
from nnpy.config import slices
from nnpy.errors import ModelError
from nnpy.models.to_config import operations, values
from nnpy.models.to_config.context import Context
from nnpy.models.to_config.steps import Reference, Step, holds_tensor


def of_layer(layer: Any, given: list[Any], named: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """`from:` and `call:` of a layer's call.

    Tensors stand in the order in which Keras counts them: those given by position, then those
    by name in the order of the alphabet.
    """
    parameters = inspect.signature(layer.call).parameters
    places = [each.name for each in parameters.values() if each.kind in _PLACES]
    variadic = any(each.kind is each.VAR_POSITIONAL for each in parameters.values())
    if len(given) > len(places) or (variadic and not places):
        if not variadic or named or not all(holds_tensor(each) for each in given):
            raise ModelError(
                f"'{layer.name}' is called with arguments that its signature does not name"
            )
        return given, {}
    arguments = dict(zip(places, given, strict=False))
    arguments |= {key: named[key] for key in sorted(named)}
    tensors = {key: each for key, each in arguments.items() if holds_tensor(each)}
    further = {}
    for key, each in arguments.items():
        default = parameters[key].default if key in parameters else None
        # Keras records a default as if it had been given.
        if key not in tensors and each is not None and not _same(each, default):
            further[key] = each
    last = {"call": further} if further else {}
    first = places[0] if places else next(iter(tensors), "inputs")
    if set(tensors) == {first} and not isinstance(tensors[first], Mapping):
        return tensors[first], last
    return tensors, last


_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def of_operation(
    operation: Any,
    config: Mapping[str, Any],
    given: list[Any],
    named: Mapping[str, Any],
    own: str,
    context: Context,
) -> Step:
    """A step `ops.NAME`."""
    function = operations.of_class(config["class_name"])
    entry = catalog.load().find("op", function.name) if function else None
    if function is None or entry is None:
        raise ModelError(f"the operation {config['class_name']} has no name in keras.ops")
    variadic = function.variadic
    before = len(function.call) - 1 if variadic else len(given)
    arguments = {
        function.operand(operation, index): each for index, each in enumerate(given[:before])
    }
    if variadic:
        arguments[variadic] = given[before:]
    arguments |= {function.operand(operation, key): each for key, each in named.items()}
    for key, each in config["config"].items():
        if key != "name":
            arguments.setdefault(function.argument(operation, key), values.plain(each, context))
    known = {each.name: each for each in entry.call}
    tensors, rest = {}, {}
    for key, each in arguments.items():
        if holds_tensor(each):
            tensors[key] = each
        elif key not in known:
            if each is not None and each is not False:
                raise ModelError(f"ops.{entry.name} takes no '{key}', which the model gives")
        elif known[key].required or not _same(each, known[key].default):
            rest[key] = each
    return Step(f"ops.{entry.name}", rest, own, _source(entry, tensors, rest, variadic))


def key_of(value: Any) -> Any:
    """The key of `x[key]` as text, or as the whole number that it is."""
    key = values.key(value)
    if isinstance(key, list):
        key = tuple(key)
    return key if type(key) is int else slices.text(key)


def _source(entry: Any, tensors: dict[str, Any], rest: Mapping[str, Any], variadic: Any) -> Any:
    """The tensors of an operation as `from:` says them, as short as it goes."""
    one = len(tensors) == 1 and isinstance(next(iter(tensors.values())), Reference)
    takers = [each.name for each in entry.call if "tensor" in each.types]
    takers = takers or [each.name for each in entry.call[:1]]
    if one:
        free = [each for each in takers if each not in rest] or takers
        return next(iter(tensors.values())) if free[:1] == list(tensors) else tensors
    every = list(tensors.values())
    if len(tensors) == 1 and takers == list(tensors) and isinstance(every[0], list):
        return every[0]  # `concatenate`
    first = list(tensors) == takers[: len(tensors)] and variadic is None and len(takers) > 1
    if first and all(isinstance(each, Reference) for each in every):
        return every  # by position
    return tensors


def _same(value: Any, default: Any) -> bool:
    """Whether a value is the default; `1` is not `True`, and `1.0` is not `1`."""
    if isinstance(value, list | tuple) and isinstance(default, list | tuple):
        return len(value) == len(default) and all(map(_same, value, default))
    return bool(type(value) is type(default) and value == default)
