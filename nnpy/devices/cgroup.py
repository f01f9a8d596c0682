"""What a container or a batch system lets this process have: Linux control groups, v1 and v2.

Source of the files' names and forms: the Linux kernel's Documentation/admin-guide/cgroup-v2.rst
and cgroup-v1/memory.rst; a limit of a group holds for all groups below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Bytes that the groups of this process leave it, or None where none of them has a limit.

    Pages of files that the kernel may drop at any time count as free, as in MemAvailable.
    """
    free = []
    for version, group in _groups("memory"):
        limit = _number(group / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        used = _number(group / ("memory.current" if version == 2 else "memory.usage_in_bytes"))
        if limit is None or used is None or limit >= 1 << 62:  # v1 writes "none" as 2^63 - a page
            continue
        cached = _field(
            group / "memory.stat", "inactive_file" if version == 2 else "total_inactive_file"
        )
        free.append(max(0, limit - used + cached))
    return min(free, default=None)


def cores() -> int | None:
    """Cores that the CPU quota of this process's groups is worth, rounded up, or None."""
    found = []
    for version, group in _groups("cpu"):
        if version == 2:
            quota, period = [*_text(group / "cpu.max").split(), "", ""][:2]
        else:
            quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            found.append(max(1, math.ceil(int(quota) / int(period))))
    return min(found, default=None)


def _groups(controller: str) -> Iterator[tuple[int, Path]]:
    """The version and folder of each group that holds for this process, the inmost first."""
    for line in _text(MEMBERSHIP).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            version, root = 2, MOUNT
        elif controller in controllers.split(","):
            version, root = 1, MOUNT / controllers
            root = root if root.is_dir() else MOUNT / controller
        else:
            continue
        # A container may see the host's path here and only its own groups below the mount.
        group = root / path.lstrip("/")
        if ".." in group.parts:
            group = root
        while not group.is_dir() and group != root:
            group = group.parent
        for folder in (group, *group.parents):
            yield version, folder
            if folder == root:
                break


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _field(path: Path, name: str) -> int:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0
