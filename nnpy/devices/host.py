"""The machine beneath: its cores, its memory, its processor."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from nnpy.devices import cgroup

MEMORY = Path("/proc/meminfo")


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


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
