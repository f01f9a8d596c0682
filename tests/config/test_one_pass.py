"""A mistake hides no other: what goes together is checked wherever its parts were read."""

from __future__ import annotations

from typing import Any

import pytest

from nnpy.config.load import load_config
from nnpy.config.soundness import Soundness
from nnpy.errors import ConfigError

MODEL = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]


def paths(config: dict[str, Any], *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(config, overrides)
    return sorted(each.path for each in caught.value.problems)


def training(**settings: Any) -> dict[str, Any]:
    return {"model": MODEL, "training": settings}


def test_misfits_are_told_beside_mistakes_in_other_parts():
    config = training(
        loss="mse",
        metrics=["acuracy", "Precision"],
        callbacks=[
            {"EarlyStopping": {"monitor": "val_acc", "patiense": -1}},
            {"EarlyStopping": {"monitor": "val_acc"}},
            {"CSVLogger": {"filename": "metrics.csv"}},
        ],
        class_weight={12: 1.0},
        epochs=-1,
    )
    config["model"] = ["Flatten", {"Dense": {"unit": "abc"}}, *MODEL[1:]]
    assert paths(config) == [
        "model[1].Dense",
        "model[1].Dense.unit",
        "training.callbacks[0].EarlyStopping",
        "training.callbacks[0].EarlyStopping.patiense",
        "training.callbacks[1].monitor",
        "training.callbacks[2].filename",
        "training.class_weight",
        "training.epochs",
        "training.loss",
        "training.metrics[0]",
        "training.metrics[1]",
    ]


def test_a_model_that_cannot_be_read_hides_nothing_of_the_training():
    config = training(monitor="val_acc", metrics=["acuracy"], callbacks=["SwapEMAWeights"])
    assert paths({**config, "model": 5}) == [
        "model",
        "training.callbacks[0]",
        "training.metrics[0]",
        "training.monitor",
    ]
    # The names of its outputs would stand in front.
    config = training(monitor="val_digit_accuracy")
    assert paths({**config, "model": 5}) == ["model"]


def test_what_a_misspelt_name_holds_is_read_as_what_it_means():
    assert paths({"modle": MODEL, "trainig": {"epochs": -1}}) == ["", "", "training.epochs"]
    found = paths(training(optimizer={"Adm": {"learning_rat": 1.0}}))
    assert found == ["training.optimizer", "training.optimizer.Adm"]
    # Far from any name, nothing is said of it.
    assert paths({"model": [{"Xyz": {"units": "a"}}, *MODEL]}) == ["model[0]"]


def test_what_depends_on_a_mistake_is_not_told():
    assert paths(training(los="mse")) == ["training"]
    assert paths({**training(), "data": {"label": "one_hot"}}) == ["data"]
    last = {"Dense": {"units": "ten", "activation": "sigmoid"}}
    assert paths({"model": ["Flatten", last]}) == ["model[1].Dense.units"]
    assert paths({"model": ["Flatten", "Dens"]}) == ["model[1]"]
    unread = training(metrics=["nothing_like_it"], monitor="val_nothing_like_it")
    assert paths(unread) == ["training.metrics[0]"]
    stopping = {"EarlyStopping": {"monitor": "val_f1"}}
    assert paths(training(callbacks=["Qqq", stopping])) == ["training.callbacks[0]"]
    split = {**training(callbacks=["EarlyStopping"]), "data": {"validation_split": 2}}
    assert paths(split) == ["data.validation.split"]


def test_an_override_that_finds_no_place_hides_nothing():
    assert paths(training(epochs=-1), "model.7=3") == ["model.7", "training.epochs"]


def test_ranges_are_told_beside_a_misspelt_layer():
    bright = {"RandomBrightness": {"factor": 0.2}}
    config = {"model": [bright, "Flaten", *MODEL[1:]]}
    assert paths(config) == ["model[0].RandomBrightness", "model[1]"]
    assert paths({"model": [{"Rescalling": {"scale": 0.004}}, bright, *MODEL]}) == ["model[0]"]


def test_own_code_that_cannot_be_read_makes_no_other_mistakes(tmp_path):
    (tmp_path / "own.py").write_text("class Scale:\n    x = (\n")
    config = {"code": str(tmp_path / "own.py"), "model": ["Scale", *MODEL]}
    assert paths(config) == [""]


def test_parts_of_parts():
    sound = Soundness()
    sound.mistake("training.metrics[1].AUC")
    assert not sound("training.metrics[1]") and not sound("training")
    assert sound("training.metrics[10]") and sound("training.metrics[1].AUC.curve")
    sound.spoil("data")
    assert not sound("data.labels")
    sound.mistake("training.metrics[1].AUC.curve")
    sound.mistake("training.metrics[12]")
    assert sorted(sound.under("training.metrics[1]")) == [
        "training.metrics[1].AUC",
        "training.metrics[1].AUC.curve",
    ]
    assert sorted(sound.under(""))[0] == "data" and not [*sound.under("training.loss")]
