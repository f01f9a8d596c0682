"""Picture files and arrays made into examples as the training data stores them.

Pictures are decoded as for training (`pictures.py`). What was done to each is said in its `how`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from nnpy.data.files import geometry, pictures
from nnpy.data.files.pictures import is_picture_shape
from nnpy.devices.host import free_memory
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

SUFFIXES = (*geometry.SUFFIXES, *geometry.MORE_SUFFIXES, ".npy", ".npz")
_HEADER_LIMIT = 10_000  # bytes of a .npy file's header, NumPy's own limit
# A .npy file's header is a Python literal: what NumPy raises is what Python's own readers do.
_HEADER_ERRORS = (
    *(ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError),
)


@dataclass(frozen=True)
class Example:
    """One example from a file, as the training data stores it (without the batch)."""

    name: str  # the file; of an array's examples "file[3]"
    x: Any  # an array, or several by name
    how: str  # what was done to make it fit


def find(paths: Iterable[Path]) -> list[Path]:
    """The files meant by files and folders (of a folder: its pictures and arrays, by name).

    Raises DataError for what does not exist and for a folder without any.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            inside = inside or sorted(p for p in path.iterdir() if p.suffix.lower() == ".txt")
            if not inside:
                raise DataError(f"{path}: no picture or .npy file in this folder")
            files += inside
        elif path.exists():
            files.append(path)
        else:
            raise DataError(f"{path}: no such file or folder")
    return files


def read(
    path: Path,
    shape: tuple[int, ...],
    *,
    dtype: str = "uint8",
    invert: bool = False,
    background: float = 255.0,
    fit: str = "pad",
) -> list[Example]:
    """The examples in a file: one of a picture, one or more of an array.

    `shape` and `dtype` are the stored example's: (28, 28), (28, 28, 1) or (32, 32, 3) for
    pictures. Transparent parts get `background` (0 to 255); `fit` as in `pictures`. Raises
    DataError for anything that cannot be made to fit.
    """
    try:
        with open_regular(path) as file:
            return _read(path, file, shape, dtype, invert, background, fit)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read(
    path: Path,
    file: BinaryIO,
    shape: tuple[int, ...],
    dtype: str,
    invert: bool,
    background: float,
    fit: str,
) -> list[Example]:
    if path.suffix.lower() == ".npy":
        return _array(path, file, shape, dtype, invert)
    if not is_picture_shape(shape):
        raise DataError(
            f"{path}: the model does not take images: its input has the shape {shape}; "
            "give an .npy array of such a shape"
        )
    x, how = _picture(path, file, shape, invert, background, fit)
    if np.dtype(dtype).kind == "f":
        x = (x / 255).astype(dtype)
        how += ", values 0 to 1"
    return [Example(str(path), x.astype(dtype), how)]


def border(pictures: np.ndarray) -> float:
    """The median value along the edges of pictures `(n, h, w)` or `(n, h, w, c)`, in 0 to 255."""
    edges = [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]]
    value = float(np.median(np.concatenate([edge.ravel() for edge in edges])))
    return value * 255 if pictures.dtype.kind == "f" and pictures.max() <= 1 else value


def looks_inverted(x: np.ndarray, training_border: float) -> bool:
    """Whether a picture's background is far nearer to the training data's when inverted."""
    own = border(x[None])
    return abs(255 - own - training_border) + 100 < abs(own - training_border)


def as_picture(x: np.ndarray) -> np.ndarray | None:
    """An example as uint8 `(h, w)` or `(h, w, 3)` to look at; None where it is no picture.

    Values that are not bytes are spread over 0 to 255, unless they lie within 0 to 1.
    """
    if x.ndim == 3 and x.shape[2] == 1:
        x = x[..., 0]
    if not is_picture_shape(x.shape) or min(x.shape[:2]) < 4:
        return None
    if x.dtype == np.uint8:
        return x
    values = np.nan_to_num(x.astype(np.float64))
    low, high = values.min(), values.max()
    if low < 0 or high > 1:
        values = (values - low) / ((high - low) or 1)
    return np.rint(values * 255).astype(np.uint8)


def _picture(
    path: Path,
    file: BinaryIO,
    shape: tuple[int, ...],
    invert: bool,
    background: float,
    fit: str,
) -> tuple[np.ndarray, str]:
    height, width = shape[:2]
    mode = pictures.color_mode_of(shape)
    wanted = geometry.Geometry(height, width, mode, fit, round(background))
    decoded = pictures.decode(path, file, wanted)
    x = decoded.x.reshape(shape)
    if invert:
        x = 255 - x
    was = f"{decoded.size[0]} × {decoded.size[1]} {'grey' if decoded.grey else 'colour'}"
    now = f"{width} × {height} {'grey' if mode == 'grayscale' else 'colour'}"
    steps = [decoded.how] if decoded.how else []
    steps += ["the first of several frames"] if decoded.frames > 1 else []
    steps += ["inverted"] if invert else []
    return x, ", ".join([now if was == now else f"{was} → {now}", *steps])


def _array(
    path: Path, file: BinaryIO, shape: tuple[int, ...], dtype: str, invert: bool
) -> list[Example]:
    array = _mapped(path, file)
    how = f"array of {array.dtype}"
    x = fitted(array, shape, dtype, str(path))
    whole = np.dtype(dtype).kind in "iu"
    if whole and array.dtype.kind == "f" and not np.array_equal(x.reshape(-1), array.reshape(-1)):
        how += ", values 0 to 1 times 255"
    if invert:
        x, how = (255 if whole else 1) - x.astype(np.float64), f"{how}, inverted"
        x = x.astype(dtype)
    if len(x) == 1:
        return [Example(str(path), x[0], how)]
    return [Example(f"{path}[{i}]", example, how) for i, example in enumerate(x)]


def fitted(array: np.ndarray, shape: tuple[int, ...], dtype: str, place: str) -> np.ndarray:
    """An array of one example or several as stored ones (n, *shape) of `dtype`.

    Raises DataError, which names `place`, where it cannot be.
    """
    bare = shape[:-1] if len(shape) == 3 and shape[2] == 1 else shape
    for wanted in dict.fromkeys((shape, bare, (*bare, 1))):
        if array.shape == wanted:
            array = array[None]
        if array.shape[1:] == wanted:
            break
    else:
        raise DataError(
            f"{place}: holds an array of shape {array.shape}; the model takes {shape}, "
            f"or several as (n, {', '.join(map(str, shape))})"
        )
    x = np.asarray(array).reshape(len(array), *shape)
    if not np.isfinite(x).all():
        raise DataError(f"{place}: holds non-finite values")
    whole = np.dtype(dtype).kind in "iu"
    if whole and x.dtype.kind == "f" and x.size and x.min() >= 0 and x.max() <= 1:
        x = np.rint(x * 255)
    limits = np.iinfo(dtype) if whole else None
    if limits and x.size and (x.min() < limits.min or x.max() > limits.max):
        raise DataError(
            f"{place}: values from {x.min():g} to {x.max():g}; "
            f"{limits.min} to {limits.max} (or 0 to 1) are needed"
        )
    found: np.ndarray = x.astype(dtype)
    return found


def _mapped(path: Path, file: BinaryIO) -> np.ndarray:
    """The array in a .npy file, left on the disk: only its header has been read.

    Raises DataError unless the header says numbers, and as many as the file holds.
    """
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise ValueError(f"it is of version {version[0]}.{version[1]}; 1.0 and 2.0 are read")
        start = file.tell()
        length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
        if length > _HEADER_LIMIT:
            raise ValueError(f"its header would be {length:,} bytes long")
        file.seek(start)
        try:
            shape, by_column, dtype = readers[version](file)
        except _HEADER_ERRORS:
            raise ValueError("its header is not one of NumPy's") from None
        start, end = file.tell(), file.seek(0, 2)
        size = math.prod(shape) * dtype.itemsize
        if any(length < 0 for length in shape) or size > end - start:
            raise ValueError(f"its header declares the shape {shape}, its content is shorter")
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: not a NumPy array that can be read: {error}") from None
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        raise DataError(f"{path}: holds {dtype}; numbers are needed")
    if size > free_memory() // 2:
        raise DataError(f"{path}: {size:,} bytes are more than half of the memory that is free")
    if not size:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype, "r", start, shape, "F" if by_column else "C")
