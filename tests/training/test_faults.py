"""A run folder that is disturbed while it is trained in, or came from elsewhere, harms nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import nnpy
from nnpy import api
from nnpy.engine import engine
from nnpy.errors import Interrupted, NnpyError, RunError
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.training.state_store import read_state
from nnpy.workflows.verify import digests
from tests.support.faults import Fault, failing_disk

pytestmark = pytest.mark.usefixtures("without_report")


class Stopped(Interrupted):
    pass


class Listener(ProgressListener):
    """Does something after an epoch, or when the run has begun (0), and keeps what was said."""

    def __init__(self, at: int, act=None) -> None:
        self.at, self.act, self.said = at, act, []

    def on_message(self, message: str) -> None:
        self.said.append(message)

    def on_start(self, run: Run) -> None:
        if self.at == 0:
            raise Stopped("stopped")

    def on_epoch_end(self, epochs, row, best) -> None:
        if row["epoch"] == self.at:
            if self.act is None:
                raise Stopped("stopped")
            self.act()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine.Engine, "_chunk_length", lambda self, kind: 5)
    yield


@pytest.fixture(scope="module")
def config(tiny_config: dict) -> dict:
    training = {"epochs": 3, "batch_size": 100, "checkpoint_minutes": 0, "execution": "graph"}
    return {**tiny_config, "training": training}


@pytest.fixture(scope="module")
def whole(config: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digests(nnpy.train(config, run_dir=str(tmp_path_factory.mktemp("whole") / "run")).folder)


@pytest.fixture(scope="module")
def left(config: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after its second epoch; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("left") / "run"
    with pytest.raises(Interrupted):
        nnpy.train(config, run_dir=str(folder), listener=Listener(2))
    return folder


def copied(left: Path) -> Run:
    return Run(Path(shutil.copytree(left, "run")))


PLACES = [
    *(Fault("open", number, errno.EMFILE, number % 2 == 0) for number in (1, 2, 3, 4, 7)),
    *(Fault("write", number, errno.ENOSPC, number % 2 == 0) for number in (1, 2, 3, 4)),
    *(Fault("fsync", number, errno.EIO, number % 2 == 0) for number in (1, 3, 4, 5, 6)),
    *(Fault("replace", number, errno.EIO, number % 2 == 0) for number in (1, 2, 3)),
    *(Fault("mkdir", number, errno.EACCES, number % 2 == 0) for number in (1, 2, 3)),
]


def test_whatever_fails_at_the_very_start_the_same_command_starts_again(config) -> None:
    """`make stress-faults` tries them all, to the end of the training."""
    reached = 0
    for fault in PLACES:
        with failing_disk(Path("run"), fault) as disk, pytest.raises(NnpyError) as caught:
            nnpy.train(config, run_dir="run", listener=Listener(0))
        reached += bool(disk.failed)
        if not isinstance(caught.value, Stopped):
            assert "cannot be written" in str(caught.value), fault
        # Well again: the run that has begun is resumed, any other is begun by the same command.
        with pytest.raises(Stopped):
            if Run(Path("run")).is_run():
                nnpy.resume("run", listener=Listener(0))
            else:
                nnpy.train(config, run_dir="run", listener=Listener(0))
        names = {path.name for path in Path("run").rglob("*")}
        assert not any(".tmp" in name or ".replaced" in name for name in names), (fault, names)
        shutil.rmtree("run")
    assert reached == len(PLACES)


@pytest.mark.parametrize(
    "disturb",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text(path.read_text().splitlines()[0] + "\n"),
        lambda path: path.write_text("no table\n"),
    ],
)
def test_metrics_that_were_removed_are_written_anew(config, whole, disturb) -> None:
    path = Path("run/metrics.csv")
    run = nnpy.train(config, run_dir="run", listener=Listener(2, lambda: disturb(path)))
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3]
    assert digests(run.folder) == whole


def test_metrics_that_were_removed_before_a_resume(left, whole) -> None:
    run = copied(left)
    run.metrics_path.unlink()
    nnpy.resume(run)
    assert digests(run.folder) == whole


def test_the_run_folder_may_be_removed_while_it_trains(config) -> None:
    with pytest.raises(RunError, match="does not exist"):
        nnpy.train(config, run_dir="run", listener=Listener(2, lambda: shutil.rmtree("run")))
    assert not Path("run").exists()


@pytest.mark.parametrize("name", ["checkpoints", "state"])
def test_a_folder_that_was_removed_while_it_trained_is_made_anew(config, whole, name) -> None:
    def remove() -> None:
        shutil.rmtree(f"run/{name}", ignore_errors=True)

    try:
        nnpy.train(config, run_dir="run", listener=Listener(2, remove))
    except RunError:
        nnpy.resume("run")
    assert digests(Path("run")) == whole


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_thing_in_place_of_the_run_folder_stays_as_it_is(config, kind) -> None:
    def replace() -> None:
        shutil.move("run", "moved")
        if kind == "file":
            Path("run").write_text("precious")
        else:
            shutil.copytree("moved", "run")
            Path("run/config.yaml").write_text("precious")
            shutil.rmtree("run/checkpoints")

    with pytest.raises(RunError, match="cannot be written"):
        nnpy.train(config, run_dir="run", listener=Listener(2, replace))
    with contextlib.suppress(NotADirectoryError):
        assert Path("run/config.yaml").read_text() == "precious"
    if kind == "file":
        assert Path("run").read_text() == "precious"


def test_a_state_of_another_run_is_not_used(left, config, whole) -> None:
    other = {**config, "training": {**config["training"], "seed": 7}}
    with pytest.raises(Interrupted):
        nnpy.train(other, run_dir="other", listener=Listener(2))
    run = copied(left)
    shutil.rmtree(run.state_folder)
    shutil.copytree("other/state", run.state_folder)
    listener = Listener(99)
    nnpy.resume(run, listener=listener)
    assert any("is the state of another run" in message for message in listener.said)
    assert "begun again" in listener.said
    assert digests(run.folder) == whole
    newest = max(run.state_folder.glob("state-*"))
    assert read_state(newest).run == run.environment()["run"]


def test_a_run_goes_on_without_its_environment(left, whole) -> None:
    run = copied(left)
    identity = run.environment()["run"]
    run.environment_path.unlink()
    nnpy.resume(run)
    assert digests(run.folder) == whole
    assert run.environment()["run"] == identity


def test_data_are_found_from_another_folder(config, tiny, monkeypatch) -> None:
    shutil.copytree(tiny, "here/data")
    monkeypatch.chdir("here")
    data = {**config["data"], "path": "data"}
    Path("c.yaml").write_text(yaml.safe_dump({**config, "data": data}))
    nnpy.train("c.yaml", run_dir="../run")
    monkeypatch.chdir("..")
    assert nnpy.load_config("here/c.yaml").data.path == str(Path("here/data").absolute())
    told = Run(Path("run")).summary()["test"]
    assert api.evaluate("run")["metrics"] == pytest.approx(told, rel=1e-5)


@pytest.mark.parametrize(
    "name", ["log.txt", "metrics.csv", ".lock", "figures", "state", "checkpoints/best.keras"]
)
def test_a_resume_writes_through_no_link(left, name) -> None:
    run = copied(left)
    precious = Path("precious")
    path = run.folder / name
    if name in ("figures", "state"):
        precious.mkdir()
        (precious / "curves.png").write_text("precious")
        shutil.rmtree(path, ignore_errors=True)
    else:
        precious.write_text("precious")
        path.unlink(missing_ok=True)
    path.symlink_to(precious.absolute())
    for command in (nnpy.resume, api.report):
        with pytest.raises(RunError, match="is a link"):
            command(run)
    file = precious / "curves.png" if precious.is_dir() else precious
    assert file.read_text() == "precious"
    assert precious.is_file() or len(list(precious.iterdir())) == 1


def test_a_resume_changes_no_other_name_of_its_files(left, whole) -> None:
    run = copied(left)
    (run.folder / "log.txt").write_text("a log\n")
    Path("others").mkdir()
    for path in [path for path in run.folder.rglob("*") if path.is_file()]:
        os.link(path, Path("others") / path.relative_to(run.folder).as_posix().replace("/", "_"))
    before = {path.name: path.read_bytes() for path in Path("others").iterdir()}
    nnpy.resume(run)
    assert digests(run.folder) == whole
    assert {path.name: path.read_bytes() for path in Path("others").iterdir()} == before
