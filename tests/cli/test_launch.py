"""`nnpy launch` starts workers on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_run_and_the_workers_words(fresh_nnpy, tiny: Path, tmp_path: Path, write) -> None:
    write(
        "a.yaml",
        f"data: {{name: idx, path: {tiny}}}\n"
        "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "training: {epochs: 1, batch_size: 100}\n",
    )
    done = fresh_nnpy("launch", "-n", 2, "a.yaml", "--run-dir", "ours", timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ours\n"
    assert "each batch of 100 is shared by 2 devices" in done.stderr
    assert "epoch 1/1" in (tmp_path / "ours/workers/worker-1.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-n", 1, "a.yaml"], "-n"),
        (["-n", 2], "CONFIG"),
        (["-n", 2, "a.yaml", "--workers", "a:1,b:2"], "--workers is not for nnpy launch"),
        (["-n", 2, "a.yaml", "--seeds=3"], "--seeds is not for nnpy launch"),
    ],
)
def test_wrong_use_is_told(nnpy, arguments: list[object], words: str) -> None:
    done = nnpy("launch", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_config_that_is_not_there_ends_all(nnpy) -> None:
    done = nnpy("launch", "-n", 2, "nothing.yaml")
    assert done.returncode == 2
    assert "nothing.yaml: no such file" in done.stderr
    assert "worker 1 ended with exit code 2" in done.stderr
