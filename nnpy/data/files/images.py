"""Picture files and arrays made into examples as the training data stores them.

Pictures keep their proportions: they are padded with their own border colour to the shape that
is wanted and then resized. What was done to each is said in its `how`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from nnpy.devices.host import free_memory
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES = (".png", ".jpg", ".jpeg")
SUFFIXES = (*PICTURES, ".npy")
_HEADER_LIMIT = 10_000  # bytes of a .npy file's header, NumPy's own limit
# A .npy file's header is a Python literal: what NumPy raises is what Python's own readers do.
_HEADER_ERRORS = (
    *(ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError),
)
MOST_PIXELS = 50_000_000  # 150 MB in memory; a 10 KB file may claim any size


@dataclass(frozen=True)
class Example:
    """One example from a file, as the training data stores it (without the batch)."""

    name: str  # the file; of an array's examples "file[3]"
    x: np.ndarray
    how: str  # what was done to make it fit


def find(paths: Iterable[Path]) -> list[Path]:
    """The files meant by files and folders (of a folder: its pictures and arrays, by name).

    Raises DataError for what does not exist and for a folder without any.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise DataError(f"{path}: no PNG, JPEG or .npy file in this folder")
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
) -> list[Example]:
    """The examples in a file: one of a picture, one or more of an array.

    `shape` and `dtype` are the stored example's: (28, 28), (28, 28, 1) or (32, 32, 3) for
    pictures. Transparent parts get `background` (0 to 255). Raises DataError for anything that
    cannot be made to fit.
    """
    try:
        with open_regular(path) as file:
            return _read(path, file, shape, dtype, invert, background)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read(
    path: Path,
    file: BinaryIO,
    shape: tuple[int, ...],
    dtype: str,
    invert: bool,
    background: float,
) -> list[Example]:
    if path.suffix.lower() == ".npy":
        return _array(path, file, shape, dtype, invert)
    if not is_picture_shape(shape):
        raise DataError(
            f"{path}: the model does not take images: its input has the shape {shape}; "
            "give an .npy array of such a shape"
        )
    x, how = _picture(path, file, shape, invert, background)
    if np.dtype(dtype).kind == "f":
        x = (x / 255).astype(dtype)
        how += ", values 0 to 1"
    return [Example(str(path), x.astype(dtype), how)]


def is_picture_shape(shape: tuple[int, ...]) -> bool:
    """Whether examples of this shape are grey or colour pictures."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


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
    path: Path, file: BinaryIO, shape: tuple[int, ...], invert: bool, background: float
) -> tuple[np.ndarray, str]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width = shape[:2]
    colour = len(shape) == 3 and shape[2] == 3
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(file, formats=("PNG", "JPEG"))
        with picture:
            was = f"{picture.width} × {picture.height} {_mode(picture)}"
            if picture.width * picture.height > MOST_PIXELS:
                raise DataError(
                    f"{path}: {was} is more than {MOST_PIXELS // 1_000_000} million pixels; "
                    "make it smaller first"
                )
            # Before it is unpacked; turned by its camera, it may be the other way around.
            across, down = picture.size
            sizes = [_canvas(*each, height, width) for each in ((across, down), (down, across))]
            if min(map(math.prod, sizes)) > 4 * MOST_PIXELS:
                raise _too_thin(path, across, down, height, width)
            # A JPEG can be unpacked at a fraction of its size.
            picture.draft("RGB" if colour else "L", (2 * width, 2 * height))
            ready = _flat(ImageOps.exif_transpose(picture), background)
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: more than {MOST_PIXELS // 1_000_000} million pixels; make it smaller first"
        ) from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a PNG or JPEG image") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path}: the image cannot be read: {reason}") from None
    ready = ready.convert("RGB" if colour else "L")
    padded, how = _pad(path, ready, height, width)
    if padded.size != (width, height):
        smaller = padded.width > width or padded.height > height
        way = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        padded = padded.resize((width, height), way)
    x = np.asarray(padded, np.uint8).reshape(shape)
    if invert:
        x = 255 - x
    now = f"{width} × {height} {'colour' if colour else 'grey'}"
    steps = [how] if how else []
    steps += ["inverted"] if invert else []
    return x, ", ".join([now if was == now else f"{was} → {now}", *steps])


def _mode(picture: Image) -> str:
    grey = picture.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F")
    return "grey" if grey else "colour"


def _flat(picture: Image, background: float) -> Image:
    """The picture in mode L or RGB: 16 bits made 8, a palette resolved, no transparency."""
    from PIL import Image

    if picture.mode.startswith("I"):
        deep = np.asarray(picture, np.float64)
        return Image.fromarray(np.rint(deep / (257 if deep.max() > 255 else 1)).astype(np.uint8))
    if "A" in picture.mode or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        value = round(background)
        under = Image.new("RGBA", layer.size, (value, value, value, 255))
        return Image.alpha_composite(under, layer).convert("RGB")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _pad(path: Path, picture: Image, height: int, width: int) -> tuple[Image, str]:
    """The picture on a canvas of the proportions wanted, in the colour of its own border."""
    from PIL import Image

    across, down = _canvas(picture.width, picture.height, height, width)
    if across * down > 4 * MOST_PIXELS:
        raise _too_thin(path, picture.width, picture.height, height, width)
    # A hundredth of the side is lost by no eye, and rounding makes such differences.
    if across - picture.width <= across // 100 and down - picture.height <= down // 100:
        return picture, ""
    pixels = np.asarray(picture)
    edges = np.concatenate(
        [edge.reshape(-1, *pixels.shape[2:]) for edge in (pixels[0], pixels[-1])]
        + [edge.reshape(-1, *pixels.shape[2:]) for edge in (pixels[:, 0], pixels[:, -1])]
    )
    median = np.median(edges, axis=0)
    fill = tuple(int(v) for v in median) if median.ndim else int(median)
    canvas = Image.new(picture.mode, (across, down), fill)
    canvas.paste(picture, ((across - picture.width) // 2, (down - picture.height) // 2))
    return canvas, f"padded to {across} × {down}"


def _canvas(across: int, down: int, height: int, width: int) -> tuple[int, int]:
    """The width and height of the smallest picture of these proportions that holds another."""
    return max(across, math.ceil(down * width / height)), max(
        down, math.ceil(across * height / width)
    )


def _too_thin(path: Path, across: int, down: int, height: int, width: int) -> DataError:
    return DataError(f"{path}: {across} × {down} is too long and thin for {width} × {height}")


def _array(
    path: Path, file: BinaryIO, shape: tuple[int, ...], dtype: str, invert: bool
) -> list[Example]:
    array = _mapped(path, file)
    bare = shape[:-1] if len(shape) == 3 and shape[2] == 1 else shape
    for wanted in dict.fromkeys((shape, bare, (*bare, 1))):
        if array.shape == wanted:
            array = array[None]
        if array.shape[1:] == wanted:
            break
    else:
        raise DataError(
            f"{path}: holds an array of shape {array.shape}; the model takes {shape}, "
            f"or several as (n, {', '.join(map(str, shape))})"
        )
    x = np.asarray(array).reshape(len(array), *shape)
    if not np.isfinite(x).all():
        raise DataError(f"{path}: holds non-finite values")
    how = f"array of {array.dtype}"
    whole = np.dtype(dtype).kind in "iu"
    if whole and x.dtype.kind == "f" and x.size and x.min() >= 0 and x.max() <= 1:
        x, how = np.rint(x * 255), f"{how}, values 0 to 1 times 255"
    limits = np.iinfo(dtype) if whole else None
    if limits and x.size and (x.min() < limits.min or x.max() > limits.max):
        raise DataError(
            f"{path}: values from {x.min():g} to {x.max():g}; "
            f"{limits.min} to {limits.max} (or 0 to 1) are needed"
        )
    if invert:
        x, how = (255 if whole else 1) - x.astype(np.float64), f"{how}, inverted"
    x = x.astype(dtype)
    if len(x) == 1:
        return [Example(str(path), x[0], how)]
    return [Example(f"{path}[{i}]", example, how) for i, example in enumerate(x)]


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
    if dtype.kind not in "buif":
        raise DataError(f"{path}: holds {dtype}; numbers are needed")
    if size > free_memory() // 2:
        raise DataError(f"{path}: {size:,} bytes are more than half of the memory that is free")
    if not size:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype, "r", start, shape, "F" if by_column else "C")
