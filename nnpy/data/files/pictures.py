"""One picture file → bytes of the size and colours that are wanted: the same for training and
prediction, so that both see the same to the bit.

A picture is turned as its camera says, 16 bits become 8, CMYK and palettes become RGB, what is
transparent lies on a background, and of several frames the first counts. Then it is brought to
its proportions (`fit`) and resized, always by Pillow and always with the whole area of a pixel
in view: libraries that leave that out differ by a seventh of the range.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from nnpy.data.files.geometry import MODES, Geometry
from nnpy.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1  # goes up when the same file becomes other bytes
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "PPM")
_ORIENTATION = 0x0112  # the EXIF tag; from 5 on a picture lies on its side
_GAP = 1.1  # of its size in the end a picture has at least so many times when it is resized
_IN_MEMORY = 1 << 26  # bytes of a file that is read at once
MOST_PIXELS = 50_000_000  # 150 MB in memory; a 10 KB file may claim any size


@dataclass(frozen=True)
class Decoded:
    """A picture made to fit, and what it was."""

    x: np.ndarray  # uint8, of the geometry's shape
    size: tuple[int, int]  # width and height in the file
    grey: bool  # in the file
    frames: int
    how: str  # what was done to make it fit, such as "padded to 40 × 40"


def is_picture_shape(shape: tuple[int, ...]) -> bool:
    """Whether examples of this shape are grey or colour pictures."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def color_mode_of(shape: tuple[int, ...]) -> str:
    """Keras's word for the colours of examples of this shape."""
    channels = shape[2] if len(shape) == 3 else 1
    return {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]


def decode(path: Path, file: BinaryIO, geometry: Geometry) -> Decoded:
    """The picture in an open file. Raises DataError that names `path` and what is wrong."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width = geometry.height, geometry.width
    mode = MODES[geometry.color_mode]
    try:
        # Pillow warns of what is refused below, and of oddities that harm no picture. A context
        # that ends the silence would end it for other threads in the middle of theirs.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        # Of a file itself Pillow reads, and decodes, a little at a time.
        content = io.BytesIO(file.read()) if _size(file) <= _IN_MEMORY else file
        with Image.open(content, formats=FORMATS) as picture:
            grey = _is_grey(picture)
            size = picture.size
            if picture.width * picture.height > MOST_PIXELS:
                raise DataError(
                    f"{path}: {size[0]} × {size[1]} is more than {MOST_PIXELS // 1_000_000} "
                    "million pixels; make it smaller first"
                )
            if geometry.fit == "pad":  # before it is unpacked; turned, it is the other way around
                canvases = [_canvas(*each, height, width) for each in (size, size[::-1])]
                if min(map(math.prod, canvases)) > 4 * MOST_PIXELS:
                    raise _too_thin(path, *size, height, width)
            frames = getattr(picture, "n_frames", 1)
            turned = picture.getexif().get(_ORIENTATION, 1)
            # A JPEG can be unpacked at a fraction of its size.
            picture.draft("L" if mode == "L" else "RGB", _needed(geometry, size, turned >= 5))
            ready = ImageOps.exif_transpose(picture) if turned != 1 else picture
            ready = _on_background(_eight_bits(path, ready), mode, geometry.background)
            fitted, how = _fit(path, ready, geometry)
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: more than {MOST_PIXELS // 1_000_000} million pixels; make it smaller first"
        ) from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not an image of a known format{_instead(file)}") from None
    except Exception as error:  # noqa: BLE001 – ten formats' readers raise anything of damaged files
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path}: the image cannot be read: {reason}") from None
    x = np.asarray(fitted, np.uint8).reshape(geometry.shape)
    return Decoded(x, size, grey, frames, how)


def _is_grey(picture: Image) -> bool:
    return picture.mode in ("1", "L", "LA", "La", "F") or picture.mode.startswith("I")


def _eight_bits(path: Path, picture: Image) -> Image:
    """16 bits are divided by 257, by the kind of file and never by what is in it: a dark picture
    must be as dark beside its neighbours as it was."""
    from PIL import Image

    if picture.mode.startswith("I"):
        deep = np.asarray(picture, np.float64)
        if picture.mode == "I" and (deep.min() < 0 or deep.max() > 65_535):
            raise DataError(f"{path}: its values are of 32 bits; convert it to 8 or 16 first")
        return Image.fromarray(np.rint(deep / 257).astype(np.uint8))
    if picture.mode == "F":
        raise DataError(f"{path}: its values are floating-point; convert it to 8 or 16 bits first")
    return picture


def _on_background(picture: Image, mode: str, background: int) -> Image:
    """The picture in the wanted mode; without an alpha channel nothing is transparent in it."""
    from PIL import Image

    clear = "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info
    if clear and mode != "RGBA":
        layer = picture.convert("RGBA")
        under = Image.new("RGBA", layer.size, (background, background, background, 255))
        picture = Image.alpha_composite(under, layer).convert("RGB")
    if picture.mode not in ("L", "RGB", "RGBA"):
        picture = picture.convert("RGBA" if clear else "RGB")
    return picture if picture.mode == mode else picture.convert(mode)


def _fit(path: Path, picture: Image, geometry: Geometry) -> tuple[Image, str]:
    """The picture in the size wanted, and what was done for its proportions."""
    height, width = geometry.height, geometry.width
    whole = (0.0, 0.0, float(picture.width), float(picture.height))
    if geometry.fit == "stretch":
        return _resize(picture, width, height, whole), ""
    if geometry.fit == "crop":
        return _crop(picture, height, width)
    across, down = _canvas(picture.width, picture.height, height, width)
    if across * down > 4 * MOST_PIXELS:
        raise _too_thin(path, picture.width, picture.height, height, width)
    # A hundredth of the side is lost by no eye, and rounding makes such differences.
    if across - picture.width <= across // 100 and down - picture.height <= down // 100:
        return _resize(picture, width, height, whole), ""
    inner = _resize(picture, *_inside(picture.size, width, height), whole)
    return _pad(inner, height, width), f"padded to {across} × {down}"


def _needed(geometry: Geometry, size: tuple[int, int], on_its_side: bool) -> tuple[int, int]:
    """The width and height, as in the file, from which a picture can be made smaller well."""
    width, height = geometry.width, geometry.height
    if on_its_side:
        width, height = height, width
    if geometry.fit == "pad":
        width, height = _inside(size, width, height)
    return math.ceil(width * _GAP), math.ceil(height * _GAP)


def _inside(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The size of a picture that keeps its proportions within another size."""
    scale = min(width / size[0], height / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resize(
    picture: Image, width: int, height: int, box: tuple[float, float, float, float]
) -> Image:
    """The part of a picture within `box` (left, top, right, bottom) in another size.

    Whole pixels of the old that make up one of the new are averaged; other proportions are
    weighted (Hamming), which on photos is nearer to Lanczos than plain averages are. As a JPEG
    is, others are first made smaller by whole numbers, down to `_GAP` times the size.
    """
    from PIL import Image

    across, down = box[2] - box[0], box[3] - box[1]
    if across <= width and down <= height:
        return picture.resize((width, height), Image.Resampling.BICUBIC, box)
    if across % width == 0 and down % height == 0:
        return picture.resize((width, height), Image.Resampling.BOX, box)
    return picture.resize((width, height), Image.Resampling.HAMMING, box, _GAP)


def _crop(picture: Image, height: int, width: int) -> tuple[Image, str]:
    """The middle of the picture."""
    across = min(picture.width, max(1, round(picture.height * width / height)))
    down = min(picture.height, max(1, round(picture.width * height / width)))
    left, top = (picture.width - across) // 2, (picture.height - down) // 2
    middle = _resize(picture, width, height, (left, top, left + across, top + down))
    return middle, "" if (across, down) == picture.size else f"cropped to {across} × {down}"


def _pad(picture: Image, height: int, width: int) -> Image:
    """The picture in the middle of a larger one, of the median colour of its own border."""
    from PIL import Image

    x = np.asarray(picture)
    edges = [x[0], x[-1], x[:, 0], x[:, -1]]
    out = np.empty((height, width, *x.shape[2:]), np.uint8)
    out[:] = np.median(np.concatenate(edges), axis=0)
    top, left = (height - x.shape[0]) // 2, (width - x.shape[1]) // 2
    out[top : top + x.shape[0], left : left + x.shape[1]] = x
    return Image.fromarray(out)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _canvas(across: int, down: int, height: int, width: int) -> tuple[int, int]:
    """The width and height of the smallest picture of these proportions that holds another."""
    return max(across, math.ceil(down * width / height)), max(
        down, math.ceil(across * height / width)
    )


def _too_thin(path: Path, across: int, down: int, height: int, width: int) -> DataError:
    return DataError(f"{path}: {across} × {down} is too long and thin for {width} × {height}")


def _instead(file: BinaryIO) -> str:
    """What a file is that is no picture, by its first bytes."""
    file.seek(0)
    head = file.read(64).lstrip().lower()
    if not head:
        return ", but an empty file"
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg")):
        return ", but a web page (was it downloaded without signing in?)"
    if head.startswith(b"version https://git-lfs"):
        return ", but a pointer of Git LFS: fetch its content with `git lfs pull`"
    return ""
