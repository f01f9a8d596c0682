"""Callbacks are called as `model.fit` calls them, write where the run is, and fail in words."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml

import nnpy
from nnpy.config.load import load_config
from nnpy.errors import ConfigError, RunError, UsageError
from nnpy.training import callback_files
from nnpy.training.callbacks import Callbacks
from nnpy.training.progress import ProgressListener
from nnpy.workflows.seeds import train_seeds

pytestmark = pytest.mark.usefixtures("without_report")

HOOKS = [
    f"on_{kind}_{when}" for kind in ("train", "test", "predict") for when in ("begin", "end")
] + [
    *("on_epoch_begin", "on_epoch_end"),
    *(
        f"on_{kind}_batch_{when}"
        for kind in ("train", "test", "predict")
        for when in ("begin", "end")
    ),
]
CODE = f"""
import json

import keras

CALLS = []


def hearing(hook):
    def hear(self, *arguments, **named):
        logs = named.get("logs", arguments[-1] if arguments else None)
        number = [each for each in arguments if isinstance(each, int)]
        CALLS.append([hook, number, sorted(logs) if logs else logs])
        if hook == "on_train_end":
            with open(self.place, "w") as file:
                json.dump([CALLS, self.params], file)
    return hear


class Hearing(keras.callbacks.Callback):
    def __init__(self, place):
        super().__init__()
        self.place = place
        CALLS.clear()


for hook in {HOOKS!r}:
    setattr(Hearing, hook, hearing(hook))


class Failing(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        return 1 / 0


class Writing(keras.callbacks.CSVLogger):
    pass


class Exploding(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if batch == 3:
            for weights in self.model.trainable_variables:
                weights.assign(weights * float("nan"))
"""


class Heard(ProgressListener):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def on_message(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def config(tiny: Path, tmp_path: Path) -> dict:
    (tmp_path / "own.py").write_text(CODE)
    return {
        "code": str(tmp_path / "own.py"),
        "data": {"name": "idx", "path": str(tiny), "validation_split": 0.2},
        "model": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}],
        "training": {"epochs": 2, "batch_size": 120, "execution": "graph"},
    }


def with_callbacks(config: dict, *callbacks: Any, **training: Any) -> dict:
    return {**config, "training": {**config["training"], "callbacks": [*callbacks], **training}}


def test_every_hook_is_called_as_fit_calls_it(config, tmp_path) -> None:
    place = tmp_path / "calls.json"
    hearing = {"Hearing": {"place": str(place)}}
    listener = Heard()
    nnpy.train(with_callbacks(config, hearing), run_dir=str(tmp_path / "run"), listener=listener)
    ours, params = json.loads(place.read_text())

    namespace: dict[str, Any] = {}
    exec(CODE, namespace)
    model = nnpy.build(config)
    x, y = np.zeros((480, 28, 28), "float32"), np.zeros(480)
    model.fit(
        x,
        y,
        batch_size=120,
        epochs=2,
        validation_data=(x[:120], y[:120]),
        callbacks=[namespace["Hearing"](str(tmp_path / "theirs.json"))],
        verbose=0,
    )
    theirs, their_params = json.loads((tmp_path / "theirs.json").read_text())
    assert ours == theirs
    assert params == their_params
    assert [each for each in listener.messages if "Hearing is called at each of" in each]


def test_callbacks_without_batch_hooks_stop_the_engine_nowhere(tmp_path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    quiet = [
        keras.callbacks.EarlyStopping(),
        keras.callbacks.ModelCheckpoint(str(tmp_path / "a.keras")),
        keras.callbacks.BackupAndRestore(str(tmp_path / "b")),
        keras.callbacks.CSVLogger(str(tmp_path / "c.csv")),
        keras.callbacks.ReduceLROnPlateau(),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ]
    hooks = Callbacks([(None, each) for each in quiet], model, epochs=1, steps=1)
    assert not hooks.train_steps
    assert not hooks.test_steps
    assert hooks.prices(10) == []
    busy = [
        keras.callbacks.ModelCheckpoint(str(tmp_path / "a.keras"), save_freq=3),
        keras.callbacks.BackupAndRestore(str(tmp_path / "b"), save_freq=3),
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
        keras.callbacks.TerminateOnNaN(),
    ]
    hooks = Callbacks([(None, each) for each in busy], model, epochs=1, steps=1)
    assert len(hooks.train_steps.names) == 4
    assert not hooks.test_steps


def test_files_of_callbacks_lie_in_the_run_folder(config, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = with_callbacks(
        config,
        {"CSVLogger": {"filename": "logs/epochs.csv"}},
        {"Writing": {"filename": "own.csv"}},
        {"ModelCheckpoint": {"filepath": "at-{epoch}-{batch}.keras", "save_freq": 3}},
        {"ModelCheckpoint": {"filepath": "each/{epoch}.weights.h5", "save_weights_only": True}},
        {"BackupAndRestore": {"backup_dir": "backup", "delete_checkpoint": False}},
        {"CSVLogger": {"filename": str(tmp_path / "absolute.csv")}},
    )
    before = {path.name for path in tmp_path.iterdir()}
    for folder in ("runs/{a} run", "other"):
        run = nnpy.train(config, run_dir=folder)
        found = {
            str(path.relative_to(run.folder))
            for path in run.folder.rglob("*")
            if path.is_file() and path.parent.name not in ("state", "checkpoints", "code")
        }
        assert found >= {
            *("logs/epochs.csv", "own.csv", "at-1-3.keras", "at-2-2.keras"),
            *("each/1.weights.h5", "each/2.weights.h5", "backup/latest.weights.h5"),
        }
    after = {path.name for path in tmp_path.iterdir()}
    assert after - before == {"absolute.csv", "runs", "other"}


def test_tensorboard_logs_into_the_run_folder(config, tmp_path, monkeypatch) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    logging = {"log_dir": "logs", "histogram_freq": 1, "update_freq": 2, "write_images": True}
    run = nnpy.train(with_callbacks(config, {"TensorBoard": logging}), run_dir="run")
    for part in ("train", "validation"):
        assert [*(run.folder / "logs" / part).glob("events.out.tfevents.*")], part
    assert not (tmp_path / "logs").exists()


def test_orbax_keeps_its_checkpoints_in_the_run_folder(config, tmp_path, monkeypatch) -> None:
    pytest.importorskip("orbax.checkpoint")
    monkeypatch.chdir(tmp_path)
    saving = {"directory": "orbax/all", "save_on_background": False, "max_to_keep": 2}
    listener = Heard()
    run = nnpy.train(
        with_callbacks(config, {"OrbaxCheckpoint": saving}), run_dir="run", listener=listener
    )
    assert {each.name for each in (run.folder / "orbax/all").iterdir()} >= {"0", "1"}
    assert not (tmp_path / "orbax").exists()
    assert not [each for each in listener.messages if "is called at each of" in each]


def test_a_callback_that_opens_its_folder_is_made_for_the_runs(config, tmp_path) -> None:
    code = "OrbaxCheckpoint: {directory: %s}"
    for given, expected in (("a/b", tmp_path / "a/b"), ("/x", Path("/x"))):
        told = load_config(with_callbacks(config, yaml.safe_load(f"{{{code % given}}}")))
        (callback,) = told.training.callbacks
        assert callback_files.opens_at_once(callback)
        placed = callback_files.placed(callback, tmp_path)
        assert placed.arguments["directory"] == str(expected)


def test_the_backup_of_another_training_is_not_taken_up(config, tmp_path) -> None:
    backup = {"BackupAndRestore": {"backup_dir": str(tmp_path / "b"), "delete_checkpoint": False}}
    config = with_callbacks(config, backup)
    nnpy.train(config, run_dir=str(tmp_path / "one"))
    with pytest.raises(UsageError, match="the backup of another training"):
        nnpy.train(config, run_dir=str(tmp_path / "two"))


def test_what_a_callback_raises_is_told_at_its_line(config, tmp_path) -> None:
    with pytest.raises(ConfigError) as caught:
        nnpy.train(with_callbacks(config, "Failing"), run_dir=str(tmp_path / "run"))
    (problem,) = caught.value.problems
    assert problem.path == "training.callbacks[0]"
    line = CODE.splitlines().index("        return 1 / 0") + 1
    expected = f"Failing.on_epoch_end: ZeroDivisionError: division by zero (own.py, line {line})"
    assert problem.message == expected


def test_terminate_on_nan_ends_the_training_where_it_happens(config, tmp_path) -> None:
    config = with_callbacks(config, "Exploding", "TerminateOnNaN", epochs=5)
    run = nnpy.train(config, run_dir=str(tmp_path / "run"))
    assert run.summary()["stopped"] == {"by": "TerminateOnNaN", "epoch": 1}
    assert math.isnan(run.metrics()[0]["loss"])


def test_an_error_that_is_asked_for_is_no_mistake_of_the_config(config, tmp_path) -> None:
    config = with_callbacks(config, "Exploding", {"TerminateOnNaN": {"raise_error": True}})
    with pytest.raises(RunError, match="NaN or Inf loss encountered at batch 3"):
        nnpy.train(config, run_dir=str(tmp_path / "run"))


def test_each_seed_has_files_of_its_own(config, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = with_callbacks(
        config,
        {"CSVLogger": {"filename": "logs/epochs.csv"}},
        {"ModelCheckpoint": {"filepath": "at-{epoch}.weights.h5", "save_weights_only": True}},
        {"BackupAndRestore": {"backup_dir": "backup", "delete_checkpoint": False}},
        epochs=1,
    )
    before = {path.name for path in tmp_path.iterdir()}
    runs = train_seeds(load_config(config), 2, run_dir="run")
    assert {path.name for path in tmp_path.iterdir()} - before == {"run-seed0", "run-seed1"}
    logs = [(run.folder / "logs" / "epochs.csv").read_text() for run in runs]
    assert len(logs) == 2 and logs[0] != logs[1]
    for run in runs:
        assert (run.folder / "at-1.weights.h5").is_file()
        assert (run.folder / "backup" / "latest.weights.h5").is_file()


def test_a_monitor_that_only_the_training_knows_is_missed_at_once(config, tmp_path) -> None:
    code = "import keras\nclass Quiet(keras.callbacks.Callback):\n    pass\n"
    (tmp_path / "own.py").write_text(code)
    watching = {"EarlyStopping": {"monitor": "val_f1", "mode": "max"}}
    with pytest.raises(ConfigError, match=r"callbacks\[1\].*there is no metric named 'val_f1'"):
        nnpy.train(with_callbacks(config, "Quiet", watching), run_dir=str(tmp_path / "run"))


def test_averages_are_told_of(config, tmp_path) -> None:
    optimizer = {"SGD": {"learning_rate": 0.5, "use_ema": True, "ema_momentum": 0.95}}
    listener = Heard()
    config = with_callbacks(config, optimizer=optimizer, epochs=3)
    run = nnpy.train(config, run_dir=str(tmp_path / "run"), listener=listener)
    assert any("the averaged weights are validated" in each for each in listener.messages)
    summary = run.summary()
    assert summary["weights"] == "averages"
    assert nnpy.evaluate(run)["metrics"] == pytest.approx(summary["test"], rel=1e-5)
    validation = nnpy.evaluate(run, split="validation")["metrics"]
    best = run.metrics()[summary["best_epoch"] - 1]
    assert validation["loss"] == pytest.approx(best["val_loss"], rel=1e-5)
