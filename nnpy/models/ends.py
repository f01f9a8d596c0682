"""What the outputs of a Keras model are: how many, after which activation, on which scale.

Importing this module imports Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from nnpy.config import measures
from nnpy.config.measures import End
from nnpy.config.network.graph import Network
from nnpy.config.objects import KerasObject
from nnpy.errors import ModelError
from nnpy.models.saved import Record

# After the last activation these leave the outputs on its scale.
_PASS = ("Dropout", "Identity", "Reshape", "Flatten", "Squeeze", "Cast", "ActivityRegularization")
_LAYERS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}


def output_keys(model: keras.Model) -> list[str]:
    """The names of a model's outputs as losses and metrics go by them, as `model.outputs` is."""
    keys = structure(model)
    if isinstance(keys, tuple):
        return sorted(keys)  # in the order in which Keras flattens them
    if isinstance(model, keras.Sequential):
        return [model.layers[-1].name]
    return list(model.output_names)


def structure(model: keras.Model) -> tuple[str, ...] | int | None:
    """The names of a model's outputs where it gives them by name, or how many it gives in a list;
    None for one tensor.

    Raises ModelError where they are lists or names within lists or names.
    """
    if isinstance(model, keras.Sequential):
        return None
    outputs = model.output
    if isinstance(outputs, Mapping | list | tuple):
        parts = outputs.values() if isinstance(outputs, Mapping) else outputs
        if any(isinstance(each, Mapping | list | tuple) for each in parts):
            raise ModelError(
                f"the outputs of '{model.name}' lie within one another; nnpy takes one output, a "
                "list of them, or several by name"
            )
    if isinstance(outputs, Mapping):
        return tuple(outputs)
    return len(outputs) if isinstance(outputs, list | tuple) and len(outputs) > 1 else None


def order(model: keras.Model, network: Network) -> list[int]:
    """Where each of a network's outputs stands in `model.outputs`."""
    if network.output_names and isinstance(structure(model), tuple):
        return [output_keys(model).index(name) for name in network.output_names]
    return list(range(len(network.outputs)))


def end_of(model: keras.Model, index: int = 0) -> End:
    """The last axis and the last activation of one output; None for what cannot be known."""
    shape = keras.tree.flatten(model.outputs)[index].shape
    units = shape[-1] if len(shape) > 1 else 1
    return End(units, _activation(model, index))


@dataclass(frozen=True)
class Output:
    """One output of a model: its name, its place in `model.outputs`, and what it is.

    `scale` is as in `config.measures`; None where neither loss nor layers tell.
    """

    name: str
    index: int
    scale: str | None


def outputs_of(model: keras.Model, network: Network, record: Record) -> list[Output]:
    """A model's outputs, those that the config of `network` names first in its order."""
    names = output_keys(model)
    first = [name for name in network.output_keys if name in names]
    ordered = [*first, *(name for name in names if name not in first)]
    found = []
    for name in ordered:
        index = names.index(name)
        found.append(Output(name, index, record.outputs.get(name) or scale_of(model, index)))
    return found


def scale_of(model: keras.Model, index: int = 0) -> str | None:
    """What an output is (`config.measures`), by the loss it was compiled with and its layers."""
    return measures.scale_of(_loss(model, index), end_of(model, index))


def _loss(model: keras.Model, index: int) -> KerasObject | None:
    loss = getattr(model, "loss", None)
    names = list(getattr(model, "output_names", None) or [])
    if isinstance(loss, Mapping):
        keys = output_keys(model)
        loss = loss.get(keys[index]) if keys[index] in loss else next(iter(loss.values()), None)
    elif isinstance(loss, list | tuple):
        loss = loss[index] if len(loss) == len(names) else None
    if loss is None:
        return None
    if isinstance(loss, str):
        return KerasObject("loss", loss, explicit=False)
    if isinstance(loss, keras.losses.Loss):
        return KerasObject("loss", type(loss).__name__, loss.get_config())
    return KerasObject("loss", getattr(loss, "__name__", ""), explicit=False)


def _activation(model: keras.Model, index: int) -> str | None:
    """The name of the last activation before an output, "linear" for none; None if unknown."""
    for operation in _backwards(model, index):
        if isinstance(operation, keras.Model):
            outputs = getattr(operation, "outputs", ())  # a subclass of the user's has none
            return _activation(operation, 0) if len(outputs) == 1 else None
        kind = type(operation).__name__
        if kind in _LAYERS:
            return _LAYERS[kind]
        if hasattr(operation, "activation"):
            name = _name(operation.activation)
            if name != "linear" or not isinstance(operation, keras.layers.Activation):
                return name
        elif kind not in _PASS:
            return None
    return None


def _name(activation: Any) -> str | None:
    if activation is None:
        return "linear"
    return getattr(activation, "__name__", None) or type(activation).__name__.lower()


def _backwards(model: keras.Model, index: int) -> Iterator[Any]:
    """The operations before an output, the last one first, as long as each has one input."""
    if isinstance(model, keras.Sequential):
        yield from reversed(model.layers)
        return
    tensor = keras.tree.flatten(model.outputs)[index]
    operations = list(getattr(model, "operations", model.layers))
    while True:
        operation = next((each for each in operations if _gives(each, tensor)), None)
        if operation is None:
            return
        yield operation
        given = operation.input
        if isinstance(given, list | tuple) and len(given) == 1:
            given = given[0]
        if not hasattr(given, "shape"):
            return
        tensor = given


def _gives(operation: Any, tensor: Any) -> bool:
    try:
        return any(each is tensor for each in keras.tree.flatten(operation.output))
    except (AttributeError, ValueError):  # it is called several times, or never
        return False
