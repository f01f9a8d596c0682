"""The language from end to end: each kind of network is built, trained a step, saved, loaded."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy import api
from nnpy.config import load
from nnpy.errors import ConfigError
from nnpy.models.user_code import own_objects
from nnpy.safety import model_files

SIAMESE = """
model:
  inputs:
    left: {shape: [8, 8]}
    right: {shape: [8, 8]}
  layers:
    - Model: {name: encoder, layers: [Flatten, {Dense: {units: 6, activation: relu}}], from: left}
    - reuse: {layer: encoder, from: right, name: other}
    - ops.subtract: {from: [encoder, other]}
    - ops.abs
    - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, metrics: [binary_accuracy]}
"""
INCEPTION = """
blocks:
  inception:
    parameters: {filters: }
    layers:
      - Conv2D: {filters: $filters, kernel_size: 1, name: one}
      - Conv2D: {filters: $filters, kernel_size: 3, padding: same, from: input, name: three}
      - MaxPooling2D: {pool_size: 3, strides: 1, padding: same, from: input}
      - Conv2D: {filters: $filters, kernel_size: 1, name: pooled}
      - Concatenate: {from: [one, three, pooled]}
model:
  inputs: {image: {shape: [8, 8, 1]}}
  layers:
    - inception: {filters: 2, repeat: 2}
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
"""
TWO_BY_TWO = """
model:
  inputs:
    image: {shape: [8, 8]}
    meta: {shape: [3]}
  layers:
    - Flatten: {from: image}
    - Concatenate: {from: [flatten, meta], name: all}
    - Dense: {units: 10, activation: softmax, name: x}
    - Dense: {units: 1, activation: sigmoid, from: all, name: y}
  outputs: {digit: x, parity: y}
training:
  loss: {digit: sparse_categorical_crossentropy, parity: binary_crossentropy}
  metrics: {digit: [accuracy], parity: binary_accuracy}
  loss_weights: {parity: 0.5}
"""
ATTENTION = """
model:
  inputs: {rows: {shape: [8, 8]}}
  layers:
    - LSTM: {units: 8, return_sequences: true, return_state: true, name: memory}
    - MultiHeadAttention:
        {num_heads: 2, key_dim: 4, from: {query: memory.0, value: rows}, name: seen,
         call: {use_causal_mask: true}}
    - GlobalAveragePooling1D
    - Concatenate: {from: [global_average_pooling1d, memory.1, memory.2]}
    - Dense: {units: 10, activation: softmax}
"""
OWN = """
code: my_layers.py
model:
  inputs: {image: {shape: [8, 8]}}
  layers:
    - Flatten
    - Scale: {start: 0.5}
    - Dense: {units: 10, activation: steep}
    - Softmax
training: {loss: {Weighted: {weight: 2}}}
"""
MY_LAYERS = """
import keras


class Scale(keras.layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return inputs * self.factor * self.start

    def get_config(self):
        return {**super().get_config(), "start": self.start}


def steep(x):
    return keras.ops.tanh(3 * x)


class Weighted(keras.losses.Loss):
    def __init__(self, weight=1.0, name="weighted", **kwargs):
        super().__init__(name=name, **kwargs)
        self.weight = weight

    def call(self, y_true, y_pred):
        return self.weight * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}
"""


@pytest.mark.parametrize(
    "text",
    [SIAMESE, INCEPTION, TWO_BY_TWO, ATTENTION, OWN],
    ids=["siamese", "inception", "two_by_two", "attention", "own"],
)
def test_built_trained_a_step_saved_and_loaded(tmp_path, text):
    (tmp_path / "my_layers.py").write_text(MY_LAYERS)
    path = tmp_path / "net.yaml"
    path.write_text(text)
    checked = load.load_config(path)
    built = api.build(checked)
    generator = np.random.default_rng(0)
    x = [generator.random((4, *each.shape[1:]), dtype=np.float32) for each in built.inputs]
    y = generator.integers(0, 2, (4, 1))
    if checked.model.output_names:
        y = dict.fromkeys(checked.model.output_names, y)
    x = x if len(x) > 1 else x[0]
    before = [each.numpy().copy() for each in built.trainable_weights]
    built.train_on_batch(x, y)
    assert any(
        (old != new.numpy()).any() for old, new in zip(before, built.trainable_weights, strict=True)
    )
    place = tmp_path / "net.keras"
    built.save(place)
    loaded = model_files.open_model(place, own_objects(checked))
    for old, new in zip(
        keras.tree.flatten(built.predict(x, verbose=0)),
        keras.tree.flatten(loaded.predict(x, verbose=0)),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)


def test_a_shared_layer_has_its_weights_once():
    shared = {"model": ["Flatten", {"Dense": {"units": 784, "name": "d"}}]}
    shared["model"] += [{"reuse": {"layer": "d"}}, {"Dense": {"units": 10, "name": "e"}}]
    built = api.build(shared)
    assert built.count_params() == 784 * 785 + 785 * 10


def test_own_code_is_not_run_by_a_check(tmp_path):
    (tmp_path / "own.py").write_text("raise SystemExit('run')\nclass Mine:\n    pass\n")
    path = tmp_path / "net.yaml"
    path.write_text("code: own.py\nmodel: [Flatten, {Dense: {units: 10, activation: softmax}}]\n")
    assert load.load_config(path).code[0].name == "own.py"


def test_own_code_that_fails_is_told_with_its_line(tmp_path):
    (tmp_path / "fails.py").write_text("x = 1\ny = x / 0\n")
    path = tmp_path / "net.yaml"
    path.write_text("code: fails.py\nmodel: [Flatten, {Dense: {units: 10, activation: softmax}}]\n")
    with pytest.raises(ConfigError, match=r"fails.py:2:1: ZeroDivisionError"):
        api.build(path)


def test_what_only_keras_sees_inside_a_block_is_traced_to_its_line(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(
        "blocks:\n  b:\n    layers:\n      - Reshape: {target_shape: [5, 5]}\n"
        "model:\n  - Flatten\n  - b\n  - Flatten\n  - Dense: {units: 10, activation: softmax}\n"
    )
    with pytest.raises(ConfigError) as caught:
        api.build(path)
    (problem,) = caught.value.problems
    assert problem.line == 4
    assert problem.message.endswith("(in block 'b', used on line 7)")
