"""Whether a model that was built from a config is the model that the config was made from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from nnpy.models.to_config.layers import is_network
from nnpy.models.to_config.values import function
from nnpy.models.to_config.vocabularies import with_learned
from nnpy.safety.tensorflow_initializers import is_of_tensorflow

# What a built model may have otherwise: its name is that of the config, and a batch size that
# no layer needs is left open.
_FREE = ("batch_shape", "build_input_shape", "batch_input_shape")


def differences(original: keras.Model, built: keras.Model) -> list[str]:
    """What is not the same in two models, a line each: kinds, names, arguments, weights.

    Layers and weights are compared in their order. Nothing is computed.
    """
    return list(_differences(original, built, ""))


def outputs_differ(original: keras.Model, built: keras.Model, *arrays: Any) -> bool:
    """Whether two models with the same weights give other bits for the same input."""
    one = keras.tree.flatten(original(*arrays, training=False))
    other = keras.tree.flatten(built(*arrays, training=False))
    return len(one) != len(other) or any(map(_bits_differ, one, other))


def _bits_differ(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape or first.dtype != second.dtype:
        return True
    if first.dtype.hasobject:  # texts
        return bool(first.tolist() != second.tolist())
    return first.tobytes() != second.tobytes()


def _differences(original: Any, built: Any, place: str) -> Iterator[str]:
    first, second = _kind(original), _kind(built)
    if first != second:
        yield f"{place or 'the model'}: {first} became {second}"
        return
    for what in ("layers", "operations"):
        if what == "operations" and first == "Sequential":
            continue
        names = [each.name for each in getattr(original, what)]
        found = [each.name for each in getattr(built, what)]
        if names != found:
            odd = next((pair for pair in zip(names, found, strict=False) if pair[0] != pair[1]), "")
            more = f", first {odd[0]!r} and {odd[1]!r}" if odd else ""
            yield f"{place}{what}: {len(names)} and {len(found)} of other names{more}"
            return
    members = original.operations if first == "Functional" else original.layers
    others = built.operations if first == "Functional" else built.layers
    for one, other in zip(members, others, strict=True):
        inside = f"{place}{one.name}: "
        if is_network(one) and is_network(other):
            yield from _differences(one, other, inside)
        elif type(one).__name__ != type(other).__name__:
            yield f"{inside}{type(one).__name__} became {type(other).__name__}"
        else:
            yield from _unequal(_config(one), _config(other), inside)
    for what in ("weights", "trainable_weights"):
        shapes = [_of_weight(each) for each in getattr(original, what)]
        found_shapes = [_of_weight(each) for each in getattr(built, what)]
        if shapes != found_shapes:
            yield f"{place}{what}: {_first_odd(shapes, found_shapes)}"


def _of_weight(weight: Any) -> tuple[str, tuple[int, ...], str]:
    """Name, shape and dtype; Keras counts the weights that got no name, in the whole process."""
    name = re.sub(r"^variable_\d+$", "variable", weight.name)
    return name, tuple(weight.shape), weight.dtype


def _kind(model: Any) -> str:
    return "Sequential" if isinstance(model, keras.Sequential) else "Functional"


def _config(layer: Any) -> Any:
    return json.loads(
        json.dumps(keras.saving.serialize_keras_object(with_learned(layer, layer.get_config())))
    )


def _unequal(one: Any, other: Any, place: str) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if is_of_tensorflow(one):  # Keras's initializer of the same name stands for it
            name, one, other = one["class_name"], one["config"], {**other}
            if other.pop("class_name", None) != name:
                yield f"{place.rstrip()}: TensorFlow's {name} became another"
            other = {key: each for key, each in other["config"].items() if key in one}
        free = {*_FREE, "shared_object_id", "build_config", "compile_config"}
        if "class_name" in one and not _is_of_keras(one) and not _is_of_keras(other):
            # The user's own: nnpy may have run the file, and registered what Keras had not.
            free |= {"module", "registered_name"}
            if one["class_name"] == other.get("class_name") == "function":
                one, other = ({**each, "config": function(each)} for each in (one, other))
        for key in [*one, *(each for each in other if each not in one)]:
            if key not in free:
                yield from _unequal(one.get(key), other.get(key), f"{place}{key} ")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _unequal(first, second, f"{place}[{index}] ")
    elif one != other:
        yield f"{place.rstrip()}: {_short(one)} became {_short(other)}"


def _is_of_keras(value: Mapping[str, Any]) -> bool:
    return str(value.get("module")).partition(".")[0] == "keras"


def _first_odd(one: list[Any], other: list[Any]) -> str:
    if len(one) != len(other):
        return f"{len(one)} became {len(other)}"
    return next(f"{a} became {b}" for a, b in zip(one, other, strict=True) if a != b)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
