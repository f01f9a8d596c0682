"""What a callback watches, changes, writes and needs is checked before anything runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from nnpy.config import callbacks
from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.errors import ConfigError

MODEL = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
SCHEDULE = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 1000}}


def load(*listed: Any, data: dict | None = None, code: Path | None = None, **training: Any):
    config = {"data": data or {}, "model": MODEL, "training": {"callbacks": list(listed)}}
    config["training"] |= training
    return load_config({**config, **({"code": str(code)} if code else {})})


def refused(*listed: Any, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(*listed, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    "listed",
    [
        {"EarlyStopping": {"monitor": "val_acc", "mode": "max"}},
        {"ReduceLROnPlateau": {"monitor": "val_acc"}},
        {"ModelCheckpoint": {"filepath": "a.keras", "monitor": "val_acc"}},
        {"OrbaxCheckpoint": {"directory": "/tmp/a", "monitor": "val_acc"}},
    ],
)
def test_a_misspelt_monitor_of_any_callback(listed):
    words = refused(listed)
    assert "monitor: there is no metric named 'val_acc'; did you mean 'val_accuracy'?" in words


def test_the_place_is_that_of_the_argument(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "training:\n  callbacks:\n    - EarlyStopping:\n        monitor: val_acc\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    problem = caught.value.problems[0]
    assert (problem.line, problem.column) == (5, 18)


@pytest.mark.parametrize("listed", ["EarlyStopping", "ReduceLROnPlateau"])
def test_nothing_to_watch_without_a_validation_split(listed):
    words = refused(listed, data={"validation_split": 0})
    assert f"{listed} watches 'val_loss', but there is no validation split" in words
    load({listed: {"monitor": "loss"}}, data={"validation_split": 0})
    load({"ModelCheckpoint": {"filepath": "a.keras"}}, data={"validation_split": 0})


@pytest.mark.parametrize(
    "listed",
    ["ReduceLROnPlateau", {"LearningRateScheduler": {"schedule": "rate"}}],
)
@pytest.mark.parametrize(
    "optimizer",
    [
        {"SGD": {"learning_rate": SCHEDULE}},
        {"LossScaleOptimizer": {"inner_optimizer": {"SGD": {"learning_rate": SCHEDULE}}}},
    ],
)
def test_a_rate_that_a_schedule_sets_is_nobody_elses(listed, optimizer, tmp_path):
    code = tmp_path / "own.py"
    code.write_text("def rate(epoch, rate):\n    return rate\n")
    load(listed, code=code)
    words = refused(listed, code=code, optimizer=optimizer)
    assert "the schedule CosineDecay sets the learning rate at each step" in words


def test_averages_must_be_there_to_be_swapped():
    assert "set use_ema: true of the optimizer" in refused("SwapEMAWeights")
    load("SwapEMAWeights", optimizer={"Adam": {"use_ema": True}})
    scaled = {"LossScaleOptimizer": {"inner_optimizer": {"SGD": {"use_ema": True}}}}
    load("SwapEMAWeights", optimizer=scaled)


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("ProgbarLogger", "nnpy shows the progress itself"),
        ({"ModelCheckpoint": {"filepath": "a.txt"}}, "expected a name ending in .keras or .h5"),
        (
            {"ModelCheckpoint": {"filepath": "a.keras", "save_weights_only": True}},
            "expected a name ending in .weights.h5",
        ),
        ({"ModelCheckpoint": {"filepath": "{batch}.keras"}}, "nothing is known for '{batch}'"),
        (
            {"ModelCheckpoint": {"filepath": "{val_acc:.2f}.keras"}},
            "nothing is known for '{val_acc}'; did you mean 'val_accuracy'?",
        ),
        (
            {"ModelCheckpoint": {"filepath": "{val_loss:.2f}.keras", "save_freq": 50}},
            "nothing is known for '{val_loss}'",
        ),
        (
            {"ModelCheckpoint": {"filepath": "a.keras", "save_freq": 5, "save_best_only": True}},
            "use save_freq: epoch",
        ),
        ({"CSVLogger": {"filename": "metrics.csv"}}, "'metrics.csv' is the run folder's own"),
        ({"BackupAndRestore": {"backup_dir": "state"}}, "'state' is the run folder's own"),
        ({"ModelCheckpoint": {"filepath": "./checkpoints/best.keras"}}, "the run folder's own"),
        ({"CSVLogger": {"filename": "a.csv", "separator": " ; "}}, "expected one character"),
        ({"CSVLogger": {"filename": "a.csv", "separator": ""}}, "expected one character"),
        ({"CSVLogger": {"filename": "../log.csv"}}, "leads out of the run folder"),
        ({"OrbaxCheckpoint": {"directory": "checkpoints/best.keras"}}, "the run folder's own"),
    ],
)
def test_what_cannot_be_honoured_is_refused(listed, words):
    assert words in refused(listed)


@pytest.mark.parametrize(
    "optimizer", ["Adafactor", {"LossScaleOptimizer": {"inner_optimizer": {"Adafactor": {}}}}]
)
def test_a_state_that_the_old_format_cannot_hold(optimizer):
    for name in ("a.h5", "a.weights.h5"):
        words = refused({"ModelCheckpoint": {"filepath": name}}, optimizer=optimizer)
        assert "an .h5 file cannot hold the state of Adafactor" in words
        load({"ModelCheckpoint": {"filepath": name}})
    weights = {"filepath": "a.weights.h5", "save_weights_only": True}
    load({"ModelCheckpoint": weights}, {"ModelCheckpoint": {"filepath": "a.keras"}})
    load({"ModelCheckpoint": weights}, optimizer=optimizer)


@pytest.mark.parametrize(
    "listed",
    [
        {"ModelCheckpoint": {"filepath": "at-{batch}-{loss:.3f}.keras", "save_freq": 50}},
        {"ModelCheckpoint": {"filepath": "{epoch:02d}-{val_loss:.2f}.keras"}},
        {"CSVLogger": {"filename": "logs/epochs.csv"}},
        {"CSVLogger": {"filename": "/tmp/anywhere/metrics.csv"}},
        {"TensorBoard": {"log_dir": "logs"}},
        "TerminateOnNaN",
        "History",
    ],
)
def test_what_can_be_is_not(listed):
    load(listed)


def test_what_an_own_callback_logs_may_be_watched_below_it(tmp_path):
    code = tmp_path / "own.py"
    code.write_text("import keras\nclass F1(keras.callbacks.Callback):\n    pass\n")
    watching = {"EarlyStopping": {"monitor": "val_f1", "mode": "max"}}
    load("F1", watching, code=code)
    assert "there is no metric named 'val_f1'" in refused(watching, "F1", code=code)


@pytest.mark.parametrize("watcher", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_of_what_an_own_callback_logs_the_better_way_is_asked_for(tmp_path, watcher):
    """Keras guesses it by the name, or refuses at the end of the first epoch."""
    code = tmp_path / "own.py"
    code.write_text("import keras\nclass Own(keras.callbacks.Callback):\n    pass\n")
    given = {"monitor": "val_far"}
    if watcher == "ModelCheckpoint":
        load("Own", {watcher: {**given, "filepath": "a.keras"}}, code=code)
        given |= {"filepath": "a.keras", "save_best_only": True}
    words = refused("Own", {watcher: given}, code=code)
    assert "whether a lower or higher 'val_far' is better is unknown: add mode" in words
    load("Own", {watcher: {**given, "mode": "min"}}, code=code)


@pytest.mark.parametrize("listed", ["TensorBoard", "Own", "Below"])
def test_a_missing_package_is_told_at_the_callback(monkeypatch, tmp_path, listed):
    code = tmp_path / "own.py"
    code.write_text(
        "import keras\nclass Own(keras.callbacks.TensorBoard):\n    pass\n"
        "class Below(Own):\n    pass\n"
    )
    config = load(listed, code=code)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"callbacks\[0\].*needs the package 'tensorboard'"):
        callbacks.check_installed(config.training.callbacks)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    callbacks.check_installed(config.training.callbacks)


# -- one best epoch -----------------------------------------------------------------------


def chosen(config: Config) -> tuple[str | None, str]:
    return config.training.monitor, config.training.monitor_mode


def test_the_best_epoch_is_by_the_callback_that_keeps_the_best_weights():
    stopping = {"EarlyStopping": {"monitor": "val_loss", "restore_best_weights": True}}
    config = load(stopping)
    assert chosen(config) == ("val_loss", "min")
    assert config.resolved["training"]["monitor"] == "val_loss"
    assert config.notes == ()
    assert chosen(load_config(config.resolved)) == ("val_loss", "min")


def test_a_callback_that_names_nothing_and_keeps_nothing_chooses_nothing():
    assert chosen(load("EarlyStopping")) == ("val_accuracy", "max")
    assert chosen(load("ReduceLROnPlateau")) == ("val_accuracy", "max")
    assert chosen(load({"EarlyStopping": {"monitor": "val_loss"}})) == ("val_loss", "min")


def test_two_that_choose_are_both_named():
    stopping = {"EarlyStopping": {"monitor": "val_loss", "restore_best_weights": True}}
    config = load(stopping, monitor="val_accuracy")
    assert chosen(config) == ("val_accuracy", "max")
    (note,) = config.notes
    assert "best.keras follows val_accuracy, EarlyStopping keeps the best by val_loss" in note


def test_modes_are_filled_in_from_what_is_known():
    metrics = ["FalsePositives", {"RootMeanSquaredError": {"name": "rmse"}}]
    config = load(
        {"EarlyStopping": {"monitor": "val_false_positives"}},
        {"ReduceLROnPlateau": {"monitor": "val_rmse"}},
        metrics=metrics,
        loss="categorical_crossentropy",
        data={"labels": "one_hot"},
    )
    assert [each.arguments["mode"] for each in config.training.callbacks] == ["min", "min"]


def test_an_unknown_direction_is_asked_for(tmp_path):
    code = tmp_path / "own.py"
    code.write_text("def closeness(y_true, y_pred):\n    return y_pred[:, 0]\n")
    words = refused(
        {"EarlyStopping": {"monitor": "val_closeness"}}, code=code, metrics=["closeness"]
    )
    assert "whether a lower or higher 'val_closeness' is better is unknown: add mode" in words
    load(
        {"EarlyStopping": {"monitor": "val_closeness", "mode": "max"}},
        code=code,
        metrics=["closeness"],
    )
