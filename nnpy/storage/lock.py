"""One training at a run folder: a lock that dies with its process.

The lock is the system's (`flock`), on the file `.lock` in the folder: when the process ends, by
whatever means, the lock is gone, and a copied folder is not locked. What is written in the file
only tells who holds it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nnpy.errors import RunError, printable
from nnpy.storage.atomic import open_own, translate_error
from nnpy.storage.regular import open_regular, read_text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = ".lock"
_LONGEST = 1 << 12  # bytes
_PATIENCE = 0.5  # seconds; one who only looks holds the lock for an instant


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Hold the lock of a run folder. Raises `RunError` that says who holds it if it is taken."""
    path = Path(folder) / _NAME
    end = time.monotonic() + _PATIENCE
    while True:
        with translate_error(path):
            descriptor = open_own(path, os.O_RDWR)
        try:
            if not _take(descriptor, exclusive=True):
                if time.monotonic() > end:
                    raise RunError(
                        f"another training is at work in {folder}: {_told(path)}; wait for it, end "
                        f"it, or train into another folder with --run-dir"
                    )
                time.sleep(0.02)
            elif _is_still(path, descriptor):
                with translate_error(path):
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, _who().encode())
                yield
                return
        finally:
            os.close(descriptor)


def holder(folder: str | Path) -> str | None:
    """Who trains in a run folder now ("process 123 on host, since …"), or None when no one does."""
    path = Path(folder) / _NAME
    try:
        with open_regular(path, follow_links=False) as file:
            return None if _take(file.fileno(), exclusive=False) else _told(path)
    except OSError:
        return None


def _take(descriptor: int, *, exclusive: bool) -> bool:
    """Whether the lock could be had, now and without waiting."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks cannot keep two trainings apart, nor tell that one is here.
        return error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the lock is of the file that has the name now: one who failed removes his."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def _who() -> str:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": now}) + "\n"


def _told(path: Path) -> str:
    try:
        who = json.loads(read_text(path, _LONGEST, follow_links=False))
        return printable(f"process {who['process']} on {who['host']}, since {who['since']}")
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return "a process that has not told its name"
