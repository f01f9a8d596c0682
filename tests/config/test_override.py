"""`--set`: the path that every message prints, and an object's argument without its name."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config
from nnpy.errors import ConfigError

BASE = {
    "model": ["Flatten", {"Dense": {"units": 32, "activation": "relu"}}, {"Dense": {"units": 10}}],
    "training": {
        "optimizer": {"SGD": {"learning_rate": 0.1}},
        "callbacks": [{"EarlyStopping": {"patience": 2}}, "TerminateOnNaN"],
        "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
    },
}


def load(*overrides, **sections):
    return load_config({**BASE, **sections}, overrides)


@pytest.mark.parametrize("path", ["model[1].Dense.units", "model.1.Dense.units", "model[1].units"])
def test_a_place_in_a_list_is_written_both_ways(path):
    assert load(f"{path}=64").resolved["model"][1]["Dense"]["units"] == 64


def test_the_path_of_a_message_is_a_path_of_set():
    with pytest.raises(ConfigError) as error:
        load("model[1].Dense.units=0")
    path = error.value.problems[0].path
    assert path == "model[1].Dense.units"
    assert load(f"{path}=7").resolved["model"][1]["Dense"]["units"] == 7


@pytest.mark.parametrize(
    ("override", "place", "expected"),
    [
        ("optimizer.learning_rate=0.5", "optimizer", {"SGD": {"learning_rate": 0.5}}),
        ("optimizer.momentum=0.9", "optimizer", {"SGD": {"learning_rate": 0.1, "momentum": 0.9}}),
        ("optimizer.Adam.beta_1=0.8", "optimizer", {"Adam": {"beta_1": 0.8}}),
        ("callbacks[0].patience=5", 0, {"EarlyStopping": {"patience": 5}}),
        ("callbacks[1].raise_error=true", 1, {"TerminateOnNaN": {"raise_error": True}}),
        (
            "loss.ignore_class=3",
            "loss",
            {"SparseCategoricalCrossentropy": {"from_logits": True, "ignore_class": 3}},
        ),
    ],
)
def test_an_argument_is_reached_without_the_name_of_its_object(override, place, expected):
    training = load(f"training.{override}").resolved["training"]
    assert (training["callbacks"][place] if isinstance(place, int) else training[place]) == expected


@pytest.mark.parametrize("optimizer", [None, "adam", "Adam", {"Adam": {}}])
def test_the_argument_of_an_optimizer_that_has_none_yet(optimizer):
    training = {} if optimizer is None else {"optimizer": optimizer}
    found = load("training.optimizer.learning_rate=0.5", training=training).training.optimizer
    assert found.arguments == {"learning_rate": 0.5}
    assert found.name.lower() == "adam"


def test_an_activation_by_its_name_takes_an_argument():
    found = load("model[1].activation.max_value=6").resolved["model"][1]["Dense"]
    assert found["activation"] == {"relu": {"max_value": 6}}


def test_another_object_takes_the_place_of_one_in_a_list():
    found = load("model[1].EinsumDense.equation=ab,bc->ac", "model[1].output_shape=7")
    assert found.resolved["model"][1] == {
        "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 7}
    }


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model[9].units=3", "'9' is not a position from 0 to 2"),
        ("model[1].unitz=3", "unknown argument 'unitz'; did you mean 'units'?"),
        ("training.optimizer.learning_rat=1", "did you mean 'learning_rate'?"),
        ("model[x].units=3", "model[x]"),
    ],
)
def test_what_cannot_be_reached_is_told(override, said):
    with pytest.raises(ConfigError) as error:
        load(override)
    assert said in str(error.value)


def test_a_misspelt_argument_of_the_default_optimizer_is_told_as_one():
    with pytest.raises(ConfigError, match=r"'lerning_rate'; did you mean 'learning_rate'\?"):
        load_config(
            {"model": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]},
            ["training.optimizer.lerning_rate=3"],
        )


def test_a_place_in_a_list_that_the_config_leaves_out():
    model = {"model": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]}
    name = "sparse_categorical_accuracy"
    found = load_config(model, [f"training.metrics[0]={name}"]).training.metrics
    assert [each.name for each in found] == [name]
    with pytest.raises(ConfigError, match="'1' is not a position from 0 to 0"):
        load_config(model, [f"training.metrics[1]={name}"])


def test_a_parameter_of_a_block_is_reached_without_the_blocks_name():
    blocks = {"b": {"parameters": {"u": 8}, "layers": [{"Dense": {"units": "$u"}}]}}
    end = {"Dense": {"units": 10, "activation": "softmax"}}
    config = {"blocks": blocks, "model": ["Flatten", {"b": {"u": 4}}, end]}
    found = load_config(config, ["model[1].u=9"]).model.steps[1].layer
    assert found.arguments["units"] == 9


def test_outputs_by_name_are_no_arguments():
    model = {
        "inputs": {"a": {"shape": [4]}},
        "layers": [
            {"Dense": {"units": 3, "name": "x"}},
            {"Dense": {"units": 2, "from": "a", "name": "y"}},
        ],
        "outputs": ["x", "y"],
    }
    found = load("training.loss.x=mse", model=model, training={"loss": {"y": "mae"}})
    assert found.resolved["training"]["loss"] == {"y": "mae", "x": "mse"}


def test_an_object_of_own_code_that_stands_bare_takes_arguments(write):
    write(
        "own.py",
        "import keras\n\n\nclass Own(keras.layers.Layer):\n"
        "    def __init__(self, how=1, **kwargs):\n        super().__init__(**kwargs)\n",
    )
    file = write("c.yaml", "code: own.py\nmodel: [Own, Flatten, {Dense: {units: 10}}]\n")
    found = load_config(file, ["model.0.Own.how=2"])
    assert found.resolved["model"][0] == {"Own": {"how": 2}}
