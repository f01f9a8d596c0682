"""Arrays of a config → NumPy's."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import keras
import numpy as np

from nnpy.config.arrays import Array


def read_array(array: Array) -> Any:
    """The array; one in a file is read without ever running what stands there.

    Raises ValueError when the file is damaged, or holds objects.
    """
    if array.path is None:
        found = np.asarray(array.values)
    else:
        with zipfile.ZipFile(array.path) as archive:
            content = io.BytesIO(archive.read(f"{array.name}.npy"))
        found = np.lib.format.read_array(content, allow_pickle=False)
    if array.dtype is None:
        return found
    # NumPy itself does not know `bfloat16`.
    if array.dtype in _OF_NUMPY:
        return found.astype(array.dtype)
    return keras.ops.convert_to_tensor(found, dtype=array.dtype)


_OF_NUMPY = frozenset(
    ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))
) | {"float16", "float32", "float64", "complex64", "complex128"}
