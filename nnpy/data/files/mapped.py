"""Files that are too large for the memory: their numbers are read from the disk as they are used.

A mapped array is an ordinary read-only NumPy array, and can be sliced and looked at like one. To
read much of it, `rows` and `whole` take less memory: the system counts what is seen through a
mapping, and what lies around it, as this process's, until the file is let go of.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np

PIECE = 1 << 22  # bytes that are looked at before they are let go of


class MappedFile(mmap.mmap):
    """The content of a file as a buffer."""

    path: Path
    descriptor: int
    found: tuple[int, int]  # bytes and time of the last change when it was opened

    def check(self) -> None:
        """Raises DataError where the file is no longer the one that was opened.

        Another file put in its place does no harm: this one is still there to be read.
        """
        if _looks(self.descriptor) != self.found:
            raise DataError(
                f"{self.path} was changed while it was in use, and results of two data sets in "
                "one are worth nothing; put it back as it was and resume, or start a new run"
            )

    def let_go(self) -> None:
        """Gives back the memory of what was looked at; it can be looked at again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.madvise(mmap.MADV_DONTNEED)

    def __del__(self) -> None:
        os.close(self.descriptor)


def mapped(path: Path) -> MappedFile:
    """The content of a file, left on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        file = MappedFile(descriptor, 0, access=mmap.ACCESS_READ)
    except BaseException:
        os.close(descriptor)
        raise
    file.path, file.descriptor, file.found = path, descriptor, _looks(descriptor)
    return file


def _looks(descriptor: int) -> tuple[int, int]:
    now = os.fstat(descriptor)
    return now.st_size, now.st_mtime_ns


def file_of(array: Any) -> MappedFile | None:
    """The mapped file that an array lies in; None for one in memory."""
    base = array
    while base is not None and not isinstance(base, MappedFile):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


class SelectedRows:
    """Some rows of a mapped array, read as they are used; looks like a read-only array."""

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self.base, self.rows = array, rows
        self.shape = (len(rows), *array.shape[1:])
        self.dtype, self.ndim = array.dtype, array.ndim
        self.nbytes = array[:1].nbytes * len(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Any:
        chosen = self.rows[key]
        return SelectedRows(self.base, chosen) if chosen.ndim else self.base[chosen]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return whole(self).astype(dtype or self.dtype, copy=False)


def select(array: np.ndarray, wanted: np.ndarray) -> Any:
    """Rows of an array, in ascending order; those of a mapped file stay on the disk."""
    begin = int(wanted[0]) if len(wanted) else 0
    if len(wanted) and int(wanted[-1]) - begin + 1 == len(wanted):
        return array[begin : begin + len(wanted)]
    return array[wanted] if file_of(array) is None else SelectedRows(array, wanted)


def rows(array: Any, wanted: np.ndarray, out: np.ndarray) -> np.ndarray:
    """`out[:] = array[wanted]`; nothing else of a mapped file gets into memory. Returns `out`.

    Raises DataError where the file has been changed.
    """
    import numpy as np

    if isinstance(array, SelectedRows):
        return rows(array.base, array.rows[wanted], out)
    file = file_of(array)
    if file is None:
        # In this mode NumPy makes no copy of its own; the rows are there in any case.
        return array.take(wanted, 0, out, mode="clip")
    size = array[:1].nbytes
    begin = array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    flat = out.reshape(len(wanted), -1).view(np.uint8)
    step = max(1, PIECE // size)
    read, descriptor = os.pread, file.descriptor
    for start in range(0, len(wanted), step):
        places = (wanted[start : start + step].astype(np.int64) * size + begin).tolist()
        content = b"".join([read(descriptor, size, place) for place in places])
        file.check()  # afterwards: what was read before a change is as it was
        flat[start : start + step] = np.frombuffer(content, np.uint8).reshape(-1, size)
    return out


def whole(array: Any) -> np.ndarray:
    """The array in memory."""
    import numpy as np

    if not isinstance(array, SelectedRows) and file_of(array) is None:
        return array
    return rows(array, np.arange(len(array)), np.empty(array.shape, array.dtype))
