"""`model.compile` → `training:` → `model.compile`: Keras writes down the same both times."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, losses, metrics, optimizers

import nnpy
from nnpy.config import load
from nnpy.config.yaml import parse
from nnpy.config.yaml.dump import dump
from nnpy.errors import ModelError
from nnpy.models.compile import compile_model
from nnpy.models.to_config import document
from nnpy.models.to_config import network as importer
from nnpy.models.to_config import training as compiled


def two_outputs():
    x = keras.Input((8,), name="picture")
    hidden = layers.Dense(4, activation="relu")(x)
    ends = [
        layers.Dense(10, activation="softmax", name="digit")(hidden),
        layers.Dense(10, activation="softmax", name="again")(hidden),
    ]
    return keras.Model(x, ends)


def one_output():
    return keras.Sequential([keras.Input((8,)), layers.Dense(10, activation="softmax")])


def section_of(original):
    network = importer.network_of(original)
    names = compiled.output_keys(network)
    return {
        "model": network,
        "training": compiled.training_of(original.get_compile_config(), names),
    }


def compiled_again(section, tmp_path):
    path = tmp_path / "imported.yaml"
    path.write_text(dump(section))
    built = nnpy.build(path)
    compile_model(built, load.load_config(path))
    return built


@pytest.mark.parametrize(
    ("said", "training"),
    [
        (
            {"optimizer": "adam", "loss": "mse", "weighted_metrics": ["mae"]},
            {"optimizer": "Adam", "loss": "mse", "metrics": [], "weighted_metrics": ["mae"]},
        ),
        (
            {
                "optimizer": "adam",
                "loss": losses.sparse_categorical_crossentropy,
                "metrics": ["acc"],
            },
            {"optimizer": "Adam", "loss": "sparse_categorical_crossentropy", "metrics": ["acc"]},
        ),
        (
            {
                "optimizer": optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
                "loss": losses.CategoricalCrossentropy(label_smoothing=0.1),
            },
            {
                "optimizer": {
                    "SGD": {
                        "learning_rate": 0.1,
                        "clipnorm": 1.0,
                        "momentum": 0.9,
                        "nesterov": True,
                    }
                },
                "loss": {"CategoricalCrossentropy": {"label_smoothing": 0.1}},
                "metrics": [],
            },
        ),
        (
            {
                "optimizer": optimizers.AdamW(
                    optimizers.schedules.ExponentialDecay(0.01, 100, 0.9, staircase=True)
                ),
                "loss": "sparse_categorical_crossentropy",
                "metrics": [
                    metrics.SparseTopKCategoricalAccuracy(k=3, name="top_3"),
                    metrics.SparseCategoricalAccuracy(),
                ],
            },
            {
                "optimizer": {
                    "AdamW": {
                        "learning_rate": {
                            "ExponentialDecay": {
                                "initial_learning_rate": 0.01,
                                "decay_steps": 100,
                                "decay_rate": 0.9,
                                "staircase": True,
                            }
                        }
                    }
                },
                "loss": "sparse_categorical_crossentropy",
                "metrics": [
                    {"SparseTopKCategoricalAccuracy": {"k": 3, "name": "top_3"}},
                    "SparseCategoricalAccuracy",
                ],
            },
        ),
    ],
)
def test_one_output(said, training, tmp_path):
    original = one_output()
    original.compile(**said)
    section = section_of(original)
    assert section["training"] == training
    again = compiled_again(section, tmp_path)
    assert section_of(again)["training"] == training
    kept = original.optimizer.get_config() | {"name": again.optimizer.name}
    assert again.optimizer.get_config() == kept


@pytest.mark.parametrize("form", ["list", "dict"])
def test_several_outputs(form, tmp_path):
    original = two_outputs()
    loss = ["sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy()]
    measured = [["accuracy"], None]
    weights = [1.0, 0.5]
    if form == "dict":
        names = ("digit", "again")
        loss, weights = dict(zip(names, loss, strict=True)), dict(zip(names, weights, strict=True))
        measured = {"digit": ["accuracy"]}
    original.compile("adam", loss, metrics=measured, loss_weights=weights)
    section = section_of(original)
    assert section["training"] == {
        "optimizer": "Adam",
        "loss": {
            "digit": "sparse_categorical_crossentropy",
            "again": "SparseCategoricalCrossentropy",
        },
        "metrics": {"digit": ["accuracy"]},
        "loss_weights": {"digit": 1.0, "again": 0.5},
    }
    again = compiled_again(section, tmp_path)
    assert section_of(again)["training"] == section["training"]


def test_lists_go_by_the_sorted_names_of_the_outputs():
    x = keras.Input((8,))
    ends = {"zeta": layers.Dense(3)(x), "alpha": layers.Dense(3)(x)}
    original = keras.Model(x, ends)
    original.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 10.0])
    training = section_of(original)["training"]
    assert training["loss"] == {"alpha": "mse", "zeta": "mae"}
    assert training["loss_weights"] == {"alpha": 1.0, "zeta": 10.0}


@pytest.mark.parametrize("loss", [["mse", None], {"digit": "mse", "again": None}])
def test_an_output_without_a_loss(loss, tmp_path):
    original = two_outputs()
    original.compile("sgd", loss, metrics=[["mae"], ["mse"]])
    section = section_of(original)
    assert section["training"]["loss"] == {"digit": "mse", "again": None}
    again = compiled_again(section, tmp_path)
    again.set_weights(original.get_weights())
    given = np.ones((4, 8)), [np.ones((4, 10)), np.zeros((4, 10))]
    assert again.evaluate(*given, verbose=0) == original.evaluate(*given, verbose=0)


def test_thresholds_of_a_metric(tmp_path):
    original = one_output()
    auc = metrics.AUC(thresholds=[0.25, 0.5], curve="PR", name="area")
    original.compile("sgd", "categorical_crossentropy", metrics=[auc])
    section = section_of(original)
    again = compiled_again({"data": {"name": None, "labels": "one_hot"}, **section}, tmp_path)
    assert again.get_compile_config()["metrics"] == original.get_compile_config()["metrics"]


def test_what_cannot_be_expressed_does_not_take_the_rest_along():
    original = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    original.compile(keras.optimizers.Adam(0.5), "mse", loss_weights=[2.0])
    made = document.of_model(original, original.get_compile_config())
    assert made.content["training"]["optimizer"] == {"Adam": {"learning_rate": 0.5}}
    assert any("training.loss_weights is left out" in each for each in made.notes)


def deep(levels):
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


def test_what_a_config_cannot_say_is_refused():
    def own(truth, predicted):
        return keras.ops.mean(predicted)

    def f1_score(truth, predicted):  # not the metric of Keras that has this name
        return keras.ops.mean(predicted)

    for said, words in (
        ({"loss": own}, "'own' is no loss of Keras"),
        ({"loss": "mse", "metrics": [own]}, "'own' is no metric of Keras"),
        ({"loss": "mse", "metrics": [f1_score]}, "'f1_score' is no metric of Keras"),
        ({}, "without a loss"),
        ({"loss": "mse", "loss_weights": [0.5]}, "has one output"),
    ):
        original = one_output()
        original.compile("sgd", **said)
        with pytest.raises(ModelError, match=words):
            compiled.training_of(original.get_compile_config(), [])


@pytest.mark.parametrize(
    "odd",
    [
        [],
        "adam",
        {"loss": 3},
        {"optimizer": {"config": {}}, "loss": "mse"},
        {"optimizer": {"class_name": "Adam", "config": []}, "loss": "mse"},
        {"optimizer": {"class_name": [], "config": {}}, "loss": "mse"},
        {"loss": {}},
        {"optimizer": {"class_name": "Adam", "config": {"learning_rate": deep(70)}}, "loss": "mse"},
        {
            "optimizer": {"class_name": "Adam", "config": {"learning_rate": deep(350)}},
            "loss": "mse",
        },
        {"loss": "mse", "metrics": 5},
        {"loss": "mse", "metrics": {"class_name": "MeanSquaredError"}},
    ],
)
def test_what_keras_would_not_write_is_refused_in_words(odd):
    with pytest.raises(ModelError):
        compiled.training_of(odd, [])


def test_the_command_says_how_a_model_learns_or_why_not(tmp_path):
    @keras.saving.register_keras_serializable("mine")
    def own(truth, predicted):
        return keras.ops.mean(predicted)

    original = one_output()
    command = [sys.executable, "-m", "nnpy", "import", str(tmp_path / "m.keras")]
    original.compile(optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    original.save(tmp_path / "m.keras")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = parse.parse(done.stdout, "x").plain()
    assert said == {"data": {"name": None}, **section_of(original)}
    assert said["training"]["optimizer"] == {"Adam": {"learning_rate": 0.002}}

    original.compile("adam", own, weighted_metrics=["mae"])
    original.save(tmp_path / "m.keras")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = parse.parse(done.stdout, "x").plain()
    assert said == {"data": {"name": None}, "model": importer.network_of(original)}
    assert "the training section is left out: 'own' is no loss of Keras" in done.stderr


def test_names_that_somebody_gave_are_kept():
    original = one_output()
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5, name="slower")
    original.compile(
        optimizers.Adam(rate, name="mine"),
        losses.CategoricalCrossentropy(name="cross"),
        metrics=["AUC", "Precision", metrics.Recall(name="found"), metrics.MeanSquaredError()],
    )
    training = section_of(original)["training"]
    [(kind, optimizer)] = training["optimizer"].items()
    assert (kind, optimizer["name"]) == ("Adam", "mine")
    assert optimizer["learning_rate"]["ExponentialDecay"]["name"] == "slower"
    assert training["loss"] == {"CategoricalCrossentropy": {"name": "cross"}}
    # Keras calls a metric by the word that was given.
    assert training["metrics"] == [
        {"AUC": {"name": "AUC"}},
        {"Precision": {"name": "Precision"}},
        {"Recall": {"name": "found"}},
        "MeanSquaredError",
    ]


def test_names_that_keras_counted_are_not():
    for _ in range(3):
        original = one_output()
        original.compile(optimizers.SGD(), losses.Huber())
    training = section_of(original)["training"]
    assert (training["optimizer"], training["loss"]) == ("SGD", "Huber")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (losses.huber, {"delta": 2.0}),
        (losses.categorical_crossentropy, {"label_smoothing": 0.1}),
        (metrics.top_k_categorical_accuracy, {"k": 3}),
        (losses.mean_squared_error, {}),
    ],
)
def test_a_metric_of_a_function_keeps_its_arguments(function, arguments, tmp_path):
    original = one_output()
    wrapper = metrics.MeanMetricWrapper(function, name="own", **arguments)
    original.compile("adam", "mse", metrics=[wrapper])
    built = compiled_again(section_of(original), tmp_path)
    [again] = built.get_compile_config()["metrics"]
    assert again["config"] == original.get_compile_config()["metrics"][0]["config"]


def test_what_keras_does_not_save_is_said():
    for loss, initial, told in (
        (losses.Huber(delta=2.0), "zeros", ["delta"]),
        (losses.LogCosh(), keras.initializers.Identity(0.5), ["gain"]),
        ("mse", "zeros", []),
    ):
        original = keras.Sequential(
            [keras.Input((4,)), layers.Dense(4, kernel_initializer=initial)]
        )
        original.compile("sgd", loss)
        context = importer.new_context()
        document.of_model(original, original.get_compile_config(), context)
        assert [each.split("'")[1] for each in context.notes] == told
