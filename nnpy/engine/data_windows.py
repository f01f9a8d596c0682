"""Where the data lie: whole on the device, or passing through it window by window.

A loop takes steps over a window: arrays on the device and the order in which to take their
rows. When the data fit the memory budget there is one window, the whole split as stored, and
the order is the epoch's permutation. When they do not, the rows of the next window are
gathered in the background, in that same order, while the device works on this one. The
batches are the same either way, and so are the results.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.data.files import mapped
from nnpy.devices.host import free_memory

WINDOWS_AT_ONCE = 5  # the one at work, the next, the one being gathered, and its copy


@dataclass(frozen=True)
class Window:
    """Steps `first` to `end` of an epoch; step `i` takes rows `order[(i - origin) * size:]`."""

    data: Any  # (x, y, sample_weight or None), tensors
    order: Any  # int32 tensor
    origin: int
    first: int
    end: int  # of the full batches
    rest: int  # rows of a last, partial batch that follows; 0 for none

    def rows(self, step: int, size: int) -> Any:
        """The rows of a step of full batches of `size`, or of the partial one after them."""
        rows = self.order[(step - self.origin) * size :]
        return rows[: size if step < self.end else self.rest]


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order of `n` examples in an epoch (int32): a pure function of its arguments."""
    order = np.arange(n, dtype=np.int32)
    np.random.default_rng((seed, epoch)).shuffle(order)
    return order


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
    return free_memory() // 2


def give_back() -> None:
    """Returns freed memory to the system, so that what is freed does not count beside what comes.

    glibc's allocator keeps it else; others have no such call.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def resident(data: Any, order: np.ndarray, size: int, first: int, end: int) -> Iterator[Window]:
    """The one window of a split whose tensors `data` lie on the device: steps `first` to `end`."""
    yield Window(data, tf.constant(order), 0, first, *_extent(order, size, end))


def steps_of_windows(arrays: Any, rows: int, size: int, budget: int) -> int:
    """How many steps of `size` a window has when `rows` stream within `budget` bytes."""
    row = max(1, bytes_of(map_arrays(lambda a: a[:1], arrays)))
    return max(1, min(rows // size, budget // WINDOWS_AT_ONCE // (row * size)))


def _extent(order: np.ndarray, size: int, end: int) -> tuple[int, int]:
    """The end of the full batches before step `end`, and the rows of a partial one after it."""
    whole, rest = divmod(len(order), size)
    return (whole, rest) if end > whole else (end, 0)


def streamed(
    arrays: Any, order: np.ndarray, size: int, first: int, end: int, budget: int
) -> Iterator[Window]:
    """Windows of a split that stays in the host's memory or files, within `budget` bytes."""
    full, rest = _extent(order, size, end)
    steps = steps_of_windows(arrays, len(order), size, budget)
    starts = range(first, full + bool(rest), steps)
    own_order = tf.range(steps * size, dtype=tf.int32)

    # Tensors are copies of what is gathered here, for one window after the other.
    gathered = map_arrays(lambda a: np.empty((steps * size, *a.shape[1:]), a.dtype), arrays)

    def load(start: int) -> Any:
        # Every window has one shape, so that the loop is compiled once; what fills up the last
        # one is never looked at.
        rows = np.resize(order[start * size : (start + steps) * size], steps * size)
        return map_arrays(lambda a, out: tf.constant(mapped.rows(a, rows, out)), arrays, gathered)

    for start, data, is_last in one_ahead(load, starts):
        yield Window(data, own_order, start, start, min(start + steps, full), rest * is_last)
        del data


def one_ahead(load: Callable[[int], Any], starts: range) -> Iterator[tuple[int, Any, bool]]:
    """Each start, what `load` makes of it, and whether it is the last; a thread loads one ahead.

    Who takes it lets go of it before asking for the next: two at once are what the budget knows.
    """
    with ThreadPoolExecutor(1, "nnpy-windows") as pool:
        coming = pool.submit(load, starts[0]) if starts else None
        for start in starts:
            assert coming is not None
            loaded = coming.result()
            following = start + starts.step
            coming = pool.submit(load, following) if following in starts else None
            yield start, loaded, coming is None
            del loaded
