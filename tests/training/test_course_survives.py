"""Whatever a training does on its course, a resumed one ends with the same bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nnpy
from nnpy.engine import engine
from nnpy.errors import Interrupted, UsageError
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows.verify import digests

pytestmark = pytest.mark.usefixtures("without_report")

CODE = '''
import json

import keras
import numpy as np


class Counting(keras.callbacks.Callback):
    """Has state of its own, changes the rate within an epoch, ends the training within one."""

    def __init__(self, place, stop=10**9):
        super().__init__()
        self.place, self.stop = place, stop
        self.losses = []
        self.sums = np.zeros(3)

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        self.sums += len(self.losses)
        if len(self.losses) % 7 == 0:
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate * 0.9
        if len(self.losses) == self.stop:
            self.model.stop_training = True

    def on_test_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(sum(self.model.history.history.get("loss", [0.0])))

    def on_train_end(self, logs=None):
        with open(self.place, "w") as file:
            json.dump([self.losses, self.sums.tolist(), logs], file)
'''
DENSE = [
    "Flatten",
    {"Dense": {"units": 8, "activation": "relu"}},
    {"Dropout": {"rate": 0.3}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]
STATEFUL = {
    "inputs": {"rows": {"shape": [28, 28], "batch_size": 40}},
    "layers": [
        {"GRU": {"units": 4, "stateful": True}},
        {"Dense": {"units": 10, "activation": "softmax"}},
    ],
}
AVERAGED = {"SGD": {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.9}}
KINDS: dict[str, dict[str, Any]] = {
    "averages": {"optimizer": AVERAGED},
    "swapped": {
        "optimizer": AVERAGED,
        "callbacks": [{"SwapEMAWeights": {"swap_on_epoch": True}}],
    },
    "own": {"callbacks": [{"Counting": {"place": "?"}}]},
    "own that stops": {"callbacks": [{"Counting": {"place": "?", "stop": 33}}]},
    "stateful": {"shuffle": False},
    "many epochs in a pass": {"steps_per_epoch": 8, "validation_freq": 2, "epochs": 6},
    "an epoch over passes": {"steps_per_epoch": 17, "validation_freq": [1, 3]},
}


class Stopper(ProgressListener):
    """Ends a training after a chunk of an epoch, or after an epoch."""

    def __init__(self, epoch: int, chunk: int | None = None) -> None:
        self.at, self.left = epoch, chunk

    def on_chunk_end(self, epoch, epochs, step, steps, logs) -> None:
        if epoch == self.at and self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Interrupted("stopped")

    def on_epoch_end(self, epochs, row, best) -> None:
        if self.left is None and row["epoch"] == self.at:
            raise Interrupted("stopped")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five steps a chunk, whatever the clock says."""
    monkeypatch.setattr(engine.Engine, "_chunk_length", lambda self, kind: 5)


def config_of(kind: str, tiny: Path, folder: Path) -> tuple[dict, Path]:
    """The config, and the file that its own callback writes at the end."""
    (folder / "own.py").write_text(CODE)
    place = folder / "counted.json"
    text = json.dumps(KINDS[kind]).replace('"?"', json.dumps(str(place)))
    training = {"epochs": 4, "batch_size": 40, "checkpoint_minutes": 0, "execution": "graph"}
    return {
        **({"code": str(folder / "own.py")} if "Counting" in text else {}),
        "data": {"name": "idx", "path": str(tiny), "validation_split": 0.2},
        "model": STATEFUL if kind == "stateful" else DENSE,
        "training": {**training, **json.loads(text)},
    }, place


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_as_the_undisturbed_one(kind, tiny, tmp_path) -> None:
    config, place = config_of(kind, tiny, tmp_path)
    whole = nnpy.train(config, run_dir=str(tmp_path / "whole"))
    expected, counted = digests(whole.folder), place.read_bytes() if place.exists() else b""
    # The own callback that stops does so within its third epoch, after the 33rd call.
    for number, where in enumerate([(1, 1), (2,), (3, 0)]):
        folder = tmp_path / f"run-{number}"
        with pytest.raises(Interrupted):
            nnpy.train(config, run_dir=str(folder), listener=Stopper(*where))
        nnpy.resume(folder)
        assert digests(folder) == expected, where
        assert (place.read_bytes() if place.exists() else b"") == counted


def test_a_longer_training_has_the_past_of_a_shorter_one(tiny, tmp_path) -> None:
    """The raw weights are there still, though the averages were what the run ended with."""
    for kind in ("averages", "swapped"):
        config, _ = config_of(kind, tiny, tmp_path)
        whole = nnpy.train(config, run_dir=str(tmp_path / f"{kind}-whole"))
        short = {**config, "training": {**config["training"], "epochs": 2}}
        run = nnpy.train(short, run_dir=str(tmp_path / f"{kind}-short"))
        nnpy.resume(run, overrides=["training.epochs=4"])
        assert digests(run.folder) == digests(whole.folder)


def test_more_patience_takes_up_a_training_that_was_ended_early(tiny, tmp_path) -> None:
    config, _ = config_of("averages", tiny, tmp_path)
    stopping = {"monitor": "val_loss", "min_delta": 9.0, "patience": 1}
    config["training"] |= {"epochs": 5, "callbacks": [{"EarlyStopping": stopping}]}
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    assert run.summary()["stopped"] == {"by": "EarlyStopping", "epoch": 2}
    with pytest.raises(UsageError) as caught:
        nnpy.resume(run, overrides=["training.epochs=9"])
    assert "EarlyStopping ended it after epoch 2 of 5: more epochs alone change" in str(
        caught.value
    )
    patience = "training.callbacks.0.EarlyStopping.patience"
    assert f"--set {patience}=7" in str(caught.value)
    with pytest.raises(UsageError, match="cannot change its past"):
        nnpy.resume(run, overrides=["training.epochs=9", f"{patience}=0"])
    nnpy.resume(run, overrides=[f"{patience}=3"])
    stopping["patience"] = 3
    whole = nnpy.train(config, run_dir=str(tmp_path / "whole"))
    assert run.summary()["epochs"] == whole.summary()["epochs"] == 4
    assert digests(run.folder) == digests(whole.folder)


def test_an_epoch_that_is_not_validated_has_gaps(tiny, tmp_path) -> None:
    config, _ = config_of("many epochs in a pass", tiny, tmp_path)
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    header = run.metrics_path.read_text().splitlines()[0]
    assert header == "epoch,seconds,loss,accuracy,val_loss,val_accuracy,learning_rate"
    validated = [int(row["epoch"]) for row in run.metrics() if "val_loss" in row]
    assert validated == [2, 4, 6]
    assert Run(run.folder).summary()["best_epoch"] in validated
