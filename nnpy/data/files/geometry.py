"""What every picture is made into, and which files may be pictures. Needs no NumPy."""

from __future__ import annotations

from dataclasses import dataclass

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".ppm")
# Rarer names of the same formats: found in a folder of pictures too.
MORE_SUFFIXES = (".jpe", ".jfif", ".apng", ".dib", ".pgm", ".pbm", ".pnm")
FITS = ("pad", "crop", "stretch")
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}  # Keras's words → Pillow's


@dataclass(frozen=True)
class Geometry:
    """What every picture is made into: `(height, width)` bytes, or `(height, width, 3 or 4)`."""

    height: int
    width: int
    color_mode: str = "rgb"
    fit: str = "pad"
    background: int = 255  # what is seen through transparent parts, 0 to 255

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example as stored."""
        channels = {"grayscale": (), "rgb": (3,), "rgba": (4,)}[self.color_mode]
        return (self.height, self.width, *channels)


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these 16 bytes is of a format that is read."""
    return (
        head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"))
        or (head.startswith(b"BM") and head[6:10] == bytes(4))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or head[4:12] in (b"ftypavif", b"ftypavis")
        or (head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace())
    )
