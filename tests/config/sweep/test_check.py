"""What a sweep may try is put into the config and checked before anything is trained."""

from __future__ import annotations

from typing import Any

import pytest

from nnpy.config.load import load_config, with_values
from nnpy.config.sweep.space import words
from nnpy.errors import ConfigError

MODEL = [
    "Flatten",
    {"Dense": {"units": 16, "activation": "relu"}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]


def config(search: Any, more: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    return {"model": MODEL, "sweep": {"search": search, **settings}} | (more or {})


def problems(search: Any, more: dict[str, Any] | None = None, **settings: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(config(search, more, **settings))
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


RATE = {"training.optimizer.learning_rate": {"log": [1e-4, 1e-2]}}


def test_a_right_section_is_a_plan():
    plan = load_config(config(RATE, trials=7)).sweep
    assert plan is not None
    assert (plan.settings.trials, plan.objective, plan.mode) == (7, "val_accuracy", "max")
    assert plan.dimensions[0].as_dict() == {"float": [1e-4, 1e-2], "log": True}
    assert "sweep" not in load_config(config(RATE)).resolved


def test_the_objective_is_what_chooses_the_best_epoch():
    plan = load_config(config(RATE, {"training": {"monitor": "val_loss"}})).sweep
    assert plan is not None and (plan.objective, plan.mode) == ("val_loss", "min")


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("training.optimizer.Adam.learning_rate", {"log": [1e-4, 1e-2]}),
        ("training.optimizer", ["Adam", {"SGD": {"learning_rate": 0.1}}]),
        ("training.batch_size", {"int": [32, 512], "log": True}),
        ("training.batch_size", {"int": [32, 64], "step": 8}),
        ("model.1.Dense.units", [8, 16]),
        ("model[1].units", [8, 16]),
        ("model.1.activation", ["relu", {"leaky_relu": {"negative_slope": 0.1}}]),
        ("training.optimizer.Adam.beta_1", {"float": [0.5, 0.9], "step": 0.1}),
    ],
)
def test_paths_and_ranges_as_they_may_be_written(path, values):
    assert load_config(config({path: values})).sweep is not None


@pytest.mark.parametrize(
    ("search", "told"),
    [
        ({"training.optimzer.Adam.learning_rate": {"log": [1e-4, 1]}}, "did you mean 'optimizer'?"),
        ({"model.1.Dense.unit": [8, 16]}, "unknown argument 'unit'; did you mean 'units'?"),
        ({"model.9.Dense.units": [8, 16]}, "'9' is not a position from 0 to 2"),
        ({"model.1.units": [8, -4]}, "with -4: model[1].Dense.units: expected an integer ≥ 1"),
        ({"model.2.units": [10, 5]}, "with 5: "),  # fewer outputs than classes
        ({"training.batch_size": {"int": [0, 8]}}, "with 0: training.batch_size: expected"),
        ({"training.batch_size": {"log": [1, 8]}}, "expected an integer ≥ 1, got 1.0"),
        ({"training.batch_size": {"int": [8, 8]}}, "8 is not below 8"),
        ({"training.batch_size": {"int": [1.5, 8]}}, "expected two whole numbers"),
        ({"training.batch_size": {"int": [8]}}, "expected two whole numbers"),
        ({"training.batch_size": {"min": 1, "max": 8}}, "write {float: [LOW, HIGH]}"),
        ({"training.batch_size": {"values": [1, 2]}}, "write the choices as a list"),
        ({"training.batch_size": {"itn": [1, 2]}}, "did you mean 'int'?"),
        ({"training.batch_size": {"int": [1, 9], "step": 0.5}}, "a whole number above 0"),
        ({"training.batch_size": {"int": [1, 9], "step": 2, "log": True}}, "has no step"),
        ({"training.optimizer.learning_rate": {"log": [0, 1]}}, "begins above 0, not at 0"),
        ({"training.batch_size": 32}, "expected a list of choices"),
        ({"training.batch_size": [32]}, "expected 2 to 100 choices, got 1"),
        ({"training.batch_size": [32, 64, 32]}, "the choice 32 stands twice"),
        ({"model.1.units": [8, 9], "model[1].Dense.units": [8, 9]}, "leads to the same place"),
        (
            {
                "training.optimizer": ["Adam", {"SGD": {"momentum": 0.9}}],
                "training.optimizer.SGD.momentum": [0.1, 0.5],
            },
            "put SGD in the place of Adam: no trial would have Adam",
        ),
        ({"training.seed": [1, 2]}, "a seed of its own"),
        ({"data.validation.split": [0.1, 0.2]}, "the same validation examples"),
        ({"sweep.trials": [1, 2]}, "does not search its own settings"),
        ({}, "expected the paths to search"),
        ([1], "expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_at_its_path(search, told):
    found = problems(search)
    assert told in "\n".join(found)
    assert all(each.startswith("sweep.search") for each in found)


@pytest.mark.parametrize(
    ("more", "settings", "told"),
    [
        ({}, {"objective": "val_acc"}, "did you mean 'val_accuracy'?"),
        ({}, {"objective": "accuracy"}, "use 'val_accuracy'"),
        ({"data": {"validation_split": 0}}, {}, "no examples are held out"),
        ({"data": {"validation_split": 0}}, {"objective": "val_loss"}, "no examples are held out"),
        ({}, {"sampler": "grid"}, "a grid needs choices"),
        ({}, {"sampler": "tpee"}, "tpe"),
        ({}, {"trials": 0}, "expected an integer ≥ 1"),
        ({}, {"smapler": "tpe"}, "did you mean 'sampler'?"),
    ],
)
def test_the_other_settings(more, settings, told):
    assert told in "\n".join(problems(RATE, more, **settings))


def test_all_mistakes_are_told_at_once_with_their_places(write):
    file = write(
        "c.yaml",
        "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "training: {epochs: -1}\n"
        "sweep:\n"
        "  objective: val_acc\n"
        "  search:\n"
        "    training.batch_size: [16, 0]\n"
        "    training.bach_size: [16, 32]\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    places = [(each.line, each.column) for each in caught.value.problems]
    assert places == [(2, 20), (4, 14), (6, 31), (7, 5)]


def test_a_trial_is_worked_out_anew_from_what_was_written():
    steps = "${total_steps}"
    schedule = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": steps}}
    training = {"epochs": 2, "optimizer": {"SGD": {"learning_rate": schedule}}}
    base = load_config(config({"training.batch_size": [30, 300]}, {"training": training}))
    found = []
    for size in (30, 300):
        trial = with_values(base, {"training.batch_size": size, "training.seed": 5})
        assert (trial.training.batch_size, trial.training.seed) == (size, 5)
        optimizer = trial.resolved["training"]["optimizer"]["SGD"]
        found.append(optimizer["learning_rate"]["CosineDecay"]["decay_steps"])
        assert load_config(trial.resolved).resolved == trial.resolved
    assert found == [2 * 1800, 2 * 180]


def test_what_holds_others_is_put_first():
    search = {
        "training.optimizer.learning_rate": {"log": [1e-3, 1e-1]},
        "training.optimizer": ["Adam", "SGD"],
    }
    base = load_config(config(search))
    trial = with_values(
        base, {"training.optimizer.learning_rate": 0.05, "training.optimizer": "SGD"}
    )
    assert trial.resolved["training"]["optimizer"] == {"SGD": {"learning_rate": 0.05}}


def test_an_override_reaches_the_sweep():
    plan = load_config(config(RATE, trials=7), ["sweep.trials=3", "training.epochs=1"]).sweep
    assert plan is not None and plan.settings.trials == 3
    again = load_config(load_config(config(RATE)), ["sweep.trials=4"]).sweep
    assert again is not None and again.settings.trials == 4


def test_check_shows_the_section(nnpy, write):
    file = write(
        "c.yaml",
        "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "sweep: {search: {training.batch_size: [16, 32]}}\n",
    )
    shown = nnpy("check", file, "--show").stdout
    assert "sweep:\n  trials: 20\n" in shown and "training.batch_size: [16, 32]" in shown


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.00012345, "0.0001234"),
        (64, "64"),
        (None, "null"),
        ("gelu", "gelu"),
        ({"SGD": {"momentum": 0.9, "nesterov": True}}, "SGD momentum 0.9, nesterov true"),
        ({"SGD": None}, "SGD"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_is_told_in_words(value, told):
    assert words(value) == told
