"""One training at a run folder: a lock that dies with its process.

The lock is the system's, on the file `.lock` in the folder: when the process ends, by whatever
means, the lock is gone, and a copied folder is not locked. What is written in the file only
tells who holds it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nnpy.errors import RunError, printable
from nnpy.storage.atomic import open_own, translate_error
from nnpy.storage.regular import open_regular

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = ".lock"
_LONGEST = 1 << 12  # bytes
_PATIENCE = 0.5  # seconds; one who only looks holds the lock for an instant
_FIRST = 1  # where the text begins: Windows lets no one else read or write a locked byte, the 0th
# A file system without locks cannot keep two trainings apart, nor tell that one is here.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Hold the lock of a run folder. Raises `RunError` that says who holds it if it is taken."""
    from filelock import FileLock, Timeout  # here, for only those who train need it

    path = Path(folder) / _NAME
    with translate_error(path):
        _prepare(path)
        lock = FileLock(path, timeout=_PATIENCE, poll_interval=0.02, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"another training is running in {folder}: {_read_holder(path)}; wait for it, stop "
                f"it, or train into another folder with --run-dir"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    try:
        with translate_error(path):
            _write_holder(path)
        yield
    finally:
        lock.release()


def holder(folder: str | Path) -> str | None:
    """Who trains in a run folder now ("process 123 on host, since …"), or None when no one does."""
    path = Path(folder) / _NAME
    try:
        return _read_holder(path) if _is_held(path) else None
    except OSError:
        return None


def _is_held(path: Path) -> bool:
    """Whether a process holds the lock; raises OSError where there is no lock file."""
    with open_regular(path, follow_links=False) as file:
        if fcntl is not None:
            # Shared, so that those who look keep no one out, and a read-only folder can be seen.
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=0, fallback_to_soft=False):
            return False
    except Timeout:
        return True


def _prepare(path: Path) -> None:
    """The file, with its byte to lock. Raises OSError where a link or a pipe has the name."""
    with _opened(path) as descriptor:
        if os.fstat(descriptor).st_size < _FIRST:
            os.write(descriptor, b" " * _FIRST)


def _write_holder(path: Path) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    who = {"process": os.getpid(), "host": socket.gethostname(), "since": since}
    with _opened(path) as descriptor:
        os.lseek(descriptor, _FIRST, os.SEEK_SET)
        os.write(descriptor, json.dumps(who).encode() + b"\n")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = open_own(path, os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_holder(path: Path) -> str:
    try:
        with open_regular(path, follow_links=False) as file:
            file.seek(_FIRST)
            who = json.loads(file.readline(_LONGEST))
        return printable(f"process {who['process']} on {who['host']}, since {who['since']}")
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return "an unknown process"
