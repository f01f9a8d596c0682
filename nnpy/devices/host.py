"""The machine beneath: its cores, its memory, its processor."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from nnpy.devices import cgroup

MEMORY = Path("/proc/meminfo")
# What the dynamic loader, libc and C++ say when there is none left.
_MEMORY = re.compile(
    r"failed to map segment|cannot allocate memory|out of memory|std::bad_alloc", re.IGNORECASE
)


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


def lack_of_memory(error: BaseException) -> str:
    """An error of too little memory in words for people, or "" if it is another."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    if not any(isinstance(each, MemoryError) or _MEMORY.search(str(each)) for each in chain):
        return ""
    loading = any(isinstance(each, ImportError | OSError) for each in chain)
    return (
        f"there is too little memory{' to load TensorFlow, which needs some 3 GB' * loading}: "
        f"{_memory_here()}"
    )


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
