"""Cores and memory of a container count, not those of the machine around it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nnpy.devices import cgroup, host

GIB = 1 << 30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes the files of control groups: `groups("0::/job", {"job/memory.max": "1"})`."""

    def write(membership: str, files: dict[str, str]) -> None:
        (tmp_path / "membership").write_text(membership + "\n")
        for name, text in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")

    (tmp_path / "mount").mkdir()
    (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {16 * GIB >> 10} kB\n")
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path / "mount")
    monkeypatch.setattr(host, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return write


LIMITED = {"memory.max": f"{4 * GIB}", "memory.current": f"{3 * GIB}"}


@pytest.mark.parametrize(
    ("membership", "files", "free"),
    [
        ("0::/", {}, 16),
        ("0::/", {"memory.max": "max", "memory.current": "5"}, 16),
        ("0::/", {**LIMITED, "memory.stat": f"anon 7\ninactive_file {GIB}"}, 2),
        ("0::/", LIMITED, 1),
        # The outer group's limit holds for the inner one.
        ("0::/slurm/job", {f"slurm/{name}": text for name, text in LIMITED.items()}, 1),
        # The path is the host's, the folder is the container's.
        ("0::/docker/0123", LIMITED, 1),
        (
            "5:memory:/job\n0::/",
            {
                "memory/job/memory.limit_in_bytes": f"{2 * GIB}",
                "memory/job/memory.usage_in_bytes": f"{GIB}",
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/memory.usage_in_bytes": "1",
            },
            1,
        ),
        ("0::/", {"memory.max": f"{64 * GIB}", "memory.current": "0"}, 16),
        ("0::/", {"memory.max": f"{GIB}", "memory.current": f"{2 * GIB}"}, 0),
        ("nonsense", {"memory.max": "nonsense", "memory.current": ""}, 16),
    ],
)
def test_free_memory_is_that_of_the_container(groups, membership, files, free):
    groups(membership, files)
    assert host.free_memory() == free * GIB


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/", {}, 8),
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "1000 100000"}, 1),
        ("0::/", {"cpu.max": "1600000 100000"}, 8),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        (
            "3:cpu,cpuacct:/job",
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "400000",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            },
            4,
        ),
        (
            "3:cpu,cpuacct:/job",
            {"cpu/job/cpu.cfs_quota_us": "-1", "cpu/job/cpu.cfs_period_us": "100000"},
            8,
        ),
    ],
)
def test_cores_are_those_of_the_quota(groups, membership, files, cores):
    groups(membership, files)
    assert host.cores_here() == cores


def test_elsewhere_there_are_no_groups(groups, tmp_path):
    (tmp_path / "meminfo").unlink()
    assert host.free_memory() == 8 * GIB
    assert host.cores_here() == 8
