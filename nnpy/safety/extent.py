"""What a model makes of one example on its way: more than there is memory for, or than ever ends.

A few bytes of a config ask for any amount of either without a single weight: a `RepeatVector`, a
`ZeroPadding2D`, strides of a transposed convolution, the window of a pooling. Importing this
module imports Keras.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from nnpy.devices.host import free_memory
from nnpy.text import size_in_words

_WORK = 10**12  # values that the windows of a pooling may look at
_ANSWER = 1 << 26  # numbers; a picture of 4,700 × 4,700 in colour
_PADDED = ("dilation_rate", "kernel_size")


def problem(model: keras.Model) -> tuple[str, str] | None:
    """What is wrong with the sizes of a model: the name of a layer, and the words for it.

    What the model's inputs leave open counts as 1.
    """
    free = free_memory()
    for layer in _layers(model):
        for what, numbers in _made(layer):
            size = numbers * width(keras.backend.standardize_dtype(layer.compute_dtype))
            if size > free:
                return layer.name, (
                    f"it {what} {size_in_words(size)} of one example, but only "
                    f"{size_in_words(free)} of memory are free"
                )
        if (work := _looked_at(layer)) > _WORK:
            return layer.name, (
                f"its window of {list(layer.pool_size)} would look at {work:.0e} values for one "
                f"example"
            )
    for shape in _shapes(model, "outputs"):
        if _count(shape) > _ANSWER:
            return model.name, (
                f"it answers one example with {_count(shape):,} numbers; at most {_ANSWER:,} are "
                f"taken"
            )
    return None


def width(dtype: str) -> int:
    """Bytes of one number; of less than eight bits, one."""
    digits = "".join(filter(str.isdigit, dtype.split("_")[0])) or "8"
    return max(1, int(digits) // 8)


def _layers(model: Any) -> Iterator[Any]:
    """All layers, also those within models and wrappers."""
    waiting, seen = [model], set[int]()
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        inner = getattr(layer, "layers", None)
        waiting += inner if isinstance(inner, list) else []
        waiting += [
            each
            for name in ("layer", "forward_layer", "backward_layer", "cell")
            if isinstance(each := getattr(layer, name, None), keras.Layer)
        ]


def _made(layer: Any) -> Iterator[tuple[str, int]]:
    """How many numbers of one example a layer gives, and those that it needs on its way."""
    for shape in _shapes(layer, "output"):
        yield "makes", _count(shape)
    rates, kernel = (_numbers(layer, name) for name in _PADDED)
    if rates and kernel and max(rates) > 1:  # TensorFlow pads the input by the whole window
        for shape in _shapes(layer, "input"):
            more = [(size - 1) * rate for size, rate in zip(kernel, rates, strict=False)]
            yield "pads its input to", _count(_wider(layer, shape, more))


def _looked_at(layer: Any) -> int:
    window = _numbers(layer, "pool_size")
    outputs = [_count(shape) for shape in _shapes(layer, "output")]
    return math.prod(window) * max(outputs, default=0) if window else 0


def _wider(layer: Any, shape: Sequence[int | None], more: Sequence[int]) -> list[int | None]:
    """The shape of an input whose axes in space are wider by so many."""
    first = getattr(layer, "data_format", None) == "channels_first"
    start = 2 if first else 1
    wide = list(shape)
    for axis, each in enumerate(more, start):
        if axis < len(wide):
            wide[axis] = (wide[axis] or 1) + each
    return wide


def _shapes(layer: Any, name: str) -> list[Sequence[int | None]]:
    """Shapes of a layer's inputs or outputs, where Keras knows them; of several calls none."""
    try:
        tensors = keras.tree.flatten(getattr(layer, name))
    except (AttributeError, ValueError, RuntimeError):
        return []
    return [each.shape for each in tensors if getattr(each, "shape", None)]


def _numbers(layer: Any, name: str) -> tuple[int, ...]:
    value = getattr(layer, name, None)
    values = value if isinstance(value, tuple | list) else (value,)
    return tuple(values) if all(isinstance(each, int) for each in values) else ()


def _count(shape: Sequence[int | None]) -> int:
    return math.prod(each or 1 for each in shape[1:])
