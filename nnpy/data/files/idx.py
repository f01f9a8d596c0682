"""The IDX format of MNIST: headers checked, contents read or mapped.

Source of the format: http://yann.lecun.com/exdb/mnist (section "File formats").
"""

from __future__ import annotations

import array
import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nnpy.data.files.mapped import PIECE, MappedFile, mapped
from nnpy.devices.host import free_memory
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

if TYPE_CHECKING:
    import numpy as np


# number type in the header → NumPy name, type code of the standard array module
TYPES = {
    0x08: ("uint8", "B"),
    0x09: ("int8", "b"),
    0x0B: ("int16", "h"),
    0x0C: ("int32", "i"),
    0x0D: ("float32", "f"),
    0x0E: ("float64", "d"),
}


Content = bytes | MappedFile  # of a file, unpacked


# Deflate cannot pack more tightly (https://zlib.net/zlib_tech.html): a header that promises
# more than this is wrong, and is refused before memory is asked for.
DEFLATE_RATIO = 1032


@dataclass(frozen=True)
class Header:
    """What the first bytes of an IDX file say."""

    dtype: str
    code: str
    shape: tuple[int, ...]

    @property
    def offset(self) -> int:
        """Bytes before the first number."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the whole file, unpacked."""
        return self.offset + math.prod(self.shape) * array.array(self.code).itemsize


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """Opens a file, through gzip when it is packed; every failure to read is a DataError.

    Its first bytes decide, not its name: some browsers unpack a download and keep the `.gz`.
    """
    try:
        with open_regular(path) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream
            else:
                yield raw
    except EOFError:
        raise DataError(f"{path} is cut short: the compressed data ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except (MemoryError, OverflowError):
        raise DataError(f"{path} does not fit into memory") from None


def read_content(path: Path, size: int) -> bytes:
    """The unpacked content of a file that must be `size` bytes long; never reads further."""
    if size > (free := free_memory()):
        raise DataError(
            f"{path} does not fit into memory: it unpacks to {size:,} bytes, and {free:,} are free"
        )
    with unpacked(path) as stream:
        content = stream.read(size + 1)
    if len(content) != size:
        found = "more" if len(content) > size else f"only {len(content):,}"
        raise DataError(f"{path} is damaged: expected {size:,} bytes of content, found {found}")
    return content


def parse_header(head: bytes, path: Path) -> Header:
    """The header at the start of `head`. Raises DataError when it is not an IDX header."""
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES or head[3] == 0:
        found = f"found {head[:4].hex(' ')}" if head else "the file is empty"
        raise DataError(
            f"{path} is not an IDX file: expected it to start with 00 00, a number type"
            f" ({', '.join(f'{t:02x}' for t in TYPES)}) and the number of axes; {found}"
        )
    axes = head[3]
    if len(head) < 4 + 4 * axes:
        raise DataError(
            f"{path} is cut short: its header declares {axes} axes, and it ends in the header"
        )
    dtype, code = TYPES[head[2]]
    return Header(dtype, code, struct.unpack_from(f">{axes}I", head, 4))


def read_header(path: Path) -> Header:
    """The header of a file, without reading the rest; the promised length must be possible."""
    with unpacked(path) as stream:
        head = stream.read(4 + 4 * 255)
        packed = isinstance(stream, gzip.GzipFile)
    header = parse_header(head, path)
    stored = path.stat().st_size
    possible = header.size <= stored * DEFLATE_RATIO if packed else header.size == stored
    if not possible:
        raise DataError(
            f"{path} is damaged: its header declares {'×'.join(map(str, header.shape))} numbers of"
            f" {header.dtype}, {header.size:,} bytes in all; the file has {stored:,}"
            f"{' (compressed)' if packed else ''}"
        )
    return header


def content(path: Path, header: Header, budget: int | None) -> Content:
    """The unpacked content; still on the disk where it is larger than `budget` bytes.

    Packed files, and those whose numbers have bytes to be put in order, must be in memory.
    """
    if budget is not None and header.size > budget and not why_in_memory(path, header):
        return mapped(path)
    return read_content(path, header.size)


def why_in_memory(path: Path, header: Header) -> str:
    """Why a file cannot be read from the disk as it is used, or an empty text."""
    with unpacked(path) as stream:
        if isinstance(stream, gzip.GzipFile):
            return f"{path.name} is compressed: decompress it (gunzip)"
    if array.array(header.code).itemsize > 1:
        return f"{path.name} holds {header.dtype}: store bytes (uint8 or int8)"
    return ""


def digest(content: Content) -> str:
    """The SHA-256 of a file's unpacked content."""
    found = hashlib.sha256()
    with memoryview(content) as view:
        for start in range(0, len(view), PIECE):
            found.update(view[start : start + PIECE])
            if isinstance(content, MappedFile):
                content.let_go()
    return found.hexdigest()


def to_array(content: Content, header: Header) -> np.ndarray:
    """The numbers of an unpacked IDX file, in this machine's byte order."""
    import numpy as np

    stored = np.dtype(header.dtype).newbyteorder(">")
    numbers = np.frombuffer(content, stored, offset=header.offset).reshape(header.shape)
    return numbers.astype(header.dtype, copy=False)
