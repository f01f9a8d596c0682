"""Writing files so that a crash at any moment leaves the old content or the new, never a mix.

The new content goes to a temporary name in the same folder, is flushed to the disk, takes the
name of the old by one rename, and the folder is flushed too. After a power cut the file is
either the one before or the one after (POSIX `rename`; see also "Files are hard", Dan Luu).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from nnpy.errors import RunError, UsageError

Buffer = bytes | bytearray | memoryview

_TEMPORARY = re.compile(r"\.[^/]+\.[0-9a-f]{8}\.tmp(\.\w+)?")


def write_text(path: str | Path, text: str) -> None:
    """Give the file `path` this text (UTF-8) whole, or leave it as it is and raise `RunError`."""
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, *parts: Buffer) -> None:
    """Give the file `path` these bytes, one part after the other, whole or not at all.

    The parts are written as they lie in memory: an array's `.data` costs no copy.
    """

    def write(temporary: Path) -> None:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            for part in parts:
                _write_all(descriptor, part)
        finally:
            os.close(descriptor)

    replace(path, write)


def replace(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the new content of `path` under a temporary name, then put it in place.

    The temporary name ends like `path` does, for writers that look at the suffix. If `write`
    fails, so does this, and `path` is as it was; an `OSError` becomes a `RunError` that says
    what to do.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        with translate_error(path):
            write(temporary)
            _flush(temporary)
            os.replace(temporary, path)  # noqa: PTH105  (one way to the disk, for the tests too)
            _flush_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def append_line(path: str | Path, line: str) -> None:
    """Add one line to a text file, whole or not at all, and flush it to the disk.

    A last line without its end is what a crash left of an earlier append: it goes first.
    """
    path = Path(path)
    with translate_error(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            size = _whole_lines(descriptor)
            try:
                os.ftruncate(descriptor, size)
                os.lseek(descriptor, size, os.SEEK_SET)
                _write_all(descriptor, line.rstrip("\n").encode() + b"\n")
                os.fsync(descriptor)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if not size:
            _flush_folder(path.parent)


def read_lines(path: str | Path) -> list[str]:
    """The whole lines of a text file; one that a crash cut short is left out, no file is none."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    return content[: content.rfind(b"\n") + 1].decode().splitlines()


def sweep(folder: str | Path) -> None:
    """Remove what a crash left of unfinished writes in `folder` (only while no one writes)."""
    with contextlib.suppress(FileNotFoundError):
        for path in Path(folder).iterdir():
            if _TEMPORARY.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()


@contextlib.contextmanager
def translate_error(path: str | Path) -> Iterator[None]:
    """Turn an `OSError` that is met while writing `path` into a `RunError` for people."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{path} cannot be written: {_reason(error, Path(path))}") from error


def _reason(error: OSError, path: Path) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full (or your quota); what was there before is unharmed"
        case errno.EACCES | errno.EPERM:
            return f"no permission to write in {path.parent}"
        case errno.EROFS:
            return "the file system is read-only"
        case errno.ENOENT if not path.parent.is_dir():
            return f"the folder {path.parent} is not there (was it deleted or moved?)"
        case errno.EIO:
            return "the disk reported an input/output error (is it failing?)"
        case errno.EISDIR:
            return "a folder has this name"
        case errno.ENAMETOOLONG:
            return "the name is too long"
    return error.strerror or str(error)


def _write_all(descriptor: int, part: Buffer) -> None:
    """Write all of `part`: the system may take less at a time than it is given."""
    rest = memoryview(part).cast("B")
    while rest:
        written = os.write(descriptor, rest)
        rest = rest[written:]


def _whole_lines(descriptor: int) -> int:
    """How many bytes from the start of the file are whole lines."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        os.lseek(descriptor, start, os.SEEK_SET)
        block = os.read(descriptor, end - start)
        newline = block.rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    # Windows and some network file systems cannot flush a folder; the rename holds there too.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def create(path: Path, text: str) -> None:
    """A new file with that text; one that is there already is never touched."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name with -o FILE") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
