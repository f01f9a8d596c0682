"""NumPy's files as data: which arrays a `.npz`, a `.npy` or a folder of them holds, and the arrays.

No pickles are opened. An array that is larger than the budget stays on the disk where its form
allows it: a `.npy` file, or a member of a `.npz` that is not compressed (`np.savez`).
"""

from __future__ import annotations

import hashlib
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.lib import format as npy

from nnpy.data.files.mapped import PIECE, file_of, mapped
from nnpy.devices.host import free_memory
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

_MOST = 1000  # arrays
_LONGEST = 10_000  # bytes of an array's header
_KINDS = "biufUS"  # booleans, whole numbers, floats, words


@dataclass(frozen=True)
class Stored:
    """An array as a file holds it."""

    name: str
    path: Path
    member: str | None  # of a .npz
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    offset: int  # of the first number in its file, or in its member
    packed: bool

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.path}: {self.name}" if self.member else str(self.path)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def stored(path: Path) -> dict[str, Stored]:
    """The arrays of a `.npz`, a `.npy` or a folder of `.npy` files, by name; no number is read."""
    with _told(path):
        if path.is_dir():
            files = sorted(each for each in path.glob("*.npy") if not each.name.startswith("."))
            if not files:
                raise DataError(f"{path} has no .npy files; a .npz is named as a file")
            return {each.stem: _of_npy(each) for each in files[:_MOST]}
        with open_regular(path) as file:
            first = file.read(6)
        if first[:4] in (b"PK\3\4", b"PK\5\6"):
            return _of_npz(path)
        if first == b"\x93NUMPY":
            return {path.stem: _of_npy(path)}
    raise DataError(f"{path} is neither a .npy nor a .npz file of NumPy")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except (
        *(ValueError, SyntaxError, TypeError, tokenize.TokenError, EOFError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError),
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(f"{path} is damaged, or no file of NumPy: {reason}") from None


def _of_npy(path: Path) -> Stored:
    with _told(path), open_regular(path) as file:
        shape, fortran, dtype = _header(file)
        found = Stored(path.stem, path, None, shape, dtype, fortran, file.tell(), packed=False)
        _check(found, path.stat().st_size - found.offset)
        return found


def _of_npz(path: Path) -> dict[str, Stored]:
    found = {}
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
        if not members:
            raise DataError(f"{path} has no arrays of NumPy")
        if len(members) > _MOST:
            raise DataError(f"{path} has more than {_MOST:,} arrays")
        for member in members:
            with archive.open(member) as content:
                shape, fortran, dtype = _header(content)
                inner = content.tell()
            packed, offset = member.compress_type != zipfile.ZIP_STORED, inner
            if not packed:
                file.seek(member.header_offset)
                local = file.read(30)
                names, extra = struct.unpack("<26xHH", local)
                offset = member.header_offset + 30 + names + extra + inner
            name = member.filename.removesuffix(".npy")
            each = Stored(name, path, member.filename, shape, dtype, fortran, offset, packed)
            _check(each, member.file_size - inner)
            found[name] = each
    return found


def _header(content: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(content)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    reader = readers.get(version)
    if reader is None:
        raise ValueError(f"its format {version} is unknown")
    return reader(content, max_header_size=_LONGEST)


def _check(found: Stored, size: int) -> None:
    if found.dtype.hasobject:
        return  # told by who wants it: others may be of use
    if any(axis < 0 for axis in found.shape) or found.nbytes > size:
        raise DataError(
            f"{found.place}: it declares the shape {found.shape} of {found.dtype}, which is more "
            f"than it holds"
        )


def check_kind(found: Stored) -> None:
    """Raises DataError for what no network can learn from."""
    if found.dtype.hasobject:
        raise DataError(
            f"{found.place} holds Python objects ({found.dtype}), which nnpy does not open: save "
            "plain numbers; sequences of unequal length padded with zeros "
            "(keras.utils.pad_sequences)"
        )
    if found.dtype.names or found.dtype.kind not in _KINDS:
        raise DataError(
            f"{found.place} holds {found.dtype}: expected numbers, such as float32 or uint8"
        )
    if found.dtype.kind == "f" and found.dtype.itemsize > 8:
        raise DataError(
            f"{found.place} holds {found.dtype}, which TensorFlow does not know: save it as float64"
        )


def read(found: Stored, budget: int | None = None) -> tuple[np.ndarray, str]:
    """An array, and why it is in memory though it is larger than `budget`; "" where it is not."""
    check_kind(found)
    native = found.dtype.newbyteorder("=")
    why = ""
    if budget is not None and found.nbytes > budget:
        if found.packed:
            why = f"{found.path.name} is compressed: np.savez, or np.save, leaves it as it is"
        elif found.fortran or native != found.dtype:
            why = f"{found.name} is stored by columns or in another machine's order of bytes"
        else:
            with _told(found.path):
                file = mapped(found.path)
                flat = np.frombuffer(file, found.dtype, math.prod(found.shape), found.offset)
                return flat.reshape(found.shape), ""
    if found.nbytes > (free := free_memory()):
        raise DataError(
            f"{found.place} does not fit into memory: it has {found.nbytes:,} bytes, and "
            f"{free:,} are free"
        )
    with _told(found.path):
        content = _content(found)
    if len(content) < found.nbytes:
        raise DataError(f"{found.place} is damaged: it ends too early")
    flat = np.frombuffer(content, found.dtype, math.prod(found.shape))
    values = flat.reshape(found.shape[::-1]).T if found.fortran else flat.reshape(found.shape)
    return np.ascontiguousarray(values, native), why


def _content(found: Stored) -> bytes:
    with open_regular(found.path) as file:
        if found.member is None:
            file.seek(found.offset)
            return file.read(found.nbytes)
        with zipfile.ZipFile(file) as archive, archive.open(found.member) as content:
            _header(content)
            return content.read(found.nbytes)


def digest(array: np.ndarray) -> str:
    """SHA-256 of an array's numbers, shape and kind; nothing of a mapped one stays in memory."""
    made = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    for part in pieces(array):
        made.update(np.ascontiguousarray(part).data)
    return made.hexdigest()


def pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """The array some rows at a time, let go of when they were looked at."""
    file = file_of(array)
    step = max(1, PIECE // max(1, array[:1].nbytes)) if array.ndim else 1
    for start in range(0, len(array), step):
        yield array[start : start + step]
        if file is not None:
            cast(Any, file).let_go()
