"""One picture file → bytes of the size and colours that are wanted: the same for training and
prediction, so that both see the same to the bit.

A picture is turned as its camera says, 16 bits become 8, CMYK and palettes become RGB, what is
transparent lies on a background, and of several frames the first counts. Then it is brought to
its proportions (`fit`) and resized, always by Pillow and always with the whole area of a pixel
in view: libraries that leave that out differ by a seventh of the range.
"""

from __future__ import annotations

import math
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
        with Image.open(file, formats=FORMATS) as picture:
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
            # A JPEG can be unpacked at a fraction of its size.
            picture.draft("L" if mode == "L" else "RGB", (2 * width, 2 * height))
            ready = _eight_bits(path, ImageOps.exif_transpose(picture))
            ready = _on_background(ready, mode, geometry.background)
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
    fitted, how = _fit(path, ready, geometry)
    if fitted.size != (width, height):
        smaller = fitted.width > width or fitted.height > height
        way = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        fitted = fitted.resize((width, height), way)
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
    """The picture in the proportions wanted, and what was done for it."""
    if geometry.fit == "stretch":
        return picture, ""
    if geometry.fit == "crop":
        return _crop(picture, geometry.height, geometry.width)
    return _pad(path, picture, geometry.height, geometry.width)


def _crop(picture: Image, height: int, width: int) -> tuple[Image, str]:
    """The middle of the picture."""
    across = min(picture.width, max(1, round(picture.height * width / height)))
    down = min(picture.height, max(1, round(picture.width * height / width)))
    if (across, down) == picture.size:
        return picture, ""
    left, top = (picture.width - across) // 2, (picture.height - down) // 2
    return picture.crop((left, top, left + across, top + down)), f"cropped to {across} × {down}"


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
