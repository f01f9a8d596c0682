"""Shortcuts: what a CPU need not compute for the same numbers, taken while a step is traced.

The layers are as the user made them again as soon as the trace is over.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras

from nnpy.engine.introspection import layers, on_gpu

MAX_UNROLLED_STEPS = 64
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_POOLS = (
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
)


@contextlib.contextmanager
def shortcuts(model: keras.Model) -> Iterator[None]:
    """Within it, a training step of `model` is traced with all shortcuts that fit it."""
    if on_gpu():
        yield
        return
    with _unrolled(model), _relu_after_pooling(model):
        yield


@contextlib.contextmanager
def _unrolled(model: keras.Model) -> Iterator[None]:
    """Recurrent layers of known, small length unrolled while a step is traced.

    Some 10 to 20 % faster on a CPU than a loop with a dozen small operations a time step.
    """
    chosen = [part for part in layers(model) if _can_unroll(part)]
    for layer in chosen:
        layer.unroll = True
    try:
        yield
    finally:
        for layer in chosen:
            layer.unroll = False


def _can_unroll(part: Any) -> bool:
    if not isinstance(part, keras.layers.RNN) or part.unroll:
        return False
    try:
        length = part.input.shape[1]
    except (AttributeError, ValueError):  # never called by name in a graph of layers
        return False
    return length is not None and length <= MAX_UNROLLED_STEPS


@contextlib.contextmanager
def _relu_after_pooling(model: keras.Model) -> Iterator[None]:
    """The maximum of what ReLU leaves is what ReLU leaves of the maximum: a quarter of the work.

    Gradients are the same to the bit: they go to the place of the maximum, and nowhere where
    no number of a window is above 0.
    """
    pairs = list(_relus_before_pools(model))
    for convolution, pool in pairs:
        convolution.activation = keras.activations.linear
        pool.call = _then_relu(pool.call)
    try:
        yield
    finally:
        for convolution, pool in pairs:
            convolution.activation = keras.activations.relu
            del pool.call


def _then_relu(call: Any) -> Any:
    def pooled(*args: Any, **kwargs: Any) -> Any:
        return keras.activations.relu(call(*args, **kwargs))

    return pooled


def _relus_before_pools(model: keras.Model) -> Iterator[tuple[Any, Any]]:
    """Convolutions with ReLU, each with the pooling that alone takes what it gives."""
    uses = Counter(id(part) for part in layers(model))
    for stack in _stacks(model):
        for first, second in zip(stack.layers, stack.layers[1:], strict=False):
            if (
                type(first) in _CONVOLUTIONS
                and type(second) in _POOLS
                and first.activation is keras.activations.relu
                and first.activity_regularizer is None
                and uses[id(first)] == uses[id(second)] == 1
            ):
                yield first, second


def _stacks(model: keras.Model) -> Iterator[keras.Sequential]:
    if isinstance(model, keras.Sequential):
        yield model
    for part in model.layers:
        if isinstance(part, keras.Model):
            yield from _stacks(part)
