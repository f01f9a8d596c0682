"""The workers of a step of Slurm (`srun nnpy train … --workers slurm`), by its variables.

TensorFlow's SlurmClusterResolver is not used: it needs nvidia-smi where there is no GPU, and sorts
the nodes by name ("node10" before "node2"), in which order Slurm does not number the tasks.

Source of the variables and of the form of a list of nodes: Slurm's manuals, srun(1) and
scontrol(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping

from nnpy.errors import UsageError

PORT = 8888  # of the first worker of a node; as TensorFlow's resolver has it
_MOST = 4096  # workers
_PROBLEM = "--workers slurm: Slurm's tasks cannot be found: "


def workers(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """The addresses of all workers, in the order of Slurm's tasks, and the number of this one.

    Raises UsageError where this is no step of Slurm, or its tasks are numbered in another way.
    """
    if "SLURM_PROCID" not in environment:
        raise UsageError("--workers slurm: this is no step of Slurm; start it with srun")
    nodes = _nodes(_variable(environment, "SLURM_STEP_NODELIST"))
    counts = _counts(_variable(environment, "SLURM_STEP_TASKS_PER_NODE"))
    if len(nodes) != len(counts):
        raise UsageError(f"{_PROBLEM}{len(nodes)} nodes, but tasks for {len(counts)}")
    addresses = tuple(
        f"{node}:{PORT + number}"
        for node, count in zip(nodes, counts, strict=True)
        for number in range(count)
    )
    index = _number(_variable(environment, "SLURM_PROCID"))
    here = environment.get("SLURMD_NODENAME", "")
    if here in nodes and index < len(addresses):
        there = addresses[index].rpartition(":")[0]
        if there != here:
            raise UsageError(
                f"--workers slurm: task {index} is on {here}, not on {there}: the tasks must be "
                "numbered node by node; use srun --distribution=block"
            )
    return addresses, index


def divide_gpus(environment: MutableMapping[str, str]) -> None:
    """Give this task its part of the GPUs that all tasks of a node see, before TensorFlow starts.

    Where Slurm has bound GPUs to tasks it sees only its own: then nothing is changed.
    """
    bound = ("SLURM_GPUS_PER_TASK", "SLURM_GPU_BIND", "SLURM_TRES_PER_TASK")
    seen = [each for each in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    local = environment.get("SLURM_LOCALID", "")
    if any(environment.get(name) for name in bound) or not local.isdigit():
        return
    nodes = _nodes(_variable(environment, "SLURM_STEP_NODELIST"))
    counts = _counts(_variable(environment, "SLURM_STEP_TASKS_PER_NODE"))
    here = environment.get("SLURMD_NODENAME", "")
    count = dict(zip(nodes, counts, strict=False)).get(here, max(counts))
    if count > 1 and len(seen) >= count:
        each = len(seen) // count
        begin = int(local) * each
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(seen[begin : begin + each])


def _variable(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise UsageError(f"{_PROBLEM}{name} is not set; start nnpy with srun")
    return environment[name]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{_PROBLEM}'{text[:40]}' is no number")
    return int(text)


def _counts(text: str) -> list[int]:
    """`2(x3),1` → [2, 2, 2, 1]."""
    counts: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,5})(?:\(x(\d{1,5})\))?", part.strip())
        if match is None:
            raise UsageError(f"{_PROBLEM}SLURM_STEP_TASKS_PER_NODE is '{text[:80]}'")
        counts += [int(match[1])] * min(int(match[2] or 1), _MOST + 1)
    return counts


def _nodes(text: str) -> list[str]:
    """`gpu[01-03,7],login` → ["gpu01", "gpu02", "gpu03", "gpu7", "login"]."""
    found: list[str] = []
    # Commas within brackets divide ranges, those outside nodes.
    for part in re.findall(r"(?:[^,\[\]]|\[[^\[\]]*\])+", text):
        for each in _expanded(part):
            found.append(each)
            if len(found) > _MOST:
                raise UsageError(f"{_PROBLEM}more than {_MOST} nodes")
    if not found or not all(re.fullmatch(r"[A-Za-z0-9_.-]+", each) for each in found):
        raise UsageError(f"{_PROBLEM}SLURM_STEP_NODELIST is '{text[:80]}'")
    return found


def _expanded(part: str) -> Iterator[str]:
    before, bracket, rest = part.partition("[")
    if not bracket:
        yield before
        return
    ranges, _, after = rest.partition("]")
    for each in ranges.split(","):
        low, dash, high = each.strip().partition("-")
        first, last = _number(low), _number(high if dash else low)
        for number in range(first, min(last, first + _MOST) + 1):
            for end in _expanded(after):
                yield f"{before}{number:0{len(low)}d}{end}"
