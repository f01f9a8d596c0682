"""`training.stages`: what is written out, and what is a mistake at which place."""

from __future__ import annotations

import jsonschema
import pytest

from nnpy.catalog import catalog
from nnpy.config.load import load_config
from nnpy.config.schema import document
from nnpy.errors import ConfigError

BLOCK = {"layers": [{"Dense": {"units": 4}}, "ReLU"]}
MODEL = [
    "Flatten",
    {"Dense": {"units": 8, "name": "body"}},
    {"pair": {"name": "pair", "repeat": 2}},
    {"Model": {"name": "inner", "layers": [{"Dense": {"units": 5, "name": "a"}}]}},
    {"Dense": {"units": 10, "activation": "softmax", "name": "head"}},
]
ADAM = {"Adam": {"learning_rate": 0.01}}


def config(*stages, model=MODEL, **training) -> dict:
    given = {"optimizer": ADAM, "stages": list(stages), **training}
    given = {key: each for key, each in given.items() if each is not None}
    blocks = {"blocks": {"pair": BLOCK}} if model is MODEL else {}
    return {**blocks, "data": {"name": "fashion_mnist"}, "model": model, "training": given}


def problems(*stages, **given) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(config(*stages, **given))
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


def test_each_stage_has_its_optimizer_and_the_training_their_epochs():
    given = config({"epochs": 2, "freeze": "body"}, {"epochs": 3, "learning_rate": 0.001})
    loaded = load_config(given)
    assert loaded.training.epochs == 5
    first, second = loaded.training.stages
    assert (first.epochs, second.epochs) == (2, 3)
    assert [each.pattern for each in first.freeze] == ["body"] and not second.freeze
    assert first.optimizer.arguments == {"learning_rate": 0.01}
    assert second.optimizer.arguments == {"learning_rate": 0.001}
    assert not loaded.notes
    # As a run keeps it: more epochs are epochs of the last stage.
    resolved = loaded.resolved
    assert resolved["training"]["stages"] == [
        {"epochs": 2, "freeze": "body", "optimizer": ADAM},
        {"optimizer": {"Adam": {"learning_rate": 0.001}}},
    ]
    again = load_config(resolved, ["training.epochs=9"])
    assert [each.epochs for each in again.training.stages] == [2, 7]
    jsonschema.validate(given, document.schema(catalog.load()))
    jsonschema.validate(resolved, document.schema(catalog.load()))


def test_the_arithmetic_counts_the_steps_of_the_stage():
    decay = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "${total_steps}"}}
    loaded = load_config(
        config(
            {"epochs": 2},
            {"epochs": 3, "learning_rate": 0.5},
            {"epochs": 4, "optimizer": {"SGD": {"learning_rate": decay}}},
            optimizer={"SGD": {"learning_rate": decay, "momentum": 0.9}},
            steps_per_epoch=10,
        )
    )
    first, second, third = (each.optimizer.arguments for each in loaded.training.stages)
    assert first["learning_rate"].arguments["decay_steps"] == 20
    assert second == {"learning_rate": 0.5, "momentum": 0.9}
    assert third["learning_rate"].arguments["decay_steps"] == 40
    assert not loaded.notes


@pytest.mark.parametrize("optimizer", [None, "SGD", {"SGD": None}])
def test_a_rate_for_an_optimizer_of_any_form(optimizer):
    loaded = load_config(config({"epochs": 1, "learning_rate": 0.5}, optimizer=optimizer))
    (stage,) = loaded.training.stages
    assert stage.optimizer.name == ("SGD" if optimizer else "Adam")
    assert stage.optimizer.arguments == {"learning_rate": 0.5}


@pytest.mark.parametrize(
    "freeze",
    [
        *("body", "pair", "pair.1", "pair.*.dense", "inner", "inner/a", "*"),
        ["body", "inner/*"],
        {"inner": 1},
        {"inner": True},
        {"inner": ["a"], "body": True},
    ],
)
def test_layers_blocks_and_models_are_named(freeze):
    given = config({"epochs": 1, "freeze": freeze}, {"epochs": 1})
    load_config(given)
    jsonschema.validate(given, document.schema(catalog.load()))


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ({"epochs": 0}, "training.stages[0].epochs: expected an integer ≥ 1, got 0"),
        ({"epochs": "two"}, "training.stages[0].epochs: expected an integer ≥ 1, got 'two'"),
        ({}, "training.stages[0]: missing key 'epochs'"),
        (3, "training.stages[0]: expected {epochs: 3, freeze: …}, got 3"),
        ({"epoch": 2, "epochs": 1}, "training.stages[0]: unknown key 'epoch'; did you mean"),
        ({"epochs": 1, "freeze": "bodi"}, "training.stages[0].freeze: no layer is named 'bodi'; "),
        ({"epochs": 1, "freeze": ["body", "x.y"]}, "training.stages[0].freeze[1]: no layer is n"),
        ({"epochs": 1, "freeze": True}, "training.stages[0].freeze: expected "),
        ({"epochs": 1, "freeze": {"inner": 0}}, "training.stages[0].freeze.inner: expected true"),
        ({"epochs": 1, "freeze": {"inner": ["b"]}}, "training.stages[0].freeze.inner: no layer"),
        ({"epochs": 1, "learning_rate": -1}, "training.stages[0].optimizer.Adam.learning_rate: e"),
        ({"epochs": 1, "optimizer": "Adm"}, "training.stages[0].optimizer: unknown optimizer"),
        (
            {"epochs": 1, "optimizer": "SGD", "learning_rate": 0.1},
            "training.stages[0].learning_rate: the stage has an optimizer of its own",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(stage, told):
    found = problems(stage, {"epochs": 1})
    assert found[0].startswith(told), found
    assert len(found) == 1, found


def test_epochs_that_do_not_agree():
    decay = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "${total_steps}"}}
    assert len(problems({"epochs": 2}, {"epochs": 3, "learning_rate": decay}, epochs=1)) == 1
    assert len(problems({"epochs": 2}, {"learning_rate": decay}, epochs=1)) == 1
    found = problems({"epochs": 2}, {"epochs": 3}, epochs=10)
    assert found == [
        "training.epochs: the stages have 2 + 3 = 5 epochs, not 10: leave this out, or the epochs "
        "of the last stage, which then has the rest"
    ]
    found = problems({"epochs": 2}, {"freeze": "body"}, epochs=2)
    assert found[0].startswith("training.epochs: the stages before the last one have 2 epochs")
    found = problems({"epochs": 2}, {"freeze": "body"})
    assert found[0].startswith("training.stages[1]: missing key 'epochs'")


def test_a_mistake_of_the_optimizer_for_all_is_told_once():
    found = problems({"epochs": 2}, {"epochs": 3, "learning_rate": 0.1}, optimizer="Adm")
    assert found == ["training.optimizer: unknown optimizer 'Adm'; did you mean 'Adam'?"]


def test_in_a_file_it_is_the_line(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "model: [Flatten, {Dense: {units: 10, activation: softmax, name: head}}]\n"
        "training:\n"
        "  stages:\n"
        "    - {epochs: 1, freeze: heat}\n"
        "    - {epochs: 1, learning_rate: much}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "a.yaml")
    assert [(each.line, "heat" in each.message) for each in caught.value.problems] == [
        (4, True),
        (5, False),
    ]


def test_what_is_unlikely_to_be_meant_is_noted():
    base = {"weights": None, "freeze": True, "grey_to_rgb": True, "name": "base"}
    model = [
        {"Resizing": {"height": 32, "width": 32}},
        {"applications.MobileNetV3Small": base},
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    (note,) = load_config(config({"epochs": 1}, {"epochs": 1}, model=model)).notes
    assert "say `freeze: base` in the stages before" in note
    base["freeze"] = False
    # What is inside is known when it is built.
    load_config(config({"epochs": 1, "freeze": "base/conv*"}, {"epochs": 1}, model=model))
    own = {"epochs": 1, "optimizer": "SGD"}
    (note,) = load_config(config(own, own)).notes
    assert note == "training.optimizer is not used: each stage has one of its own"


def test_a_schedule_of_a_stage_and_a_callback_that_sets_the_rate():
    decay = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "${total_steps}"}}
    found = problems(
        {"epochs": 1},
        {"epochs": 1, "learning_rate": decay},
        callbacks=[{"ReduceLROnPlateau": {}}],
    )
    assert "the schedule CosineDecay sets the learning rate" in found[0]
