"""A disk that fails on purpose: one call that changes files, the Nth of its kind, below a folder.

    with failing_disk(folder, Fault("replace", 3, errno.EIO)) as disk:
        ...                       # the third os.replace in `folder` raises EIO, later ones work
    disk.counts["replace"]        # how many there were

Python's own functions are patched, so it works wherever Python does and needs no rights; what a
library writes from C is not seen (nnpy's own files are all written from Python).
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import mmap
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = ("open", "write", "fsync", "replace", "mkdir", "truncate", "unlink")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Fault:
    """Which call fails: the `number`th (from 1) of a kind, and with `forever` all after it."""

    call: str
    number: int
    error: int
    forever: bool = False

    def __str__(self) -> str:
        later = " and all later" if self.forever else ""
        return f"{self.call} {self.number}{later}, {errno.errorcode[self.error]}"


class Disk:
    """Counts the calls, and lets one fail."""

    def __init__(self, folder: Path, fault: Fault | None, met: mmap.mmap | None = None) -> None:
        self.folder, self.fault, self.met = os.path.realpath(folder), fault, met
        self.counts: Counter[str] = Counter()
        self.failed = 0

    def call(self, kind: str, path: object) -> None:
        """Count a call on `path` (a name or a descriptor); raises where it is to fail."""
        if not self._below(path):
            return
        self.counts[kind] += 1
        fault = self.fault
        if fault is None or fault.call != kind:
            return
        if self.counts[kind] == fault.number or (
            fault.forever and self.counts[kind] > fault.number
        ):
            self.failed += 1
            if self.met is not None:
                self.met[0] = 1
            raise OSError(fault.error, os.strerror(fault.error), str(path))

    def _below(self, path: object) -> bool:
        if isinstance(path, int):
            try:
                name = str(Path(f"/proc/self/fd/{path}").readlink())
            except OSError:
                return False
        else:
            place = Path(os.fsdecode(path))  # type: ignore[arg-type]
            name = str(place.parent.resolve() / place.name)
        return name == self.folder or name.startswith(self.folder + os.sep)


@contextlib.contextmanager
def failing_disk(
    folder: Path, fault: Fault | None = None, met: mmap.mmap | None = None
) -> Iterator[Disk]:
    """Within this context the disk fails below `folder` as `fault` says; without, it is watched.

    The first byte of `met` becomes 1 as soon as it has failed, whatever comes of it.
    """
    disk = Disk(folder, fault, met)
    patched: list[tuple[Any, str, Any]] = []

    def patch(module: Any, name: str, make: Callable[[Any], Any]) -> None:
        real = getattr(module, name)
        patched.append((module, name, real))
        setattr(module, name, make(real))

    def counting(kind: str, which: int = 0) -> Callable[[Any], Any]:
        def make(real: Any) -> Any:
            def function(*args: Any, **kwargs: Any) -> Any:
                disk.call(kind, _named(args[which], kwargs.get("dir_fd")))
                return real(*args, **kwargs)

            return function

        return make

    def os_open(real: Any) -> Any:
        def function(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
            if flags & _WRITING:
                disk.call("open", _named(path, kwargs.get("dir_fd")))
            return real(path, flags, *args, **kwargs)

        return function

    def io_open(real: Any) -> Any:
        def function(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if not set(mode) & set("wax+") or isinstance(file, int):
                return real(file, mode, *args, **kwargs)
            disk.call("open", file)
            opened = real(file, mode, *args, **kwargs)
            return _Watched(opened, disk)

        return function

    for name, kind in (("write", "write"), ("fsync", "fsync"), ("ftruncate", "truncate")):
        patch(os, name, counting(kind))
    patch(os, "replace", counting("replace", 1))
    patch(os, "rename", counting("replace", 1))
    patch(os, "mkdir", counting("mkdir"))
    patch(os, "unlink", counting("unlink"))
    patch(os, "rmdir", counting("unlink"))
    patch(os, "open", os_open)
    patch(io, "open", io_open)
    patch(builtins, "open", lambda real: io.open)
    try:
        yield disk
    finally:
        for module, name, real in reversed(patched):
            setattr(module, name, real)


def _named(path: Any, folder: int | None) -> Any:
    if folder is None or isinstance(path, int):
        return path
    return Path(f"/proc/self/fd/{folder}").readlink() / os.fsdecode(path)


class _Watched:
    """A file that is open for writing, whose `write` is counted."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self._file, self._disk = file, disk

    def write(self, data: Any) -> int:
        self._disk.call("write", self._file.fileno())
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)
