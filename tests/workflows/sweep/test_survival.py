"""A sweep killed by SIGKILL on the way, and its processes: none of its trials lost or doubled."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from nnpy.config.load import load_config
from nnpy.runs.folder import Run
from tests.workflows.sweep.commands import PATIENCE, Command, config, finished, training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc"),
]


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
