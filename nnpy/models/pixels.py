"""The first layers of a Keras model, as `config.pixels` looks at them.

Importing this module imports Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from nnpy.catalog.naming import snake_case
from nnpy.config import pixels
from nnpy.config.pixels import Op
from nnpy.models.functional_config import histories, tensors


def decided_rescale(model: keras.Model, scale: float) -> tuple[float, str]:
    """What `rescale: auto` is for a Keras model, and why; `scale` makes the data 0 to 1."""
    ops, inputs = _ops(model)
    return pixels.decide(ops, inputs, scale)


def _ops(model: keras.Model) -> tuple[tuple[Op, ...], tuple[str, ...]]:
    """A model's operations and the names of its inputs; none for a model of somebody's own kind."""
    if isinstance(model, keras.Sequential):
        found, before = [], "input"
        for layer in model.layers:
            found.append(_op(layer, layer.name, (before,)))
            before = layer.name
        return tuple(found), ("input",)
    try:
        config = model.get_config()
        described, inputs = (
            config["layers"],
            [name for name, *_ in tensors(config["input_layers"])],
        )
    except (KeyError, NotImplementedError, TypeError):
        return (), ()
    found = []
    for each in described:
        for number, node in enumerate(each.get("inbound_nodes", ())):
            sources = tuple(_name(*history) for history in histories(node))
            name = _name(each["name"], number)
            if ".ops." in str(each.get("module")):
                found.append(Op(name, snake_case(each["class_name"]), _number(node), sources))
            else:
                found.append(_op(model.get_layer(each["name"]), name, sources))
    return tuple(found), tuple(inputs)


def _op(layer: Any, name: str, sources: tuple[str, ...]) -> Op:
    if isinstance(layer, keras.Model):
        inner, inputs = _ops(layer)
        ends = (inner[-1].name,) if inner else ()
        return Op(name, "Model", {}, sources, inner, inputs, ends)
    kind = type(layer).__name__
    if not type(layer).__module__.startswith("keras."):
        return Op(name, f"own:{kind}", {}, sources)
    arguments = layer.get_config()
    if kind == "Normalization" and layer.built:
        # What it has adapted to tells what it was given: pixels, or numbers from 0 to 1.
        arguments = {**arguments, "mean": np.asarray(layer.mean).ravel().tolist()}
    return Op(name, kind, arguments, sources)


def _name(layer: str, node: int = 0, _tensor: int = 0) -> str:
    """One call of a layer."""
    return f"{layer}#{node}" if node else layer


def _number(node: Mapping[str, Any]) -> dict[str, Any]:
    """The number that an operation is given beside its tensor."""
    values = [*node.get("args", ()), *node.get("kwargs", {}).values()]
    return {"x2": values[1]} if len(values) > 1 and isinstance(values[1], int | float) else {}
