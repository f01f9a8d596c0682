"""Ranks of tensors: the channel axis of grey pictures, and axes that layers name."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config
from nnpy.config.network.ranks import needs_channels
from nnpy.data import registry
from nnpy.errors import ConfigError
from nnpy.models import build

CONV = {"Conv2D": {"filters": 2, "kernel_size": 3}}
OWN = "import keras\n\n\nclass Own(keras.layers.Layer):\n    def call(self, x):\n        return x\n"


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        ([{"Model": {"layers": [{"RandomFlip": {}}]}}, CONV, "Flatten"], True),
        ([{"Model": {"layers": [{"Dropout": {"rate": 0.5}}]}}, CONV, "Flatten"], True),
        ([{"Model": {"layers": [{"Model": {"layers": ["Rescale"]}}]}}, CONV, "Flatten"], True),
        ([{"Own": {}}, CONV, "Flatten"], True),
        ([{"Model": {"layers": [{"Own": {}}, "Flatten"]}}, {"Dense": {"units": 10}}], False),
        ([{"Own": {}}, {"LSTM": {"units": 10}}], False),
    ],
)
def test_models_within_and_own_layers_are_looked_through(layers, wanted, tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    text = str(layers).replace("'Rescale'", "{'Rescaling': {'scale': 0.5}}")
    (tmp_path / "c.yaml").write_text(f"code: own.py\nmodel: {text}\n", encoding="utf-8")
    network = load_config(tmp_path / "c.yaml", to_train=False).model
    assert needs_channels(network, registry.info("fashion_mnist")) is wanted


@pytest.mark.parametrize("name", ["data", "deep/data", "../data"])
def test_a_data_path_is_relative_to_the_file_that_says_it(name, tmp_path, monkeypatch):
    home = tmp_path / "configs"
    home.mkdir()
    (home / "c.yaml").write_text(
        f"data: {{name: fashion_mnist, path: {name}}}\nmodel: [Flatten]\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()  # not the one that is meant
    assert load_config("configs/c.yaml").data.path == str((home / name).resolve())
    given = load_config("configs/c.yaml", ["data.path=data"]).data.path
    assert given == str(tmp_path / "data")


# -- axes -----------------------------------------------------------------------------------

END = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
POOL = {"MaxPooling2D": {"pool_size": 2}}
LSTM = {"LSTM": {"units": 4, "return_sequences": True}}
NESTED = {"Model": {"layers": [{"Softmax": {"axis": 3}}]}}
TIMES = {"TimeDistributed": {"layer": {"Softmax": {"axis": 2}}}}


@pytest.mark.parametrize(
    ("layers", "place", "axes"),
    [
        ([{"BatchNormalization": {"axis": 4}}, CONV, *END], "[0].BatchNormalization.axis", 4),
        ([{"BatchNormalization": {"axis": 3}}, *END], "[0].BatchNormalization.axis", 3),
        ([{"LayerNormalization": {"axis": [1, -4]}}, *END], "[0].LayerNormalization.axis", 3),
        ([CONV, POOL, {"GroupNormalization": {"axis": 7}}, *END], "[2].GroupNorm", 4),
        ([LSTM, {"Softmax": {"axis": 3}}, *END], "[1].Softmax.axis", 3),
        ([{"LSTM": {"units": 4}}, {"UnitNormalization": {"axis": 2}}], "[1].UnitNorm", 2),
        ([{"Reshape": {"target_shape": [28, 28, 1]}}, {"Softmax": {"axis": -5}}, *END], "[1]", 4),
        (["Flatten", {"Embedding": {"input_dim": 9, "output_dim": 2}}, NESTED], "[2].Model", 3),
        ([TIMES, *END], "[0].TimeDistributed.layer.Softmax.axis", 2),
        ([CONV, {"PReLU": {"shared_axes": [1, 4]}}, *END], "[1].PReLU.shared_axes", 4),
        ([{"ops.sum": {"axis": 3}}, *END], "[0].ops.sum.axis", 3),
        ([CONV, "GlobalAveragePooling2D", {"Normalization": {"axis": 2}}], "[2].Norm", 2),
    ],
)
def test_an_axis_that_the_input_lacks(layers, place, axes):
    config = {"model": [*layers, "Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]}
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    (problem,) = caught.value.problems
    assert problem.path.startswith(f"model{place}")
    assert f"is not there: the input has {axes} axes" in problem.message


@pytest.mark.parametrize(
    ("layer", "axis"),
    [("BatchNormalization", -3), ("LayerNormalization", [2, 0]), ("Normalization", 0)],
)
def test_the_batch_has_no_numbers_of_its_own(layer, axis):
    with pytest.raises(ConfigError, match="is the batch, which has no fixed size"):
        load_config({"model": [{layer: {"axis": axis}}, *END]})
    load_config({"model": [{"Softmax": {"axis": 0}}, *END]})


def test_axes_are_held_against_several_inputs():
    inputs = {"a": {"shape": [4, 3]}, "b": {"shape": [4, 3]}}
    joined = {"Concatenate": {"from": ["a", "b"], "axis": 3}}
    with pytest.raises(ConfigError, match=r"layers\[0\].Concatenate.axis: axis 3 is not there"):
        load_config({"model": {"inputs": inputs, "layers": [joined]}}, to_train=False)


@pytest.mark.parametrize(
    "layers",
    [
        [{"BatchNormalization": {"axis": 3}}, CONV],  # grey pictures get their channels
        [{"BatchNormalization": {"axis": -2}}],
        [LSTM, {"LayerNormalization": {"axis": [1, 2]}}],
        [CONV, {"PReLU": {"shared_axes": [1, 2]}}],
        [{"Softmax": {"axis": [1, 2]}}],
        [TIMES | {"TimeDistributed": {"layer": {"Softmax": {"axis": 1}}}}],
        [{"ops.expand_dims": {"axis": 3}}],
        [{"Embedding": {"input_dim": 256, "output_dim": 2}}, {"Softmax": {"axis": 3}}],
    ],
)
def test_axes_that_are_there_are_built(layers):
    checked = load_config({"model": [*layers, "Flatten", {"Dense": {"units": 10}}]})
    build.build(checked, registry.info("fashion_mnist"))
