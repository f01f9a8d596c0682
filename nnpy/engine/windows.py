"""Where the data lie: whole on the device, or passing through it window by window.

A loop takes steps over a window: arrays on the device and the order in which to take their
rows. When the data fit the memory budget there is one window, the whole split as stored, and
the order is the epoch's permutation. When they do not, the rows of the next window are
gathered in the background, in that same order, while the device works on this one. The
batches are the same either way, and so are the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

WINDOWS_AT_ONCE = 4  # the one at work, the next, the one being gathered, and its copy


@dataclass(frozen=True)
class Window:
    """Steps `first` to `end` of an epoch; step `i` takes rows `order[(i - origin) * size:]`."""

    data: Any  # (x, y, sample_weight or None), tensors
    order: Any  # int32 tensor
    origin: int
    first: int
    end: int  # of the full batches
    rest: int  # rows of a last, partial batch that follows; 0 for none


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order of `n` examples in an epoch (int32): a pure function of its arguments."""
    return np.random.default_rng((seed, epoch)).permutation(n).astype(np.int32)


def map_arrays(function: Callable[..., Any], *trees: Any) -> Any:
    """`function` on each array of a structure; an absent one (None) stays absent."""
    return keras.tree.map_structure(function, *trees, none_is_leaf=False)


def arrays_of(split: Any) -> Any:
    """`(x, y, sample_weight or None)` of a split, arrays or structures of arrays."""
    return split.x, split.y, getattr(split, "sample_weight", None)


def length(split: Any) -> int:
    return len(keras.tree.flatten(split.x)[0])


def bytes_of(arrays: Any) -> int:
    return sum(int(a.nbytes) for a in keras.tree.flatten(arrays) if a is not None)


def default_budget() -> int:
    """Bytes of data that may stay on the device: half of a CPU's free memory, 4 GiB of a GPU's.

    TensorFlow does not tell a GPU's free memory.
    """
    if tf.config.list_logical_devices("GPU"):
        return 4 << 30
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) << 9
    except (OSError, StopIteration, ValueError):  # not Linux
        return 4 << 30


def resident(data: Any, order: np.ndarray, size: int, first: int) -> Iterator[Window]:
    """The one window of a split whose tensors `data` lie on the device."""
    whole, rest = divmod(len(order), size)
    yield Window(data, tf.constant(order), 0, first, whole, rest)


def streamed(
    arrays: Any, order: np.ndarray, size: int, first: int, budget: int
) -> Iterator[Window]:
    """Windows of a split that stays in the host's memory or files, within `budget` bytes."""
    whole, rest = divmod(len(order), size)
    row = max(1, bytes_of(map_arrays(lambda a: a[:1], arrays)))
    steps = max(1, min(whole, budget // WINDOWS_AT_ONCE // (row * size)))
    starts = range(first, whole + bool(rest), steps)
    own_order = tf.range(steps * size, dtype=tf.int32)
    specs = [
        tf.TensorSpec((steps * size, *a.shape[1:]), a.dtype)
        for a in keras.tree.flatten(arrays)
        if a is not None
    ]

    def gather(start: np.int64) -> list[np.ndarray]:
        rows = order[start * size : (start + steps) * size]
        # Every window has one shape, so that the loop is compiled once; what fills up the last
        # one is never looked at.
        rows = np.resize(rows, steps * size)
        return [a[rows] for a in keras.tree.flatten(arrays) if a is not None]

    def load(start: Any) -> list[Any]:
        tensors = tf.numpy_function(gather, [start], [spec.dtype for spec in specs])
        return [tf.ensure_shape(t, spec.shape) for t, spec in zip(tensors, specs, strict=True)]

    dataset = tf.data.Dataset.range(first, whole + bool(rest), steps).map(load).prefetch(1)
    for start, tensors in zip(starts, dataset, strict=True):
        parts = iter(tensors)
        data = map_arrays(lambda _, parts=parts: next(parts), arrays)
        end = min(start + steps, whole)
        is_last = start + steps >= whole + bool(rest)
        yield Window(data, own_order, start, start, end, rest if is_last else 0)
