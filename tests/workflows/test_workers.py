"""A training that several processes share, from the command to the run folder."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.local_workers import Worker, all_end, free_addresses

CONFIG = """\
data: {{name: idx, path: {data}, validation: {{split: 0.2}}}}
model:
  - Flatten
  - {{Dense: {{units: 16, activation: relu}}}}
  - BatchNormalization
  - {{Dropout: {{rate: 0.2}}}}
  - {{Dense: {{units: 10, activation: softmax}}}}
training: {{epochs: {epochs}, batch_size: 50, checkpoint_minutes: 0}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "a.yaml").write_text(CONFIG.format(data=tiny, epochs=4))
    return folder


def start(folder: Path, count: int, *arguments: object) -> list[Worker]:
    addresses = free_addresses(count)
    return [Worker(folder, addresses, index, *arguments) for index in range(count)]


def rows(run: Path) -> list[dict[str, float]]:
    with (run / "metrics.csv").open(newline="") as file:
        return [
            {key: float(value) for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    workers = start(folder, 2, "a.yaml", "--run-dir", "whole")
    assert all_end(workers) == [0, 0], workers[0].words + workers[1].words
    return folder / "whole"


def test_two_workers_learn_what_one_process_does(folder: Path, whole: Path, nnpy) -> None:
    done = nnpy("train", folder / "a.yaml", "--run-dir", folder / "one")
    assert done.returncode == 0, done.stderr
    for ours, alone in zip(rows(whole), rows(folder / "one"), strict=True):
        assert ours == pytest.approx(alone, rel=1e-4)
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["distribution"] == {"strategy": "workers", "replicas": 2, "workers": 2}
    assert_exchange(summary["exchange"], weights=784 * 16 + 16 + 2 * 16 + 160 + 10)
    assert "exchange  " in next(folder.glob("worker-0-*.log")).read_text()
    assert summary["test"] == pytest.approx(
        json.loads((folder / "one" / "summary.json").read_text())["test"], rel=1e-4
    )
    assert (whole / "report.html").is_file()
    # The others leave nothing behind, where they are started or elsewhere.
    assert {each.name for each in folder.iterdir() if each.is_dir()} == {"whole", "one"}


def assert_exchange(told: dict[str, float], weights: int) -> None:
    # The gradients, and what BatchNormalization asks for: three numbers of a feature at most,
    # forwards and backwards, and a few counts.
    assert 4 * weights < told["bytes_per_step"] <= 4 * (weights + 6 * 16 + 4)
    assert told["seconds_per_step"] > 0
    step = told["seconds_per_step"] + told["computing_seconds_per_step"]
    assert told["share"] == pytest.approx(min(1, told["seconds_per_step"] / step))


@pytest.mark.parametrize(
    ("lost", "by"),
    [
        (1, signal.SIGKILL),
        pytest.param(0, signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(1, signal.SIGSTOP, marks=pytest.mark.slow),
        pytest.param(0, signal.SIGSTOP, marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_is_lost_ends_all_and_resumed_they_end_as_undisturbed(
    folder: Path, whole: Path, lost: int, by: signal.Signals
) -> None:
    name = f"lost-{lost}-{by.name}"
    workers = start(folder, 2, "a.yaml", "--run-dir", name)
    workers[0].wait_for("epoch 2/")
    os.kill(workers[lost].process.pid, by)
    began = time.monotonic()
    other = workers[1 - lost]
    assert other.end(60) == 1, other.words
    assert time.monotonic() - began < 60
    assert f"worker {lost} (127.0.0.1:" in other.words
    assert "with --resume to go on" in other.words
    assert "Traceback" not in other.words
    workers[lost].process.kill()
    workers[lost].end()
    addresses = free_addresses(2)
    again = [
        Worker(folder, addresses, 0, "--resume", name),
        Worker(folder, addresses, 1, "--resume"),
    ]
    assert all_end(again) == [0, 0], again[0].words + again[1].words
    assert rows(folder / name) == rows(whole)
    assert _weights(folder / name) == _weights(whole)


def test_a_signal_to_one_ends_all_with_the_state_saved(folder: Path, whole: Path) -> None:
    workers = start(folder, 2, "a.yaml", "--run-dir", "asked")
    workers[0].wait_for("epoch 2/")
    workers[1].process.send_signal(signal.SIGTERM)
    assert all_end(workers) == [143, 143], workers[0].words + workers[1].words
    assert json.loads((folder / "asked/summary.json").read_text())["status"] == "interrupted"


def _weights(run: Path) -> list[bytes]:
    import keras

    model = keras.models.load_model(run / "checkpoints/last.keras", compile=False)
    return [each.tobytes() for each in model.get_weights()]
