"""A checked model: the steps and what they take, without Keras."""

from __future__ import annotations

from nnpy.config import load
from nnpy.config.network.graph import Network

BRANCHES = """
model:
  inputs: {image: {shape: [8, 8]}, meta: {shape: [3]}}
  layers:
    - Flatten: {from: image}
    - Concatenate: {from: [flatten, meta], name: all}
    - Model: {name: head, layers: [{Bidirectional: {layer: {LSTM: {units: 2}}}}], from: image}
    - ops.abs: {from: head, name: more}
    - Dense: {units: 10, activation: softmax, name: x, from: all}
  outputs: {digit: x, other: more}
training: {loss: {digit: sparse_categorical_crossentropy, other: mse}, metrics: []}
"""


def network(tmp_path, text: str) -> Network:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return load.load_config(path).model


def test_a_stack_takes_what_the_one_before_gives(tmp_path):
    found = network(tmp_path, "model: [Flatten, {Dense: {units: 4}}, {Dense: {units: 10}}]")
    assert not found.functional
    assert [step.name for step in found.steps] == ["flatten", "dense", "dense_1"]
    assert [list(step.sources()) for step in found.steps] == [["input"], ["flatten"], ["dense"]]
    assert found.outputs == found.output_keys == ("dense_1",)


def test_branches(tmp_path):
    found = network(tmp_path, BRANCHES)
    assert found.functional
    assert [each.name for each in found.inputs] == ["image", "meta"]
    assert list(found.step("all").sources()) == ["flatten", "meta"]
    assert list(found.step("more").sources()) == ["head"]
    assert found.step("nowhere") is None
    assert found.step("all.1") is found.step("all")  # the second of its outputs
    assert found.outputs == ("x", "more")
    assert found.output_keys == ("digit", "other")


def test_kinds_are_those_of_all_layers(tmp_path):
    kinds = [name for name, _ in network(tmp_path, BRANCHES).iter_layers()]
    assert sorted(kinds) == sorted(
        ["Flatten", "Concatenate", "Bidirectional", "LSTM", "abs", "Dense"]
    )
