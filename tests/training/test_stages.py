"""A training in stages: what each trains, beside plain Keras, and left at any place."""

from __future__ import annotations

import copy
import os
import signal
from itertools import pairwise

import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.data import registry
from nnpy.engine import Engine, permutation
from nnpy.errors import ConfigError, Interrupted, UsageError
from nnpy.models.stages import Stages
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows import train
from nnpy.workflows.session import Session

BATCH = 60
STAGES = [
    {"epochs": 2, "freeze": "body", "optimizer": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}}},
    {"epochs": 2, "learning_rate": 0.001},
]


class Listener(ProgressListener):
    """Hears what is said; with `leave`, gives a signal within that epoch, once."""

    def __init__(self, leave: int = 0) -> None:
        self.messages: list[str] = []
        self.leave, self.totals = leave, []

    def on_message(self, message: str) -> None:
        self.messages.append(message)

    def on_chunk_end(self, epoch, epochs, step, steps, logs) -> None:
        self.totals.append(epochs)
        if epoch == self.leave and step == 3:
            self.leave = 0
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def config(tiny_config: dict, monkeypatch) -> dict:
    monkeypatch.setattr(Engine, "_chunk_length", lambda self, kind: 1)  # heard after every step
    made = copy.deepcopy(tiny_config)
    made["data"]["augment"] = [{"RandomFlip": {"mode": "horizontal"}}]
    made["model"] = [
        "Flatten",
        {"Dense": {"units": 16, "activation": "relu", "name": "body"}},
        {"BatchNormalization": {"name": "norm"}},
        {"Dropout": {"rate": 0.2}},
        {"Dense": {"units": 10, "activation": "softmax", "name": "head"}},
    ]
    made["training"] = {
        "batch_size": BATCH,
        "execution": "graph",
        "optimizer": {"Adam": {"learning_rate": 0.01}},
        "stages": copy.deepcopy(STAGES),
    }
    return made


def trained(config: dict, folder, **arguments) -> Run:
    return train.train_config(load_config(config), run_dir=str(folder), final=False, **arguments)


def weights(run: Run) -> list[np.ndarray]:
    return keras.saving.load_model(run.last_path).get_weights()


def assert_same(one: Run, other: Run) -> None:
    for first, second in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(first, second)
    assert [{**row, "seconds": 0} for row in one.metrics()] == [
        {**row, "seconds": 0} for row in other.metrics()
    ]
    assert one.summary()["stages"] == other.summary()["stages"]


def test_left_in_each_stage_and_made_longer_to_the_bit(config, tmp_path):
    longer = copy.deepcopy(config)
    longer["training"]["stages"][1]["epochs"] = 3
    whole = trained(longer, tmp_path / "whole")
    run, left = Run(tmp_path / "left"), Listener(leave=2)
    with pytest.raises(Interrupted):
        trained(config, run.folder, listener=left)
    with pytest.raises(Interrupted):
        train.resume_run(run, final=False, listener=(left := Listener(leave=4)))
    assert left.leave == 0 and len(run.metrics()) == 3
    assert [each[:12] for each in left.messages if each[:5] == "stage"] == [
        "stage 1 of 2",
        "stage 2 of 2",
    ]
    train.resume_run(run, ("training.epochs=5",), final=False)
    assert_same(whole, run)
    first, second = run.summary()["stages"]
    assert first["frozen"] == ["body"] and second["frozen"] == []
    assert (first["optimizer"], second["optimizer"]) == ("SGD", "Adam")
    assert first["trainable"] == 16 * 10 + 10 + 2 * 16
    assert second["trainable"] == first["trainable"] + 784 * 16 + 16
    assert [(each["first_epoch"], each["epochs"]) for each in (first, second)] == [(1, 2), (3, 3)]
    rates = [round(row["learning_rate"], 6) for row in run.metrics()]
    assert rates == [0.1, 0.1, 0.001, 0.001, 0.001]


def test_equal_to_fit_after_fit_in_plain_keras(config, tmp_path):
    del config["data"]["augment"]
    del config["model"][3]  # Keras would draw other numbers
    listener = Listener()
    run = trained(config, tmp_path / "run", listener=listener)
    told = [each for each in listener.messages if each.startswith("stage ")]
    assert told == [
        "stage 1 of 2, epochs 1 to 2: SGD, learning rate 0.1; 202 weights learn, frozen: body",
        "stage 2 of 2, epochs 3 to 4: Adam, learning rate 0.001; 12,762 weights learn, "
        "frozen: nothing",
    ]
    assert {*listener.totals} == {4}
    checked = load_config(config)
    model = Session(checked, read=False).build_model()
    data = registry.load(
        "idx", path=checked.data.path, validation=checked.data.validation.rule, arguments={}
    ).train
    x, y = np.asarray(data.x, "float32") / np.float32(255), np.asarray(data.y)
    optimizers = [keras.optimizers.SGD(0.1, momentum=0.9), keras.optimizers.Adam(0.001)]
    for epoch in range(4):
        if epoch in (0, 2):
            model.get_layer("body").trainable = epoch > 0
            model.compile(
                optimizer=optimizers[epoch // 2],
                loss="sparse_categorical_crossentropy",
                metrics=["accuracy"],
            )
        order = permutation(0, epoch, len(x))
        model.fit(x[order], y[order], batch_size=BATCH, shuffle=False, verbose=0)
    for one, other in zip(weights(run), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_early_stopping_ends_its_stage(config, tmp_path):
    stop = {"monitor": "loss", "min_delta": 10.0, "patience": 1, "restore_best_weights": True}
    config["training"]["callbacks"] = [
        {"EarlyStopping": stop},
        {"ReduceLROnPlateau": {"monitor": "loss", "patience": 1, "min_delta": 10.0}},
        {"CSVLogger": {"filename": "log.csv"}},
    ]
    config["training"]["stages"][0]["epochs"] = 5
    config["training"]["stages"][1]["epochs"] = 4
    listener = Listener()
    whole = trained(config, tmp_path / "whole", listener=listener)
    summary = whole.summary()
    first, second = summary["stages"]
    assert first["ended_by"] == "EarlyStopping" and first["epochs"] < first["planned"] == 5
    assert second["first_epoch"] == first["epochs"] + 1
    assert summary["stopped"]["by"] == "EarlyStopping"
    assert summary["epochs"] == first["epochs"] + second["epochs"] == len(whole.metrics())
    assert {*listener.totals} == {9, first["epochs"] + 4}
    assert len((whole.folder / "log.csv").read_text().splitlines()) == 1 + summary["epochs"]
    with pytest.raises(UsageError, match="EarlyStopping ended it after epoch"):
        train.resume_run(whole, final=False)
    run = Run(tmp_path / "left")
    with pytest.raises(Interrupted):
        trained(config, run.folder, listener=Listener(leave=first["epochs"] + 1))
    train.resume_run(run, final=False)
    assert_same(whole, run)


def test_a_finished_run_with_a_stage_that_ended_early(config, tmp_path):
    config["training"]["callbacks"] = [
        {"EarlyStopping": {"monitor": "loss", "min_delta": 10.0, "patience": 1}}
    ]
    config["training"]["stages"][0]["epochs"] = 4
    config["training"]["stages"][1]["epochs"] = 1
    run = trained(config, tmp_path / "run")
    assert run.summary()["epochs"] == 3 and "stopped" not in run.summary()
    with pytest.raises(UsageError, match="is finished, after 3 epochs"):
        train.resume_run(run, final=False)
    train.resume_run(run, ("training.epochs=6",), final=False)
    assert run.summary()["epochs"] == 4


def test_nan_in_a_later_stage_goes_back_to_its_beginning(config, tmp_path):
    config["training"]["on_nan"] = "restore"
    config["training"]["stages"][1] = {"epochs": 2, "optimizer": {"SGD": {"learning_rate": 1e30}}}
    listener = Listener()
    with pytest.raises(Exception, match="it went back 5 times already"):
        trained(config, tmp_path / "run", listener=listener)
    restored = Run(tmp_path / "run").summary()["restored"]
    assert {each["after_epoch"] for each in restored} == {2}
    rates = [each["learning_rate"] for each in restored]
    assert all(later == pytest.approx(rate / 2) for rate, later in pairwise(rates))


def test_a_stage_in_which_nothing_learns_is_an_error_at_its_place(config, tmp_path):
    config["training"]["stages"][0]["freeze"] = "*"
    with pytest.raises(ConfigError) as caught:
        trained(config, tmp_path / "run")
    (problem,) = caught.value.problems
    assert problem.path == "training.stages[0]" and "nothing would learn" in problem.message
    assert not (tmp_path / "run").exists()


def test_what_the_model_freezes_is_frozen_in_every_stage(config):
    config["model"][1]["Dense"]["trainable"] = False
    inner = {"Dense": {"units": 4, "trainable": False}}
    config["model"].insert(1, {"TimeDistributed": {"layer": inner, "name": "timed"}})
    config["model"][0] = {"Reshape": {"target_shape": [28, 28]}}
    config["model"].insert(2, "Flatten")
    config["training"]["stages"] = [{"epochs": 1, "freeze": ["norm", "timed"]}, {"epochs": 1}]
    checked = load_config(config)
    model = Session(checked, read=False).build_model()
    before = [each.path for each in model.trainable_variables]
    stages = Stages(model, checked)
    stages.enter(0)
    during = [each.path for each in model.trainable_variables]
    stages.enter(1)
    assert [each.path for each in model.trainable_variables] == before
    assert during == [each for each in before if "norm" not in each]
    assert not any("body" in each or "timed" in each for each in before)
