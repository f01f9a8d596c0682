"""Writing files so that a crash at any moment leaves the old content or the new, never a mix.

The new content goes to a temporary name in the same folder, is flushed to the disk, takes the
name of the old by one rename, and the folder is flushed too. After a power cut the file is
either the one before or the one after (POSIX `rename`; see also "Files are hard", Dan Luu).

Nothing is written through a symbolic link of the file's own name, nor into what another hard
link shows: the name gets a new file. `root` is for folders that may come from anywhere: between
it and the file there must be no link either.
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
from nnpy.storage.regular import NO_FOLLOW, NotRegular, check_regular, read_regular

Buffer = bytes | bytearray | memoryview

_TEMPORARY = re.compile(r"\.[^/]+\.[0-9a-f]{8}\.tmp(\.\w+)?")


def write_text(path: str | Path, text: str, *, root: Path | None = None) -> None:
    """Give the file `path` this text (UTF-8) whole, or leave it as it is and raise `RunError`.

    Of a file name that is not text, a byte becomes its escape: JSON reads that back as it was.
    """
    write_bytes(path, text.encode(errors="backslashreplace"), root=root)


def write_bytes(path: str | Path, *parts: Buffer, root: Path | None = None) -> None:
    """Give the file `path` these bytes, one part after the other, whole or not at all.

    The parts are written as they lie in memory: an array's `.data` costs no copy.
    """

    def write(temporary: Path) -> None:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666)
        try:
            for part in parts:
                _write_all(descriptor, part)
        finally:
            os.close(descriptor)

    replace(path, write, root=root)


def replace(path: str | Path, write: Callable[[Path], object], *, root: Path | None = None) -> None:
    """Let `write` make the new content of `path` under a temporary name, then put it in place.

    The temporary name ends like `path` does, for writers that look at the suffix. If `write`
    fails, so does this, and `path` is as it was; an `OSError` becomes a `RunError` that says
    what to do.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        with translate_error(path):
            _check_way(path, root)
            write(temporary)
            _flush(temporary)
            _check_way(path, root)
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
        descriptor = open_own(path, os.O_RDWR)
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


def open_own(path: str | Path, flags: int) -> int:
    """A descriptor of a file to be changed in its place; made where there is none.

    `flags` are os.O_RDWR or os.O_WRONLY, and os.O_APPEND. Raises `OSError`: `NotRegular` where
    the name is a link, a pipe or a device. A file with other hard links gets a copy of its own.
    """
    path = Path(path)
    flags |= os.O_CREAT | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        check_regular(path, found)
        if found.st_nlink > 1:
            write_bytes(path, path.read_bytes())
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link since we looked
            raise NotRegular(path, "it is a link, not a file") from None
        raise
    try:
        check_regular(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_lines(path: str | Path, limit: int = 1 << 30) -> list[str]:
    """The whole lines of a text file; one that a crash cut short is left out, no file is none.

    Raises `OSError` where it is no file or larger than `limit` bytes, `UnicodeDecodeError`
    where it is no text.
    """
    try:
        content = read_regular(path, limit)
    except FileNotFoundError:
        return []
    return content[: content.rfind(b"\n") + 1].decode().splitlines()


def is_temporary(name: str) -> bool:
    """Whether a file's name is one of those that unfinished writes have here."""
    return bool(_TEMPORARY.fullmatch(name))


def sweep(folder: str | Path) -> None:
    """Remove what a crash left of unfinished writes in `folder` (only while no one writes)."""
    with contextlib.suppress(FileNotFoundError):
        for path in Path(folder).iterdir():
            if is_temporary(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()


@contextlib.contextmanager
def translate_error(path: str | Path) -> Iterator[None]:
    """Turn an `OSError` that is met while writing `path` into a `RunError` for people."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{path} cannot be written: {_reason(error, Path(path))}") from error


def _check_way(path: Path, root: Path | None) -> None:
    """Raise `NotRegular` when a folder between `root` and the file is a link."""
    if root is not None:
        for folder in path.parents:
            if folder == root:
                return
            if folder.is_symlink():
                raise NotRegular(folder, f"{folder} is a link: nothing is written through it")
        raise NotRegular(path, f"it does not lie in {root}")


def _reason(error: OSError, path: Path) -> str:
    match error.errno:
        case _ if isinstance(error, NotRegular):
            return str(error.strerror)
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full (or your quota); what was there before is intact"
        case errno.EACCES | errno.EPERM:
            return f"no permission to write in {path.parent}"
        case errno.EROFS:
            return "the file system is read-only"
        case errno.ENOENT if not path.parent.is_dir():
            return f"the folder {path.parent} does not exist (was it deleted or moved?)"
        case errno.EIO:
            return "the disk reported an input/output error (is it failing?)"
        case errno.EISDIR:
            return "a folder has this name"
        case errno.EFBIG:
            return "a file may not become so large here (see ulimit -f)"
        case errno.EMFILE | errno.ENFILE:
            return "no more files may be open at once here (see ulimit -n)"
        case errno.ESTALE:
            return "the file system on the network has lost the file (stale handle)"
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


def create_bytes(path: Path, content: bytes) -> None:
    """As `create`, for bytes."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{path} already exists; nothing was written") from None
    except OSError as error:
        raise UsageError(f"{path}: {_reason(error, path)}") from error


def create(path: Path, text: str) -> None:
    """A new file with that text; one that is there already is never touched."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} already exists; choose another name with -o FILE") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
