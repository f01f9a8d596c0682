"""What layers learned by `adapt` stands in the config, or in the file beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nnpy
from nnpy.config.yaml.dump import dump
from nnpy.models.to_config.context import Arrays
from nnpy.models.to_config.document import Document
from nnpy.models.to_config.network import network_of, new_context
from nnpy.workflows.import_model import import_model

WORDS = ["the cat", "the dog sat", "a bird", "the cat sat"]
MANY = [f"word{index} term{index % 7}" for index in range(300)]


def adapted(layer: Any, data: Any) -> Any:
    layer.adapt(np.asarray(data))
    return layer


def model_of(layer: Any, dtype: str, shape: tuple = (1,)) -> keras.Model:
    return keras.Sequential([keras.Input(shape, dtype=dtype), layer])


CASES: dict[str, tuple[Callable[[], keras.Model], Any]] = {
    "StringLookup": (
        lambda: model_of(adapted(layers.StringLookup(), [["a"], ["b"], ["b"]]), "string"),
        [["a"], ["b"], ["new"]],
    ),
    "StringLookup with a mask, two unknowns and one-hot": (
        lambda: model_of(
            adapted(
                layers.StringLookup(num_oov_indices=2, mask_token="", output_mode="multi_hot"),
                [["x"], ["y"], ["y"]],
            ),
            "string",
        ),
        [["y"], [""], ["other"]],
    ),
    "StringLookup backwards": (
        lambda: model_of(layers.StringLookup(vocabulary=["p", "q"], invert=True), "int64"),
        [[0], [1], [2]],
    ),
    "IntegerLookup": (
        lambda: model_of(adapted(layers.IntegerLookup(), [[12], [36], [36]]), "int64"),
        [[36], [12], [7]],
    ),
    "IntegerLookup of many": (
        lambda: model_of(adapted(layers.IntegerLookup(), np.arange(500).reshape(-1, 1)), "int64"),
        [[499], [3], [7000]],
    ),
    "TextVectorization": (
        lambda: model_of(adapted(layers.TextVectorization(), WORDS), "string"),
        [["the bird"], ["a whale"]],
    ),
    "TextVectorization of many": (
        lambda: model_of(
            adapted(layers.TextVectorization(output_sequence_length=3), MANY), "string"
        ),
        [["word17 term4"], ["none"]],
    ),
    "TextVectorization by tf-idf": (
        lambda: model_of(
            adapted(layers.TextVectorization(output_mode="tf_idf", max_tokens=20), WORDS), "string"
        ),
        [["the bird"], ["a whale"]],
    ),
    "StringLookup by tf-idf of many": (
        lambda: model_of(
            adapted(
                layers.StringLookup(output_mode="tf_idf"),
                [[word, "all"] for word in (f"w{index}" for index in range(200))],
            ),
            "string",
            (2,),
        ),
        [["w3", "all"], ["w9", "new"]],
    ),
    "Discretization": (
        lambda: model_of(
            adapted(layers.Discretization(num_bins=3), np.arange(30.0).reshape(-1, 1)), "float32"
        ),
        [[1.0], [15.0], [99.0]],
    ),
    "Discretization of many bins": (
        lambda: model_of(
            layers.Discretization(bin_boundaries=[float(each) for each in range(0, 3000, 10)]),
            "float32",
        ),
        [[1.0], [1500.0], [9999.0]],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_comes_back_with_what_it_learned(name: str, tmp_path: Path) -> None:
    make, examples = CASES[name]
    original = make()
    context = new_context(Arrays("config.npz"))
    content = {"data": {"name": None}, "model": network_of(original, context)}
    Document(content, [], "config.npz", context.arrays.members).write_arrays(tmp_path)
    place = tmp_path / "config.yaml"
    place.write_text(dump(content), encoding="utf-8")
    built = nnpy.build(place)
    examples = tf.constant(examples)
    one, other = original(examples), built(examples)
    assert np.array_equal(np.asarray(one), np.asarray(other)), (one, other)
    assert (tmp_path / "config.npz").exists() == ("many" in name)
    assert len(place.read_text(encoding="utf-8")) < 2000


@pytest.mark.parametrize("name", ["TextVectorization of many", "IntegerLookup", "Discretization"])
def test_what_was_learned_comes_out_of_a_saved_file(name: str, tmp_path: Path) -> None:
    make, examples = CASES[name]
    original = make()
    original.save(tmp_path / "model.keras")
    _, notes = import_model(tmp_path / "model.keras", tmp_path / "config.yaml")
    assert not any("not the same" in each for each in notes), notes
    built = nnpy.build(tmp_path / "config.yaml")
    examples = tf.constant(examples)
    assert np.array_equal(np.asarray(original(examples)), np.asarray(built(examples)))


def test_the_mean_that_a_normalization_learned_is_told() -> None:
    context = new_context()
    layer = adapted(layers.Normalization(), [[2.0, 40.0], [4.0, 60.0]])
    network_of(model_of(layer, "float32", (2,)), context)
    assert "mean: [3, 50], variance: [1, 100]" in context.notes[0]
    context = new_context()
    network_of(model_of(layers.Normalization(), "float32", (2,)), context)
    assert context.notes == []


def test_a_layer_that_learned_nothing_stays_so() -> None:
    keras.backend.clear_session()
    model = model_of(layers.StringLookup(max_tokens=9), "string")
    assert network_of(model)["layers"] == [{"StringLookup": {"max_tokens": 9}}]
