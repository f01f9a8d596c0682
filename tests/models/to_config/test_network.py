"""A model → a config → a model: the same layers, and the same outputs bit for bit."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

import nnpy
from nnpy.config import load
from nnpy.config.yaml import parse
from nnpy.config.yaml.dump import dump
from nnpy.errors import ModelError
from nnpy.models import build
from nnpy.models.to_config import network
from tests.support import roundtrip

FREE = {"training": {"loss": "mean_squared_error", "metrics": []}}  # of any number of outputs


def circle(original, tmp_path):
    """The section, and the model that nnpy builds from its text."""
    section = network.network_of(original)
    path = tmp_path / "imported.yaml"
    outputs = len(original.outputs)
    path.write_text(dump({"model": section, **(FREE if outputs == 1 else {})}))
    built = nnpy.build(path)
    assert type(built) is type(original)
    built.set_weights(original.get_weights())
    return section, built


def assert_same(original, built, *arrays):
    given = arrays[0] if len(arrays) == 1 else list(arrays)
    expected = keras.tree.flatten(original(given, training=False))
    found = keras.tree.flatten(built(given, training=False))
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_sequential_without_defaults_and_names(tmp_path):
    keras.backend.clear_session()
    original = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="picture"),
            layers.Conv2D(4, (3, 3), strides=(2, 2), padding="same", activation="relu"),
            layers.Conv2D(4, (3, 1), kernel_regularizer=keras.regularizers.L2(0.5)),
            layers.BatchNormalization(trainable=False),
            layers.Flatten(),
            layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(seed=3)),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    section, built = circle(original, tmp_path)
    assert section == {
        "inputs": {"picture": {"shape": [8, 8, 1]}},
        "layers": [
            {
                "Conv2D": {
                    "filters": 4,
                    "kernel_size": 3,
                    "strides": 2,
                    "padding": "same",
                    "activation": "relu",
                }
            },
            {
                "Conv2D": {
                    "filters": 4,
                    "kernel_size": [3, 1],
                    "kernel_regularizer": {"L2": {"l2": 0.5}},
                }
            },
            {"BatchNormalization": {"trainable": False}},
            "Flatten",
            {"Dense": {"units": 3, "kernel_initializer": {"HeNormal": {"seed": 3}}}},
            {"Dense": {"units": 2, "activation": "softmax", "name": "answer"}},
        ],
    }
    assert [each.name for each in built.layers] == [each.name for each in original.layers]
    assert_same(original, built, random(2, 8, 8, 1))


def test_an_own_config_comes_back(tmp_path):
    keras.backend.clear_session()
    text = """
    inputs: {input: {shape: [6]}}
    layers:
      - Dense: {units: 6, name: stem}
      - Dense: {units: 6}
      - Add: {name: sum, from: [stem, dense]}
      - Dense: {units: 2, name: out}
    """
    written = parse.parse(text, "x").plain()
    loaded = load.load_config({"model": written, **FREE})
    section = network.network_of(build.build_network(loaded.model, [None], "m"))
    # Names that `from:` uses are written; nothing else has been added.
    written["layers"][1]["Dense"]["name"] = "dense"
    assert section == written


def test_activations_with_arguments(tmp_path):
    keras.backend.clear_session()
    original = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, activation=layers.LeakyReLU(0.1)),
            layers.Dense(3, activation=layers.LeakyReLU(name="leaky_re_lu")),  # 0.3, not 0.2
            layers.Dense(3, activation=layers.ReLU(max_value=6.0)),
            layers.Dense(3, activation=layers.ELU()),
            layers.Dense(3, activation=layers.PReLU(name="own")),
            layers.Dense(3, activation=layers.ReLU(6.0, dtype="float64", name="wide")),
        ]
    )
    section, built = circle(original, tmp_path)
    assert [each["Dense"]["activation"] for each in section["layers"]] == [
        {"leaky_relu": {"negative_slope": 0.1}},
        {"leaky_relu": {"negative_slope": 0.3}},
        {"relu": {"max_value": 6.0}},
        {"ELU": {}},  # the layer; a bare name is the function
        {"PReLU": {"name": "own"}},
        {"ReLU": {"max_value": 6.0, "dtype": "float64", "name": "wide"}},
    ]
    assert_same(original, built, random(2, 4) * 9)


def test_shared_layers_and_several_inputs(tmp_path):
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    encoder = layers.Dense(3, name="encoder")
    distance = layers.Subtract(name="distance")([encoder(left), encoder(right)])
    again = encoder(layers.Dense(4)(distance))
    original = keras.Model([left, right], layers.Dense(1)(again), name="siamese")
    section, built = circle(original, tmp_path)
    reused = [each["reuse"] for each in section["layers"] if "reuse" in each]
    assert [each["layer"] for each in reused] == ["encoder", "encoder"]
    assert_same(original, built, random(2, 4), random(2, 4) * 2)


@pytest.mark.parametrize("form", [list, dict])
def test_several_outputs(form, tmp_path):
    start = keras.Input((4,))
    one, two = layers.Dense(2, name="one")(start), layers.Dense(3, name="two")(start)
    ends = [two, one] if form is list else {"b": one, "a": two}
    original = keras.Model(start, ends)
    section, built = circle(original, tmp_path)
    assert section["outputs"] == (["two", "one"] if form is list else {"b": "one", "a": "two"})
    assert_same(original, built, random(2, 4))


def test_nested_models(tmp_path):
    inner_input = keras.Input((4,), name="x")
    inner = keras.Model(
        inner_input,
        [layers.Dense(2, name="a")(inner_input), layers.Dense(3, name="b")(inner_input)],
        name="inner",
    )
    stack = keras.Sequential([keras.Input((5,)), layers.Dense(4, name="last")], name="stack")
    start = keras.Input((4,), name="start")
    first, second = inner(start)
    joined = layers.Concatenate(name="joined")([second, first])
    original = keras.Model(start, inner(stack(joined)), name="outer")
    section, built = circle(original, tmp_path)
    assert [next(iter(each)) for each in section["layers"]] == [
        "Model",
        "Concatenate",
        "Model",
        "reuse",
    ]
    assert_same(original, built, random(2, 4))


def test_layers_with_several_tensors_and_wrappers(tmp_path):
    start = keras.Input((5, 4), name="start")
    sequence, hidden, cell = layers.LSTM(4, return_sequences=True, return_state=True)(start)
    attended = layers.MultiHeadAttention(2, 3, name="attend")(sequence, start, use_causal_mask=True)
    again = layers.LSTM(4, name="again")(attended, initial_state=[hidden, cell])
    both = layers.Bidirectional(layers.GRU(3, reset_after=False), merge_mode="sum")(attended)
    cells = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)])(attended)
    every = layers.TimeDistributed(layers.Dense(2))(start)
    dropped = layers.Dropout(0.5)(layers.Flatten()(every), training=False)
    end = layers.Concatenate()([again, both, cells, dropped])
    original = keras.Model(start, end)
    section, built = circle(original, tmp_path)
    steps = {next(iter(each)): each for each in section["layers"] if isinstance(each, dict)}
    assert steps["MultiHeadAttention"]["MultiHeadAttention"]["call"] == {"use_causal_mask": True}
    assert "call" not in steps["Dropout"]["Dropout"]  # Keras records its default as if given
    assert_same(original, built, random(2, 5, 4))


def test_operations(tmp_path):
    start, other = keras.Input((4, 3), name="start"), keras.Input((4, 3), name="other")
    value = (start + 3.0) * other / 2.0
    value = 1.0 - ops.relu6(value)
    value = ops.concatenate([value, start], axis=1)
    value = ops.transpose(ops.reshape(value, (-1, 6, 4)), (0, 2, 1))
    value = ops.mean(ops.hard_sigmoid(value), axis=-1, keepdims=True)
    value = ops.matmul(value, ops.transpose(value, (0, 2, 1)))
    original = keras.Model([start, other], ops.power(2.0, value))
    section, built = circle(original, tmp_path)
    assert "ops.relu6" in section["layers"]
    assert_same(original, built, random(2, 4, 3), random(2, 4, 3) + 5)


def test_a_layer_that_is_not_of_keras_is_named():
    @keras.saving.register_keras_serializable("mine")
    class Twice(layers.Layer):
        def __init__(self, factor=2, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    original = keras.Sequential([keras.Input((2,)), Twice(3, name="t"), layers.Dense(1)])
    context = network.new_context()
    section = network.network_of(original, context)
    assert section["layers"][0] == {"Twice": {"factor": 3, "name": "t"}}
    assert context.foreign == {"Twice"}


def test_a_layer_that_keras_keeps_for_itself_is_named():
    """LayerScale of ConvNeXt is in no public module: without its code no config can have it."""
    from keras.src.applications.convnext import LayerScale

    model = keras.Sequential([keras.Input((4,)), LayerScale(1e-6, 4, name="scale")])
    context = network.new_context()
    section = network.network_of(model, context)
    assert section["layers"][0] == {
        "LayerScale": {"init_values": 1e-6, "projection_dim": 4, "name": "scale"}
    }
    assert context.foreign == {"LayerScale"}


def test_what_a_config_cannot_say_is_refused():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ModelError, match="a subclass of keras"):
        network.network_of(Own())
    functional = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x, name="trick")])
    with pytest.raises(ModelError, match="'trick' is a Lambda"):
        network.network_of(functional)


def test_command_prints_or_writes_but_never_overwrites(tmp_path):
    original = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    original.save(tmp_path / "m.keras")
    command = [sys.executable, "-m", "nnpy", "import", str(tmp_path / "m.keras")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = parse.parse(printed, "x").plain()
    assert found == {"data": {"name": None}, "model": network.network_of(original)}
    target = tmp_path / "m.yaml"
    for code in (0, 2):
        done = subprocess.run([*command, "-o", str(target)], capture_output=True, text=True)
        assert (done.returncode, target.read_text()) == (code, printed)
    assert "already exists" in done.stderr


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV3Small"])
def test_models_of_keras_applications(name):
    assert "equal" in roundtrip.check(name)
