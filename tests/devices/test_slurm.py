"""Workers by Slurm's variables."""

from __future__ import annotations

import pytest

from nnpy.devices import slurm
from nnpy.devices.cluster import cluster_of
from nnpy.errors import UsageError


def step(nodes: str, tasks: str, index: int = 0, **more: str) -> dict[str, str]:
    return {
        "SLURM_PROCID": str(index),
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        **more,
    }


@pytest.mark.parametrize(
    ("nodes", "tasks", "expected"),
    [
        ("localhost", "2", ["localhost:8888", "localhost:8889"]),
        ("node[2,10]", "1(x2)", ["node2:8888", "node10:8888"]),
        ("gpu[08-10]", "1(x3)", ["gpu08:8888", "gpu09:8888", "gpu10:8888"]),
        ("a,b[1-2].net", "2,1(x2)", ["a:8888", "a:8889", "b1.net:8888", "b2.net:8888"]),
        ("r[1-2]n[1-2]", "1(x4)", ["r1n1:8888", "r1n2:8888", "r2n1:8888", "r2n2:8888"]),
    ],
)
def test_tasks_are_numbered_node_by_node(nodes: str, tasks: str, expected: list[str]) -> None:
    cluster = cluster_of("slurm", None, environment=step(nodes, tasks, len(expected) - 1))
    assert cluster is not None
    assert [*cluster.addresses] == expected
    assert cluster.index == len(expected) - 1


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "this is no step of Slurm; start it with srun"),
        ({"SLURM_PROCID": "0"}, "SLURM_STEP_NODELIST is not set; start nnpy with srun"),
        (step("a,b", "1"), "2 nodes, but tasks for 1"),
        (step("a[1-", "1"), "SLURM_STEP_TASKS_PER_NODE|cannot be found"),
        (step("a;b", "1"), "SLURM_STEP_NODELIST is 'a;b'"),
        (step("a", "x"), "SLURM_STEP_TASKS_PER_NODE is 'x'"),
        (step("a", "1"), "expected two workers at least, got 1"),
        (step("a[1-999999999]", "1"), "more than 4096 nodes"),
        (step("a,b", "1(x2)", 5), "the index in --workers slurm is 5"),
        (
            step("a,b", "2(x2)", 1, SLURMD_NODENAME="b"),
            "task 1 is on b, not on a: .* use srun --distribution=block",
        ),
    ],
)
def test_what_is_no_step_is_told(environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cluster_of("slurm", None, environment=environment)


def test_tasks_of_a_node_divide_the_gpus_that_all_of_them_see() -> None:
    def gpus(**more: str) -> str:
        environment = step("a,b", "2,1", 1, SLURM_LOCALID="1", SLURMD_NODENAME="a", **more)
        slurm.divide_gpus(environment)
        return environment.get("CUDA_VISIBLE_DEVICES", "none")

    assert gpus(CUDA_VISIBLE_DEVICES="0,1,2,3") == "2,3"
    assert gpus(CUDA_VISIBLE_DEVICES="0,1,2,3", SLURM_GPUS_PER_TASK="4") == "0,1,2,3"
    assert gpus(CUDA_VISIBLE_DEVICES="0") == "0"
    assert gpus() == "none"
