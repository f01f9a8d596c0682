"""Arrays of a config → NumPy's."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from nnpy.config.arrays import Array
from nnpy.storage import npz_file

_EXPANSION = 1100  # zeros compress well: DEFLATE makes 1 byte of 1,032 at most


def read_array(array: Array) -> Any:
    """The array; one in a file is read without ever running what stands there.

    Raises RunError when the file is damaged, or holds objects.
    """
    if array.path is None:
        found = np.asarray(array.values)
    else:
        limit = array.path.stat().st_size * _EXPANSION
        found = npz_file.read(array.path, [array.name], limit)[array.name]
    if array.dtype is None:
        return found
    # NumPy itself does not know `bfloat16`.
    if array.dtype in _OF_NUMPY:
        return found.astype(array.dtype)
    return keras.ops.convert_to_tensor(found, dtype=array.dtype)


_OF_NUMPY = frozenset(
    ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))
) | {"float16", "float32", "float64", "complex64", "complex128"}
