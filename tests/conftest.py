"""What many tests share: a tiny data set, a trained run, and the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nnpy.devices import select

select.prepare_environment()  # as the command does, before any test imports TensorFlow

from tests.support.datasets import tiny_fashion_mnist  # noqa: E402
from tests.support.warm import WarmCommand  # noqa: E402

ROOT = Path(__file__).parent.parent

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small, learnable data set in the IDX format: 600 + 200 images of 28×28."""
    return tiny_fashion_mnist(tmp_path_factory.mktemp("tiny"), n_train=600, n_test=200)


@pytest.fixture(scope="session")
def tiny_config(tiny: Path) -> dict:
    """A config that trains on it in no time."""
    return {
        "data": {"name": "idx", "path": str(tiny), "validation_split": 0.2},
        "model": [
            "Flatten",
            {"Dense": {"units": 16, "activation": "relu"}},
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
        "training": {"epochs": 2, "batch_size": 50},
    }


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_config: dict) -> Iterator[Path]:
    """The folder of a finished run; tests may read it, not change it."""
    from nnpy import api

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    api.train(tiny_config, run_dir=str(folder))
    yield folder


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmCommand]:
    command = WarmCommand()
    yield command
    command.close()


@pytest.fixture
def nnpy(tmp_path: Path, warm: WarmCommand) -> Command:
    """Runs the command as a process in an empty folder: `nnpy("train", config)`."""

    def run(*arguments: object, timeout: float = 120, **environment: str) -> object:
        return warm([*map(str, arguments)], tmp_path, {**os.environ, **environment}, timeout)

    return run  # type: ignore[return-value]


@pytest.fixture
def fresh_nnpy(tmp_path: Path) -> Command:
    """The same, started as users start it: where the start is the matter."""

    def run(*arguments: object, timeout: float = 120, **environment: str) -> object:
        return subprocess.run(
            [sys.executable, "-m", "nnpy", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run  # type: ignore[return-value]


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn of a run afterwards: it takes longer than these trainings."""
    from nnpy.workflows.report import Reporter

    monkeypatch.setattr(Reporter, "draw", lambda self, *arguments: None)
    monkeypatch.setattr(Reporter, "report", lambda self, *arguments: None)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text file into the test's folder."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make
