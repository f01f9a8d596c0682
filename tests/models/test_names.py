"""Names: of configs, which may be anything, and of objects, which Keras and TensorFlow refuse."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy import api
from nnpy.catalog.naming import name_problem, scope_name
from nnpy.config.load import load_config
from nnpy.errors import ConfigError
from nnpy.models.build import model_name

BAD = ["my layer", "a:b", "é", "模型", "a(b)", "a+b", "a,b", ">a", "a>-", "a\\b", "tab\there"]
GOOD = ["a", "a_b", "a.b", "a-b", "_a", "-a", "1a", "A9", "a>b", "9"]


def config(name, kind="layer"):
    model = ["Flatten", {"Dense": {"units": 10, "activation": "softmax", "name": "d"}}]
    training = {}
    if kind == "layer":
        model[1]["Dense"]["name"] = name
    elif kind == "model":
        inner = {"Model": {"layers": [{"Dense": {"units": 3}}], "name": name}}
        model.insert(1, inner)
    elif kind == "wrapped":
        cell = {"Dense": {"units": 3, "name": name}}
        model = [{"TimeDistributed": {"layer": cell}}, "Flatten", model[1]]
    elif kind == "loss":
        training["loss"] = {"SparseCategoricalCrossentropy": {"name": name}}
    elif kind == "optimizer":
        training["optimizer"] = {"SGD": {"name": name}}
    return {"model": model, "training": training}


@pytest.mark.parametrize("kind", ["layer", "model", "wrapped", "loss", "optimizer"])
def test_a_name_that_keras_refuses_is_an_error_at_the_name(kind):
    for name in BAD:
        with pytest.raises(ConfigError) as error:
            load_config(config(name, kind))
        assert [each.path.endswith(".name") for each in error.value.problems] == [True], name


@pytest.mark.filterwarnings("ignore")
def test_names_that_check_takes_can_be_trained():
    layers = ["Flatten", *({"Dense": {"units": 3, "name": name}} for name in GOOD)]
    inner = {"Model": {"layers": [{"Dense": {"units": 3, "name": "in"}}], "name": "-m"}}
    end = {"Dense": {"units": 10, "activation": "softmax"}}
    training = {
        "loss": {"SparseCategoricalCrossentropy": {"name": "_l>a-"}},
        "optimizer": {"SGD": {"name": "9.o-_"}},
    }
    model = api.build({"model": [*layers, inner, end], "training": training})
    model.train_on_batch(np.zeros((2, 28, 28)), np.zeros(2))


@pytest.mark.parametrize("name", ["_a", "-a"])
def test_an_optimizer_is_stricter(name):
    with pytest.raises(ConfigError, match="begins with neither"):
        load_config(config(name, "optimizer"))


def test_an_operation_and_a_metric_take_any_name():
    model = ["Flatten", {"ops.multiply": {"x1": 2, "name": "zwei mal"}}, {"Dense": {"units": 10}}]
    metric = {"SparseCategoricalAccuracy": {"name": "my accuracy (%)"}}
    load_config({"model": model, "training": {"metrics": [metric]}})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("模型", "model"),
        ("modèle", "modele"),
        ("_mlp", "mlp"),
        ("-mlp", "mlp"),
        ("(mlp)", "mlp"),
        ("my net 2", "my_net_2"),
        ("größe", "große".replace("ß", "_")),
        ("a/b", "a_b"),
        ("", "model"),
        ("mlp", "mlp"),
        ("v1.2-b", "v1.2-b"),
    ],
)
def test_any_text_becomes_a_name(text, name):
    assert scope_name(text, "model") == name


@pytest.mark.parametrize("stem", ["模型", "modèle", "_mlp", "-mlp", "(mlp)", "a b", "…", ".hidden"])
def test_the_name_of_any_file_is_one_that_tensorflow_takes(stem):
    assert not name_problem(scope_name(stem, "model"), "optimizer")
    assert not name_problem(model_name(stem), "optimizer")


@pytest.mark.filterwarnings("ignore")
def test_a_config_of_any_name_can_be_trained(tmp_path):
    path = tmp_path / "_模型 (é).yaml"
    path.write_text("model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n")
    model = api.build(path)
    model.train_on_batch(np.zeros((2, 28, 28)), np.zeros(2))
    model.save(tmp_path / "m.keras")
    keras.saving.load_model(tmp_path / "m.keras")


def test_an_own_class_with_letters_that_tensorflow_refuses(tmp_path):
    (tmp_path / "own.py").write_text(
        "import keras\nclass Größe(keras.layers.Layer):\n"
        "    def call(self, inputs):\n        return inputs\n",
        encoding="utf-8",
    )
    path = tmp_path / "c.yaml"
    path.write_text("code: own.py\nmodel: [Flatten, Größe, {Dense: {units: 10}}]\n", "utf-8")
    assert api.build(path).layers[1].name.isascii()
