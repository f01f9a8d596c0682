"""What the machine may do while it trains: its clock, its data, other processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nnpy
from nnpy.data.files import idx
from nnpy.engine import engine
from nnpy.errors import DataError, NnpyError
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows.verify import digests

pytestmark = pytest.mark.usefixtures("without_report")


class Act(ProgressListener):
    """Does something after the first epoch."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def on_epoch_end(self, epochs, row, best) -> None:
        if row["epoch"] == 1:
            self._act()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine.Engine, "_chunk_length", lambda self, kind: 5)
    yield


@pytest.fixture(scope="module")
def config(tiny: Path, tiny_config: dict, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A training that reads its data from the disk all the time."""
    folder = tmp_path_factory.mktemp("unpacked")
    for packed in tiny.glob("*.gz"):
        with idx.unpacked(packed) as stream:
            (folder / packed.stem).write_bytes(stream.read())
    return {
        "data": {**tiny_config["data"], "path": str(folder), "memory_budget": 0.1},
        "model": tiny_config["model"],
        "training": {
            "epochs": 3,
            "batch_size": 50,
            "checkpoint_minutes": 0,
            "execution": "graph",
        },
    }


@pytest.fixture(scope="module")
def whole(config: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digests(nnpy.train(config, run_dir=str(tmp_path_factory.mktemp("whole") / "run")).folder)


def backwards() -> Callable[[], float]:
    """A clock that goes back an hour each time that it is looked at."""
    times = iter(range(1_700_000_000, 0, -3600))
    return lambda: float(next(times))


@pytest.mark.parametrize(
    "clock",
    [lambda: 1000.0, backwards(), lambda: 6_000_000_000.0],
    ids=["1970, before any zip archive", "set back", "2160, after all of them"],
)
def test_the_clock_may_say_anything(config, whole, monkeypatch, clock) -> None:
    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr(
        time, "localtime", lambda now=None, real=time.localtime: real(now or clock())
    )
    run = nnpy.train(config, run_dir="run")
    assert digests(run.folder) == whole
    assert all(seconds >= 0 for seconds in run.summary()["seconds"].values())
    assert nnpy.evaluate("run")["metrics"]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.truncate(path, 1000),
        lambda path: path.write_bytes(path.read_bytes()[::-1]),
        lambda path: path.open("ab").write(b"more"),
    ],
    ids=["cut", "other", "longer"],
)
def test_data_that_are_changed_while_they_are_read(config, whole, change) -> None:
    shutil.copytree(config["data"]["path"], "data")
    path = Path("data/train-images-idx3-ubyte")
    good = path.read_bytes()
    own = {**config, "data": {**config["data"], "path": str(Path("data").absolute())}}
    with pytest.raises(DataError, match="train-images-idx3-ubyte was changed while it was in use"):
        nnpy.train(own, run_dir="run", listener=Act(lambda: change(path)))
    assert Run(Path("run")).status() == "failed"
    if path.stat().st_size != len(good):
        return  # once is enough
    with pytest.raises(NnpyError):  # other data than those it has seen
        nnpy.resume("run")
    path.write_bytes(good)
    nnpy.resume("run")
    assert digests(Path("run")) == whole


def test_data_that_are_open_may_be_removed_or_replaced(config, whole) -> None:
    shutil.copytree(config["data"]["path"], "data")

    def act() -> None:
        for path in Path("data").iterdir():
            path.unlink()
            if path.name.startswith("train"):
                path.write_bytes(b"another file")

    own = {**config, "data": {**config["data"], "path": str(Path("data").absolute())}}
    assert digests(nnpy.train(own, run_dir="run", listener=Act(act)).folder) == whole
