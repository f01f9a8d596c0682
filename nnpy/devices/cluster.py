"""The workers of a training that several processes or machines share, and which of them this is.

They are named on the command line (`--workers a:5000,b:5000 --worker-index 0`), in TensorFlow's
variable TF_CONFIG, or by Slurm (`--workers slurm`). Worker 0 is the chief: it writes the run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnpy.devices import slurm
from nnpy.errors import UsageError

TIMEOUT = 60.0  # seconds in which all workers must have come
SLURM = "slurm"
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(?P<port>\d{1,5})\Z")
_MOST = 4096  # workers


@dataclass(frozen=True)
class Cluster:
    """Where each worker listens, which one this process is, and how they know each other.

    `token` is a secret that all share; without one the list of addresses stands for it, which
    keeps two trainings apart, but no stranger out.
    """

    addresses: tuple[str, ...]
    index: int
    token: str = ""
    timeout: float = TIMEOUT

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def secret(self) -> bytes:
        return (self.token or "\n".join(self.addresses)).encode()

    def name(self, index: int) -> str:
        """A worker in words: `worker 1 (10.0.0.2:5000)`."""
        return f"worker {index} ({self.addresses[index]})"

    def tf_config(self) -> str:
        """What TensorFlow reads from its environment."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": self.addresses}, "task": task})


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of an address; `[::1]:5000` is one of IPv6. Raises UsageError."""
    match = _ADDRESS.match(address)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise UsageError(f"'{address}' is no address of a worker: expected host:port")
    return match["host"].strip("[]"), int(match["port"])


def cluster_of(
    workers: str | None,
    index: int | None,
    token: str | None = None,
    timeout: float | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Cluster | None:
    """The cluster that the options or the environment describe; None where there is none.

    Raises UsageError where they describe none that can be.
    """
    given: tuple[tuple[str, ...], int] | None
    if workers is None:
        if index is not None:
            raise UsageError("--worker-index needs --workers: the addresses of all of them")
        given = _of_tensorflow(environment.get("TF_CONFIG", ""))
        source = "TF_CONFIG"
    elif workers == SLURM:
        if index is not None:
            raise UsageError("--workers slurm: Slurm numbers the workers; remove --worker-index")
        given, source = slurm.workers(environment), "--workers slurm"
    else:
        if index is None:
            raise UsageError("--workers needs --worker-index: which of them this one is, from 0")
        given, source = (tuple(each.strip() for each in workers.split(",")), index), "--workers"
    if given is None or (workers is None and len(given[0]) < 2):
        return None
    addresses, number = given
    _check(addresses, number, source)
    return Cluster(addresses, number, token or "", TIMEOUT if timeout is None else timeout)


def _check(addresses: tuple[str, ...], index: int, source: str) -> None:
    if len(addresses) < 2:
        raise UsageError(f"{source}: expected two workers at least, got {len(addresses)}")
    if len(addresses) > _MOST:
        raise UsageError(f"{source}: {len(addresses)} workers are more than {_MOST}")
    for each in addresses:
        host_and_port(each)
    twice = next((each for each in addresses if addresses.count(each) > 1), None)
    if twice:
        raise UsageError(f"{source}: {twice} stands there twice; each worker has its own address")
    if not 0 <= index < len(addresses):
        what = "--worker-index" if source == "--workers" else f"the index in {source}"
        raise UsageError(
            f"{what} is {index}, but the {len(addresses)} workers are numbered 0 to "
            f"{len(addresses) - 1}"
        )


def _of_tensorflow(text: str) -> tuple[tuple[str, ...], int] | None:
    """What TF_CONFIG says; a task "chief" is the first worker, as TensorFlow has it."""
    if not text.strip():
        return None
    problem = "TF_CONFIG is not what TensorFlow reads there: "
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        jobs = {name: _addresses(name, each) for name, each in cluster.items()}
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{problem}{error}") from None
    others = jobs.keys() - {"chief", "worker"}
    if others or kind not in ("chief", "worker"):
        other = sorted(others)[0] if others else kind
        raise UsageError(f"TF_CONFIG has a task '{other}'; nnpy trains on a chief and workers only")
    chief = jobs.get("chief", ())
    if not jobs:
        return None
    return (*chief, *jobs.get("worker", ())), index + (len(chief) if kind == "worker" else 0)


def _addresses(job: str, listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ValueError(f"the addresses of '{job}' must be a list of texts")
    return tuple(listed)
