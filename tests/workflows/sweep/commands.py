"""`nnpy sweep` as a process of its own, with its children, on a search with one best answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nnpy.runs.folder import Run
from tests.conftest import ROOT

PATIENCE = 600.0


def config(tiny: Path, folder: Path) -> Path:
    file = folder / "c.yaml"
    file.write_text(f"""\
data: {{name: idx, path: {tiny}, validation_split: 0.2}}
model:
  - Flatten
  - Dense: {{units: 16, activation: relu}}
  - Dense: {{units: 10, activation: softmax}}
training: {{epochs: 4, batch_size: 20, optimizer: {{SGD: {{learning_rate: 0.1}}}}}}
sweep:
  trials: 12
  search:
    training.optimizer.learning_rate: [1.0e-6, 1.0e-5, 1.0e-4, 0.1]
    model.1.Dense.units: [1, 2, 32]
""")
    return file


class Command:
    """A process of `nnpy sweep c.yaml -j 2`, and those that it has begun."""

    def __init__(self, folder: Path, *more: str) -> None:
        self._log = (folder / f"said-{time.monotonic_ns()}.txt").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nnpy", "sweep", "c.yaml", "--json", *more],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NNPY_SWEEP_BEAT": "0.5"},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    @property
    def server(self) -> int | None:
        return next(children(self.process.pid), None)

    @property
    def trials(self) -> list[int]:
        return list(children(self.server)) if self.server else []

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def children(pid: int) -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after[1]) == pid and after[0] != "Z":
            yield int(place.parent.name)


def answer(said: str) -> dict[str, Any]:
    """What `--json` has printed, after all that was told."""
    told: dict[str, Any] = json.loads(said[said.index("{\n") :])
    return told


def finished(folder: Path) -> int:
    trials = folder / "sweeps" / "c" / "trials"
    count = 0
    for each in trials.glob("*/summary.json"):
        count += json.loads(each.read_text())["status"] == "finished"
    return count


def training(folder: Path) -> bool:
    """Whether a training that is not at its end has a state to go on from."""
    trials = folder / "sweeps" / "c" / "trials"
    return any(
        Run(each.parent.parent).status() == "running" for each in trials.glob("*/state/state-*")
    )
