"""In what a model computes: Keras's dtype policies, and what stays in 32 bits.

Importing this module imports Keras.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import keras

from nnpy.config.network.graph import Network, Step, names_in
from nnpy.config.objects import KerasObject

_KEPT = ("Normalization", "Rescaling", "Discretization")  # what they take is not scaled yet


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Within it layers that state no dtype are made for this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def with_float32_ends(network: Network, precision: str) -> Network:
    """The network, its last layers and those that scale its inputs in 32 bits.

    A softmax in 16 bits knows no probability below 6e-8, and the loss would not see the logits.
    """
    if precision == "float32":
        return network
    outputs = {name.partition("/")[0] for each in network.outputs for name in names_in(each)}
    steps = tuple(_step(each, each.name in outputs, precision) for each in network.steps)
    return dataclasses.replace(network, steps=steps)


def _step(step: Step, is_last: bool, precision: str) -> Step:
    if step.reuse:
        return step
    if step.network is not None:
        inner = with_float32_ends(step.network, precision) if is_last else step.network
        return dataclasses.replace(step, network=inner)
    layer = step.layer
    keeps = (is_last or layer.name in _KEPT) and layer.kind == "layer" and not layer.code
    if not keeps or layer.arguments.get("dtype") is not None:
        return step
    return dataclasses.replace(step, layer=_in_float32(layer))


def _in_float32(layer: KerasObject) -> KerasObject:
    """A layer, and those that it wraps."""
    arguments = {
        key: _in_float32(value)
        if isinstance(value, KerasObject) and value.kind in ("layer", "cell") and not value.code
        else value
        for key, value in layer.arguments.items()
    }
    return dataclasses.replace(layer, arguments={"dtype": "float32", **arguments})
