"""The values that pass through the first layers of a model, as far as they can be known.

What a model does to its input before it learns from it decides two things: whether the data
must be scaled for it (`data.rescale: auto`), and whether a layer that asks for the range of its
input (`RandomBrightness`, `value_range`) is told the right one. Works on the steps of a config
and on the layers of a Keras model alike.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# These give back the pixels that they are given, or some of them, or mixtures of them.
_PASS = frozenset(
    (
        *("InputLayer", "Identity", "Flatten", "Reshape", "Permute", "RepeatVector", "Dropout"),
        *("Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D"),
        *("ZeroPadding3D", "UpSampling1D", "UpSampling2D", "UpSampling3D", "MaxPooling1D"),
        *("MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D"),
        *("AveragePooling3D", "Resizing", "CenterCrop", "RandomCrop", "RandomFlip"),
        *("RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomGrayscale"),
        *("RandomPerspective", "Concatenate", "Average", "Maximum", "Minimum", "MixUp", "CutMix"),
        *("reshape", "expand_dims", "squeeze", "transpose", "concatenate", "stack", "repeat"),
        *("flip", "pad", "cast", "copy", "moveaxis", "swapaxes", "ravel", "tile"),
    )
)
# Operations with a number: what they make of one value.
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "add": operator.add,
    "subtract": operator.sub,
}

Range = tuple[float, float] | None  # None where it is not known


@dataclass(frozen=True)
class Op:
    """A layer or operation: its class, arguments, and the tensors that it takes.

    A layer that asks for the range of its input has its `value_range`, the default too.
    `inner` are the parts of a nested model, the first of which take `inputs`; `place` is
    whatever the caller wants back.
    """

    name: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    inner: tuple[Op, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    place: Any = None


def scales_itself(ops: Iterable[Op], inputs: Iterable[str]) -> str:
    """The kind of the layer that scales what the model is given, or an empty text."""
    return next((op.kind for op, _ in _seen(ops, _all(inputs, None)) if _scales(op)), "")


def decide(ops: Iterable[Op], inputs: Iterable[str], scale: float) -> tuple[float, str]:
    """By what the data are multiplied for a model, and why; `scale` makes them 0 to 1."""
    if scale == 1:
        return 1.0, "the data are used as they are stored"
    kind = scales_itself(ops, inputs)
    if kind:
        return 1.0, f"the model scales by itself ({kind})"
    return scale, "bytes become 0 to 1"


def wrong_ranges(
    ops: Iterable[Op], inputs: Iterable[str], given: Range
) -> Iterator[tuple[Op, tuple[float, float], tuple[float, float]]]:
    """Each layer whose `value_range` (the last) is not the range of the values that it gets."""
    for op, values in _seen(ops, _all(inputs, given)):
        told = _range(op.arguments.get("value_range"))
        if values is None or told is None:
            continue
        low, high = told
        span = max(values[1] - values[0], high - low)
        if abs(values[0] - low) > span / 10 or abs(values[1] - high) > span / 10:
            yield op, values, (low, high)


def _range(value: Any) -> Range:
    numbers = _numbers(value)
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _all(names: Iterable[str], values: Range) -> dict[str, Range]:
    return dict.fromkeys(names, values)


def _seen(ops: Iterable[Op], ranges: dict[str, Range]) -> Iterator[tuple[Op, Range]]:
    """Every operation that sees the model's input, scaled or not, and the range that it sees.

    `ranges` has the tensors that still are the input; what else becomes of it is left alone.
    """
    for op in ops:
        sources = [each for each in op.sources if _head(each, ranges) is not None]
        if not sources or len(sources) < len(op.sources):
            continue
        values = _union([ranges[_head(each, ranges) or ""] for each in sources])
        if op.inner:
            inner = _all(op.inputs, values)
            yield from _seen(op.inner, inner)
            ends = [each for each in op.outputs if each in inner]
            if op.outputs and len(ends) == len(op.outputs):
                ranges[op.name] = _union([inner[each] for each in ends])
            continue
        if op.kind in _PASS or op.kind in ("Rescaling", "Normalization") or _takes_range(op):
            yield op, values
            ranges[op.name] = _after(op, values)


def _head(source: str, ranges: Mapping[str, Range]) -> str | None:
    """The tensor that `name` or `name.0` stands for, where it still is the input."""
    while source not in ranges:
        if "." not in source:
            return None
        source = source.rpartition(".")[0]
    return source


def _union(ranges: Sequence[Range]) -> Range:
    known = [each for each in ranges if each is not None]
    if len(known) < len(ranges) or not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def _scales(op: Op) -> bool:
    """Whether a step brings stored values to a scale that a network learns from.

    One that makes them larger, or a mean that lies between 0 and 1, is for values of 0 to 1.
    """
    if op.kind == "Rescaling":
        if any(abs(each) < 1 for each in _numbers(op.arguments.get("scale", 1.0))):
            return True
        # One that only takes away a mean that pixels have.
        return any(each < -2 for each in _numbers(op.arguments.get("offset", 0.0)))
    if op.kind == "Normalization":
        mean = _numbers(op.arguments.get("mean"))
        return not mean or any(not 0 <= each <= 1 for each in mean)
    number = _number(op)
    if number is None:
        return False
    return abs(number) < 1 if op.kind == "multiply" else "divide" in op.kind and abs(number) > 1


def _numbers(value: Any) -> list[float]:
    """The numbers of a value that may be a list of lists of them."""
    if isinstance(value, list | tuple):
        return [number for each in value for number in _numbers(each)]
    return [float(value)] if isinstance(value, int | float) else []


def _number(op: Op) -> float | None:
    value = op.arguments.get("x2")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _takes_range(op: Op) -> bool:
    return "value_range" in op.arguments or (op.kind in _ARITHMETIC and _number(op) is not None)


def _after(op: Op, values: Range) -> Range:
    if values is None or op.kind == "Normalization":
        return None
    if op.kind == "Rescaling":
        scale, offset = op.arguments.get("scale", 1.0), op.arguments.get("offset", 0.0)
        if not isinstance(scale, int | float) or not isinstance(offset, int | float):
            return None
        ends = [value * scale + offset for value in values]
    elif op.kind in _ARITHMETIC:
        number = _number(op)
        if number is None or (number == 0 and "divide" in op.kind):
            return None
        ends = [_ARITHMETIC[op.kind](value, number) for value in values]
    elif op.kind.startswith("ZeroPadding"):
        ends = [*values, 0.0]
    else:
        return values
    return min(ends), max(ends)
