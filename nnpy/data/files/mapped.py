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

if TYPE_CHECKING:
    import numpy as np

PIECE = 1 << 22  # bytes that are looked at before they are let go of


class MappedFile(mmap.mmap):
    """The content of a file as a buffer. The file must not be changed while it is in use."""

    descriptor: int

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
    file.descriptor = descriptor
    return file


def file_of(array: Any) -> MappedFile | None:
    """The mapped file that an array lies in; None for one in memory."""
    base = array
    while base is not None and not isinstance(base, MappedFile):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


def rows(array: np.ndarray, wanted: np.ndarray, out: np.ndarray) -> np.ndarray:
    """`out[:] = array[wanted]`; nothing else of a mapped file gets into memory. Returns `out`."""
    import numpy as np

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
        flat[start : start + step] = np.frombuffer(content, np.uint8).reshape(-1, size)
    return out


def whole(array: np.ndarray) -> np.ndarray:
    """The array in memory."""
    import numpy as np

    if file_of(array) is None:
        return array
    return rows(array, np.arange(len(array)), np.empty(array.shape, array.dtype))
