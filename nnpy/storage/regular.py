"""Opening files that others name: regular files only, at once, and never more than is asked for.

A path in a config, a run folder or a command may lead to anything: a named pipe that no one
writes to, a device without an end, a link to either. Here such a thing is an `OSError` whose
`strerror` says what it is; nothing waits for it, and nothing without an end is read. Whoever
catches `OSError` of an `open` needs no other handler: a name that the system cannot take is an
`OSError` too.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 20  # bytes
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}
# What Windows does not have, it does not need: it has no pipes and devices among its files.
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class NotRegular(OSError):
    """The name is not that of a file with content: a pipe, a device, a socket, a link."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(errno.EINVAL, reason, os.fspath(path))


class TooLarge(OSError):
    """The file has more bytes than are read."""

    def __init__(self, path: str | os.PathLike[str], limit: int) -> None:
        reason = f"it has more than the {_size(limit)} that are read of such a file"
        super().__init__(errno.EFBIG, reason, os.fspath(path))


def open_regular(path: str | os.PathLike[str], *, follow_links: bool = True) -> BinaryIO:
    """Open a regular file to read its bytes; never waits.

    With `follow_links=False` the last part of the path must not be a symbolic link. Raises
    `OSError`: `NotRegular` for a pipe, device, socket or link, `IsADirectoryError` for a folder.
    """
    try:
        # Looked at before it is opened: opening a device may already do something.
        check_regular(path, Path(path).stat(follow_symlinks=follow_links))
        descriptor = os.open(path, _FLAGS if follow_links else _FLAGS | NO_FOLLOW)
    except ValueError as error:
        raise NotRegular(path, _bad_name(error)) from None
    try:
        check_regular(path, os.fstat(descriptor))  # it may be another by now
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | os.PathLike[str], limit: int, *, follow_links: bool = True) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises `OSError` as `open_regular`, and `TooLarge`; takes no more memory than the content.
    """
    with open_regular(path, follow_links=follow_links) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise TooLarge(path, limit)
        parts, read = [], 0
        while part := file.read(min(max(size - read, 0) or _PIECE, limit + 1 - read)):
            parts.append(part)
            read += len(part)
            if read > limit:  # it grows, or is one of /proc, whose sizes say 0
                raise TooLarge(path, limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_text(path: str | os.PathLike[str], limit: int, *, follow_links: bool = True) -> str:
    """The text (UTF-8) of a regular file of at most `limit` bytes. Raises `OSError`, also where
    the content is no text."""
    try:
        return read_regular(path, limit, follow_links=follow_links).decode()
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 text (byte {error.start + 1:,})"
        raise OSError(errno.EILSEQ, reason, os.fspath(path)) from None


def is_regular(path: str | os.PathLike[str], *, follow_links: bool = True) -> bool:
    """Whether there is a regular file of this name."""
    try:
        return stat.S_ISREG(Path(path).stat(follow_symlinks=follow_links).st_mode)
    except (OSError, ValueError):
        return False


def check_regular(path: str | os.PathLike[str], found: os.stat_result) -> None:
    """Raise `NotRegular` or `IsADirectoryError` unless `found` (of `stat`) is a regular file."""
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", os.fspath(path))
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise NotRegular(path, f"it is {kind}, not a file")


def _bad_name(error: ValueError) -> str:
    if isinstance(error, UnicodeError):
        return "its name has characters that no file of this system can have"
    return "its name has a null byte"


def _size(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024 or size % 1024:
            return f"{size:,} {unit}"
        size //= 1024
    return f"{size:,} GiB"
