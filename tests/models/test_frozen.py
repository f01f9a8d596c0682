"""`trainable: false` at a nested model and at a block freezes all that is inside."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

import nnpy
from nnpy.config.load import load_config
from nnpy.errors import ConfigError

INNER = ["Flatten", {"Dense": {"units": 4, "name": "a"}}, "BatchNormalization"]
BLOCK = {"layers": ["Flatten", {"Dense": {"units": "$units"}}], "parameters": {"units": 4}}
END = {"Dense": {"units": 10, "activation": "softmax"}}


def build(*layers, **blocks) -> keras.Model:
    return nnpy.build({"model": [*layers, END], **({"blocks": blocks} if blocks else {})})


def counts(model: keras.Model) -> tuple[int, int]:
    return len(model.trainable_weights), len(model.non_trainable_weights)


def test_a_nested_model(tmp_path: Path) -> None:
    model = build({"Model": {"layers": INNER, "trainable": False}})
    assert counts(model) == (2, 6)
    assert counts(build({"Model": {"layers": INNER}})) == (6, 2)
    assert counts(build({"Model": {"layers": INNER, "trainable": True}})) == (6, 2)
    model.save(tmp_path / "model.keras")
    assert counts(keras.models.load_model(tmp_path / "model.keras")) == (2, 6)


def test_a_block() -> None:
    assert counts(build({"dense": {"trainable": False}}, dense=BLOCK)) == (2, 2)
    assert counts(build({"dense": {"trainable": False, "repeat": 2}}, dense=BLOCK)) == (2, 4)
    outer = {"layers": ["dense", {"Model": {"layers": INNER}}]}
    model = build({"outer": {"trainable": False}}, dense=BLOCK, outer=outer)
    assert counts(model) == (2, 8)


def test_a_blocks_own_parameter_of_that_name_is_its_own() -> None:
    dense = {"Dense": {"units": 4, "trainable": "$trainable"}}
    block = {"layers": ["Flatten", dense, {"Dense": {"units": 3}}]}
    block["parameters"] = {"trainable": True}
    assert counts(build({"mine": {"trainable": False}}, mine=block)) == (4, 2)


def test_it_is_true_or_false() -> None:
    for layer in ({"Model": {"layers": INNER, "trainable": 3}}, {"dense": {"trainable": "no"}}):
        with pytest.raises(ConfigError, match="trainable: expected true or false"):
            load_config({"model": [layer, END], "blocks": {"dense": BLOCK}})
