"""The machine beneath: its cores, its memory, its processor."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from nnpy.devices import cgroup
from nnpy.errors import DeviceError

MEMORY = Path("/proc/meminfo")
NEEDED = (Path("/proc/self"), Path("/dev/urandom"))  # Linux gives a process these
# What the dynamic loader, libc and C++ say when there is none left.
_MEMORY = re.compile(
    r"failed to map segment|cannot allocate memory|out of memory|std::bad_alloc", re.IGNORECASE
)

# What the system says when it has, or gives, no more; "": its own words say enough.
_REFUSED = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EFBIG: "a file may not become so large here (ulimit -f)",
    errno.EIO: "the disk reported an input/output error (is it failing?)",
    errno.EROFS: "the file system is read-only",
    errno.ESTALE: "the file system on the network has lost a file (stale handle)",
    errno.EMFILE: "this process may open no more files (ulimit -n)",
    errno.ENFILE: "the machine has too many open files",
    errno.EAGAIN: "no more processes or threads may be started (ulimit -u)",
    errno.EACCES: "",
    errno.EPERM: "",
}

_TO_LOAD_TOLD = " to load TensorFlow, which needs some 3 GB"
# Bytes of addresses: TensorFlow and a small network take 2.2 GB, a third of it after loading.
_TO_LOAD, _TO_COMPUTE = 2_300_000_000, 600_000_000


def cores_here() -> int:
    """The processor cores that this process may use: those it may run on, within its CPU quota."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = cgroup.cores()
    return cores if quota is None else min(cores, quota)


def free_memory() -> int:
    """Bytes of memory that this process may still take: the machine's, within its container's.

    8 GiB where the system does not tell.
    """
    try:
        lines = MEMORY.read_text().splitlines()
        available = next(line for line in lines if line.startswith("MemAvailable"))
        free = int(available.split()[1]) << 10
    except (OSError, StopIteration, ValueError, IndexError):  # not Linux
        free = 8 << 30
    left = cgroup.free_memory()
    return free if left is None else min(free, left)


@contextlib.contextmanager
def within_free_memory() -> Iterator[None]:
    """Within, who asks for more memory than is free is refused it, and the process lives (Linux).

    For libraries that are asked to run what a stranger made. All threads are meant.
    """
    try:
        import resource

        used = _addresses()
    except (ImportError, OSError, ValueError):  # not Linux
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + free_memory()
    if any(each != resource.RLIM_INFINITY and each < limit for each in before):
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def lack_of_memory(error: BaseException) -> str:
    """An error of too little memory in words for people, or "" if it is another."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    if not any(isinstance(each, MemoryError) or _MEMORY.search(str(each)) for each in chain):
        return ""
    loading = any(isinstance(each, ImportError | OSError) for each in chain)
    return f"there is too little memory{_TO_LOAD_TOLD * loading}: {_memory_here()}"


def refusal(error: BaseException) -> str:
    """What the machine refuses a process, in words for people, or "" if it is another error.

    For whatever opens files or starts processes and has no words of its own.
    """
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return _REFUSED[errno.EAGAIN]
    if not isinstance(error, OSError):
        return ""
    if "temporary directory" in str(error):
        return (
            "there is no place for temporary files: /tmp and this folder cannot be written; name "
            "a folder that can, TMPDIR=/some/folder"
        )
    if error.errno not in _REFUSED:
        return ""
    where = f" ({error.filename})" if error.filename else ""
    return f"{_REFUSED[error.errno] or error.strerror}{where}"


def check_room() -> None:
    """Raise DeviceError where the shell's limits leave no room to compute in.

    Beyond them TensorFlow's threads crash, or wait for ever: what they cannot take is told to no
    one. Nor does it tell that it ends the process where it looks for /proc or /dev in vain.
    """
    for path in NEEDED if sys.platform == "linux" else ():
        if not path.exists():
            raise DeviceError(
                f"{path} is not there, without which TensorFlow ends the process; mount "
                f"{path.parent} (a container or chroot may lack it)"
            )
    if limit := _address_limit():  # first: a thread that has no room for its stack is refused too
        _check_addresses(limit)
    _check_threads()


def _check_addresses(limit: int) -> None:
    try:
        used = _addresses()
    except (OSError, ValueError):  # not Linux
        used = 0
    loaded = "tensorflow" in sys.modules
    if limit - used < (_TO_COMPUTE if loaded else _TO_LOAD):
        raise DeviceError(
            f"there is too little memory{_TO_LOAD_TOLD * (not loaded)}: {_memory_here()}"
        )


def _check_threads() -> None:
    """Raise DeviceError where no more threads may be started: TensorFlow would end the process."""
    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(16 + 4 * cores_here())]
    try:
        for each in threads:
            each.start()
    except RuntimeError:
        raise DeviceError(_REFUSED[errno.EAGAIN]) from None
    finally:
        over.set()
        for each in threads:
            if each.ident is not None:
                each.join()


def _addresses() -> int:
    """The bytes of addresses that this process has. Raises OSError or ValueError off Linux."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _memory_here() -> str:
    told = f"{free_memory() / 1e9:.1f} GB are free"
    if limit := _address_limit():
        told += f", and this process may have {limit / 1e9:.1f} GB (ulimit -v)"
    return told


def _address_limit() -> int | None:
    """The bytes that the shell lets a process have, None where it sets no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
