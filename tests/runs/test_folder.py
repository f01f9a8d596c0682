"""The run folder: made once, numbered, opened, found."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnpy.errors import RunError, UsageError
from nnpy.runs.begin import begun
from nnpy.runs.folder import Run
from nnpy.storage import lock


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(name: str, started: str, **summary: str) -> Run:
    with begun(name) as run:
        run.config_path.write_text("model: [Flatten]\n")
    run.write_json(run.environment_path, {"started": started})
    run.write_json(run.summary_path, {"status": "finished", **summary})
    return run


def test_folders_are_numbered() -> None:
    made_ones = [str(made("mlp", "2026")) for _ in range(3)]
    assert made_ones == ["runs/mlp", "runs/mlp-2", "runs/mlp-3"]


def test_the_newest_is_the_one_started_last() -> None:
    made("b", "2026-01-01T00:00:02")
    made("a", "2026-01-01T00:00:01")
    assert Run.newest().name == "b"


def test_no_run_is_said() -> None:
    with pytest.raises(UsageError, match="train one first"):
        Run.newest()
    with pytest.raises(UsageError, match="no such run"):
        Run.open("runs/x")
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="not a run folder"):
        Run.open("empty")


def test_a_run_whose_process_died_is_interrupted() -> None:
    run = made("mlp", "2026", status="running")
    with lock.locked(run.folder):
        assert run.status() == "running"
    assert run.status() == "interrupted"


def test_a_run_at_work_is_not_overwritten() -> None:
    run = made("mlp", "2026")
    again = begun("mlp", run.folder, overwrite=True)
    with lock.locked(run.folder), pytest.raises(RunError, match="another training"), again:
        pass
    assert run.is_run()


def test_damaged_json_is_said() -> None:
    run = made("mlp", "2026")
    run.summary_path.write_text("{")
    with pytest.raises(RunError, match=r"summary\.json cannot be read"):
        run.summary()
