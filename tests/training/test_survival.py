"""A run that was stopped, however and wherever, ends as if it had not been."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import nnpy
from nnpy.engine import engine
from nnpy.errors import Interrupted, NnpyError, RunError, UsageError
from nnpy.runs.folder import Run
from nnpy.training import trainer
from nnpy.training.progress import ProgressListener
from nnpy.workflows.verify import digests
from tests.conftest import ROOT, Command

pytestmark = pytest.mark.usefixtures("without_report")

Nnpy = Command


@pytest.fixture(scope="module")
def config(tiny: Path) -> dict:
    return {
        "data": {"name": "idx", "path": str(tiny), "validation_split": 0.2},
        "model": [
            "Flatten",
            {"Dense": {"units": 16, "activation": "relu"}},
            "BatchNormalization",
            {"Dropout": {"rate": 0.3}},
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
        "training": {
            "epochs": 4,
            "batch_size": 20,
            "checkpoint_minutes": 0,
            "execution": "graph",
            "callbacks": [
                {"ReduceLROnPlateau": {"monitor": "val_loss", "patience": 1, "min_delta": 0.2}},
                {"EarlyStopping": {"monitor": "val_loss", "patience": 9}},
            ],
        },
    }


@pytest.fixture(scope="module")
def whole(config: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the undisturbed training ends with."""
    run = nnpy.train(config, run_dir=str(tmp_path_factory.mktemp("whole") / "run"))
    assert len(run.metrics()) == 4
    return digests(run.folder)


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five steps a chunk: where the clock would cut depends on the machine's mood."""
    monkeypatch.setattr(engine.Engine, "_chunk_length", lambda self, kind: 5)


class Stopper(ProgressListener):
    """Ends a training at an epoch, or after some chunks of it; keeps what it was told."""

    def __init__(self, epoch: int, chunk: int | None = None, error: BaseException | None = None):
        self.at, self.left = epoch, chunk
        self.error = error or Interrupted("stopped")
        self.said: list[str] = []

    def on_message(self, message: str) -> None:
        self.said.append(message)

    def on_chunk_end(self, epoch, epochs, step, steps, logs) -> None:
        if epoch == self.at and self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise self.error

    def on_epoch_end(self, epochs, row, best) -> None:
        if self.left is None and row["epoch"] == self.at:
            raise self.error


def stopped(config: dict, folder: Path, *where: int) -> Run:
    with pytest.raises(Interrupted, match="resume with: nnpy train --resume"):
        nnpy.train(config, run_dir=str(folder), listener=Stopper(*where))
    return Run(folder)


@pytest.mark.parametrize("where", [(1, 0), (2,), (3, 2), (4, 3), (4,)])
def test_a_resumed_run_ends_as_the_undisturbed_one(config, whole, tmp_path, where) -> None:
    run = stopped(config, tmp_path / "run", *where)
    assert run.status() == "interrupted"
    before = run.metrics()
    nnpy.resume(run)
    assert run.status() == "finished"
    assert digests(run.folder) == whole
    assert run.metrics()[: len(before)] == before  # the seconds too: no row was written anew
    assert len(run.summary()["resumed"]) == 1


def test_a_run_may_be_stopped_again_and_again(config, whole, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 1, 3)
    for where in ((2, 1), (2, 2), (4, 0)):
        with pytest.raises(Interrupted):
            nnpy.resume(run, listener=Stopper(*where))
    nnpy.resume(run)
    assert digests(run.folder) == whole


def test_a_copied_run_goes_on_elsewhere(config, whole, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 3, 1)
    copied = shutil.copytree(run.folder, tmp_path / "another place" / "with another name")
    shutil.rmtree(run.folder)
    nnpy.resume(copied)
    assert digests(copied) == whole
    assert nnpy.evaluate(copied)["metrics"] == pytest.approx(Run(copied).summary()["test"])


def test_a_damaged_state_is_told_and_the_one_before_is_used(config, whole, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 4, 2)
    newest = max(run.state_folder.glob("state-*"))
    newest.write_bytes(newest.read_bytes()[:-10])
    listener = Stopper(99)
    nnpy.resume(run, listener=listener)
    assert any("is damaged" in message for message in listener.said)
    assert digests(run.folder) == whole


def test_without_any_state_it_begins_again(config, whole, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 3)
    for path in run.state_folder.iterdir():
        path.write_bytes(b"")
    nnpy.resume(run)
    assert digests(run.folder) == whole
    assert len(run.metrics()) == 4


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "after"), [(errno.ENOSPC, 1), (errno.EIO, 6), (errno.ENOSPC, 10)]
)
def test_a_failing_disk_loses_nothing(
    config, whole, tmp_path, monkeypatch, call, number, after
) -> None:
    real, left = getattr(os, call), [after]

    def failing(*args):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number))
        return real(*args)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        try:
            finished = nnpy.train(config, run_dir=str(folder)).status() == "finished"
        except NnpyError as error:
            assert "disk" in str(error)
            finished = False
    assert left[0] < 0
    run = Run(folder)
    if not run.is_run():  # it failed before there was anything to lose
        assert after < 10
        nnpy.train(config, run_dir=str(folder))
        assert digests(folder) == whole
        return
    # States are saved as time allows, so the last failure may come when all is done: then only
    # the pictures are missing.
    assert (run.status() == "finished") == finished
    if not finished:
        nnpy.resume(run)
    assert digests(folder) == whole


def test_a_deleted_folder_is_named(config, tmp_path) -> None:
    class Deleter(ProgressListener):
        def on_epoch_end(self, epochs, row, best) -> None:
            shutil.rmtree(tmp_path / "run")

    with pytest.raises(RunError, match="does not exist"):
        nnpy.train(config, run_dir=str(tmp_path / "run"), listener=Deleter())


def test_a_finished_run_may_be_made_longer(config, whole, tmp_path) -> None:
    run = nnpy.train(config, overrides=["training.epochs=2"], run_dir=str(tmp_path / "run"))
    with pytest.raises(UsageError, match="is finished, after 2 epochs"):
        nnpy.resume(run)
    with pytest.raises(UsageError, match=r"training\.seed is 0, not 1.*start a new run"):
        nnpy.resume(run, overrides=["training.epochs=4", "training.seed=1"])
    nnpy.resume(run, overrides=["training.epochs=4"])
    assert digests(run.folder) == whole
    assert yaml.safe_load(run.config_path.read_text())["training"]["epochs"] == 4


def test_epochs_that_are_done_cannot_be_undone(config, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 4)
    with pytest.raises(UsageError, match=r"has already trained 3|has already trained 4"):
        nnpy.resume(run, overrides=["training.epochs=1"])


def test_another_version_is_told_and_the_training_goes_on(config, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 2)
    told = run.environment()
    told["versions"]["tensorflow"] = "2.19.0"
    run.write_json(run.environment_path, told)
    listener = Stopper(99)
    nnpy.resume(run, listener=listener)
    assert any("tensorflow was '2.19.0'" in message for message in listener.said)
    assert run.status() == "finished"
    assert run.environment()["versions"]["tensorflow"] == "2.19.0"  # as it was begun


def test_other_data_are_refused(config, tmp_path) -> None:
    run = stopped(config, tmp_path / "run", 2)
    told = run.environment()
    told["data"] = dict.fromkeys(told["data"], "0" * 64)
    run.write_json(run.environment_path, told)
    with pytest.raises(RunError, match="the data differ from those"):
        nnpy.resume(run)


# ---------------------------------------------------------------- numbers that are none


def diverging(config: dict, **training: object) -> dict:
    optimizer = {"SGD": {"learning_rate": 1e30}}
    return {
        "data": config["data"] | {"labels": "one_hot"},
        "model": ["Flatten", {"Dense": {"units": 10}}],
        "training": {"loss": "mse", "metrics": [], "optimizer": optimizer, "epochs": 3, **training},
    }


def test_a_loss_that_is_no_number_ends_the_run_with_its_place(config, tmp_path) -> None:
    with pytest.raises(RunError, match=r"the loss became (nan|inf) in epoch 1, step"):
        nnpy.train(diverging(config), run_dir=str(tmp_path / "run"))
    run = Run(tmp_path / "run")
    assert run.status() == "failed"
    assert "learning rate is too high" in run.summary()["error"]


def test_it_may_go_back_to_the_best_state_instead(config, tmp_path) -> None:
    bad = diverging(config, on_nan="restore", optimizer={"SGD": {"learning_rate": 0.01}})

    original = trainer.Training._epoch
    spoiled = []

    def epoch(self, number, step, callbacks):  # the rate jumps after the first epoch
        original(self, number, step, callbacks)
        if number == 0 and not spoiled:
            spoiled.append(True)
            self.model.optimizer.learning_rate = 1e30

    listener = Stopper(99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Training, "_epoch", epoch)
        run = nnpy.train(bad, run_dir=str(tmp_path / "run"), listener=listener)
    assert run.status() == "finished"
    told = run.summary()["restored"]
    assert told[0]["in_epoch"] == 2
    assert told[0]["after_epoch"] == 1
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3]
    assert any("back to the weights after epoch 1" in message for message in listener.said)


# ---------------------------------------------------------------- real processes


@pytest.fixture
def slow(tmp_path: Path, config: dict) -> Callable[[], subprocess.Popen]:
    """Starts a training that takes a minute, in `tmp_path`; ready when its first state is there."""

    def start() -> subprocess.Popen:
        endless = [{"EarlyStopping": {"monitor": "val_loss", "patience": 3000}}]
        long = config | {"training": config["training"] | {"epochs": 3000, "callbacks": endless}}
        (tmp_path / "slow.yaml").write_text(yaml.safe_dump(long))
        process = subprocess.Popen(
            [sys.executable, "-m", "nnpy", "train", "slow.yaml"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        end = time.monotonic() + 60
        while not any((tmp_path / "runs").glob("slow/state/state-*")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        return process

    return start


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_training_with_its_state(nnpy: Nnpy, slow, tmp_path, number, code) -> None:
    with slow() as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == code, said
    assert "nnpy train --resume runs/slow" in said
    assert Run(tmp_path / "runs" / "slow").status() == "interrupted"


def test_the_status_is_right_while_it_runs_and_after_sigkill(nnpy: Nnpy, slow, tmp_path) -> None:
    run = Run(tmp_path / "runs" / "slow")
    with slow() as process:
        assert run.status() == "running"
        done = nnpy("train", "--resume", "runs/slow")
        assert done.returncode == 1
        assert f"process {process.pid}" in done.stderr
        process.kill()
        process.communicate()
    assert run.status() == "interrupted"
    rows = len(run.metrics())
    done = nnpy("train", "--resume", "--set", f"training.epochs={rows + 3}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "finished"
    assert [row["epoch"] for row in run.metrics()] == list(range(1, rows + 4))
    assert nnpy("train", "--resume").returncode == 2  # nothing is unfinished any more


def test_verify_proves_it(nnpy: Nnpy, config: dict, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config))
    done = nnpy("verify", "tiny.yaml", "--kills", 2, "--set", "training.epochs=40")
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.count("  equal") == 4
    assert "2 kills" in done.stdout


def test_wrong_use_of_resume(nnpy: Nnpy, tmp_path: Path) -> None:
    for arguments in (["--resume"], ["--resume", "missing"], ["--resume", ".", "x.yaml"], []):
        done = nnpy("train", *arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr
