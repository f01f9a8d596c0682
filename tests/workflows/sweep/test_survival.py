"""A sweep killed by SIGKILL on the way, and its processes: none of its trials lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nnpy.config.load import load_config
from nnpy.runs.folder import Run
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc"),
]
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


def check(told: dict, folder: Path) -> None:
    assert [each["number"] for each in told["trials"]] == list(range(12))
    assert {each["state"] for each in told["trials"]} == {"complete"}
    assert len({json.dumps(each["values"]) for each in told["trials"]}) == 12
    seeds = set()
    for each in told["trials"]:
        run = Run(folder / each["runs"][0])
        assert run.summary()["status"] == "finished"
        assert [row["epoch"] for row in run.metrics()] == [1, 2, 3, 4]
        best = run.metrics()[run.summary()["best_epoch"] - 1]
        assert each["value"] == best["val_accuracy"]
        seeds.add(load_config(run.config_path).training.seed)
    assert len(seeds) == 12
    assert len(list((folder / "sweeps" / "c" / "trials").iterdir())) == 12
    best = told["best"]["values"]
    assert best == {"training.optimizer.learning_rate": 0.1, "model.1.Dense.units": 32}
    assert load_config(folder / "sweeps" / "c" / "best.yaml").training.epochs == 4


def test_killed_three_times_it_ends_with_all_its_trials(tiny, tmp_path):
    config(tiny, tmp_path)
    first = Command(tmp_path, "-j", "2")  # its main process is killed
    first.wait_until(lambda: finished(tmp_path) >= 2 and training(tmp_path))
    left = [first.server, *first.trials]
    first.kill()

    second = Command(tmp_path, "-j", "2")  # a trial is killed, then all there is
    second.wait_until(lambda: finished(tmp_path) >= 4 and bool(second.trials))
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)
    os.kill(second.trials[0], signal.SIGKILL)
    second.wait_until(lambda: finished(tmp_path) >= 7 and bool(second.trials))
    everyone = [second.server, *second.trials]
    second.kill()
    for pid in everyone:
        if pid and Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)

    third = Command(tmp_path, "-j", "2")  # the server is killed
    third.wait_until(lambda: finished(tmp_path) >= 9 and bool(third.trials))
    if third.server:
        os.kill(third.server, signal.SIGKILL)
    assert third.process.wait(PATIENCE) == 0, third.said()
    told = json.loads(third.said()[third.said().index("{\n") :])
    check(told, tmp_path)


def test_interrupted_by_the_terminal_it_goes_on(tiny, tmp_path):
    config(tiny, tmp_path)
    first = Command(tmp_path, "-j", "2", "--set", "sweep.trials=3")
    first.wait_until(lambda: bool(first.trials) and training(tmp_path))
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(PATIENCE) == 130
    assert "the same command goes on" in first.said()
    second = Command(tmp_path, "-j", "2", "--set", "sweep.trials=3")
    assert second.process.wait(PATIENCE) == 0, second.said()
    told = json.loads(second.said()[second.said().index("{\n") :])
    assert told["counts"]["complete"] == 3
