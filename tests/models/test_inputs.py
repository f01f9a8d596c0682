"""Grey pictures get a channel axis where the first layer that cares wants one."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config
from nnpy.data import registry
from nnpy.models.inputs import needs_channels

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
