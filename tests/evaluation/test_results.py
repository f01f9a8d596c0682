"""What is found of a real trained model equals what scikit-learn and Keras find."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn import metrics

from nnpy import api
from nnpy.data import DataInfo, Preprocessing, Split
from nnpy.engine import Engine
from nnpy.errors import UsageError
from nnpy.evaluation import results
from nnpy.models.ends import Output, scale_of
from nnpy.workflows.evaluate import evaluate_model
from nnpy.workflows.session import Session
from nnpy.workflows.target import model_and_config


@pytest.fixture(scope="module")
def measured(tiny_run: Path):
    return evaluate_model(*model_and_config(str(tiny_run), None, False))


def test_scores_of_a_real_model(measured):
    found, test = measured.result, measured.dataset.test
    x, _ = Preprocessing(measured.data_info.scale)(test.x, test.y)
    answers = measured.model.predict(x, verbose=0).argmax(axis=1)
    k = len(measured.data_info.classes)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        test.y, answers, labels=range(k), zero_division=0
    )
    scores = found.classes.classes
    np.testing.assert_allclose([s.precision for s in scores], precision, rtol=1e-12)
    np.testing.assert_allclose([s.recall for s in scores], recall, rtol=1e-12)
    np.testing.assert_allclose([s.f1 for s in scores], f1, rtol=1e-12)
    assert [s.support for s in scores] == support.tolist()
    assert found.classes.confusion.tolist() == metrics.confusion_matrix(test.y, answers).tolist()
    assert found.classes.accuracy.value == pytest.approx(found.metrics["accuracy"], abs=1e-6)


def test_the_interval_of_the_loss_is_around_keras_loss(measured):
    loss = measured.result.loss
    assert loss.value == measured.result.metrics["loss"]
    assert loss.low < loss.value < loss.high
    summary = json.loads((measured.path.parent.parent / "summary.json").read_text())
    assert loss.value == pytest.approx(summary["test"]["loss"], rel=1e-5)


def test_mistakes_are_the_surest_wrong_answers(measured):
    found = measured.result
    surest = [item.probability for item in found.mistakes]
    assert surest == sorted(surest, reverse=True)
    for item in found.mistakes:
        assert item.truth == measured.data_info.classes[measured.dataset.test.y[item.index]]
        assert item.truth != item.answer
        np.testing.assert_array_equal(item.picture, measured.dataset.test.x[item.index])


def find(model: keras.Model, x: np.ndarray, y: np.ndarray, classes: tuple[str, ...], **how):
    info = DataInfo("d", x.shape[1:], "float32", classes, len(y), len(y), 1.0)
    prepare = how.pop("prepare", Preprocessing())
    engine = Engine(model, prepare, batch_size=16, seed=0)
    outputs = [Output("x", 0, scale_of(model))]
    return results.evaluate(model, engine, Split(x, y), info, prepare, outputs_of=outputs)


@pytest.mark.parametrize(
    ("loss", "units", "activation"),
    [
        ("binary_crossentropy", 1, "sigmoid"),
        (keras.losses.BinaryCrossentropy(from_logits=True), 1, None),
        ("sparse_categorical_crossentropy", 2, "softmax"),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), 2, None),
    ],
)
def test_two_classes_in_every_form(loss, units, activation):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype(np.float32), rng.integers(0, 2, 40)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(units, activation, kernel_regularizer="l2")]
    )
    model.compile("sgd", loss, metrics=["accuracy"])
    found = find(model, x, y, ("no", "yes"))
    logits = np.asarray(model(x))
    right = (logits[:, -1] > (0.5 if activation else 0)) == y
    if units == 2:
        right = logits.argmax(axis=1) == y
    assert found.classes.accuracy.value == right.mean()
    assert found.mistakes == ()  # three numbers are no picture
    assert found.loss is not None
    assert found.loss.low < found.metrics["loss"] < found.loss.high  # the penalty is in both


def test_a_regression_has_only_its_metrics():
    x = np.ones((20, 3), np.float32)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    found = find(model, x, np.zeros(20, np.int64), ())
    assert found.classes is None
    assert set(found.metrics) == {"loss", "mae"}
    json.dumps(found.as_dict())


def test_predictions_are_kept(tiny_run: Path, tmp_path: Path):
    told = api.evaluate(str(tiny_run), predictions=tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as kept:
        accuracy = (kept["probabilities"].argmax(axis=1) == kept["truth"]).mean()
        assert set(kept) == {"outputs", "probabilities", "truth"}
    api.evaluate(str(tiny_run), predictions=tmp_path / "p.csv")
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert accuracy == told["accuracy"]["value"]
    assert sum(row["truth"] == row["answer"] for row in rows) / len(rows) == accuracy
    with pytest.raises(UsageError, match=r"ending in \.csv or \.npz"):
        api.evaluate(str(tiny_run), predictions="p.txt")


def test_a_loss_without_an_interval_says_why(tiny_run: Path):
    """A loss of the user's own that can be had for a whole batch only."""
    path, config = model_and_config(str(tiny_run), None, False)
    session = Session(config, device="cpu")
    model = session.open_model(path)

    class WholeBatch(keras.losses.Loss):
        def __init__(self, **kwargs):
            if kwargs.get("reduction") is None:
                raise ValueError("needs its batch")
            super().__init__(**kwargs)

        def call(self, y_true, y_pred):
            return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    model.compile(loss=WholeBatch(reduction="sum_over_batch_size"), metrics=["accuracy"])
    test, preprocessing = session.dataset().test, session.preprocessing(model)
    engine = session.engine(model, preprocessing)
    outputs = session.outputs_of(model)
    result = results.evaluate(
        model, engine, test, session.data_info, preprocessing, outputs_of=outputs
    )
    assert result.loss is None
    assert result.notes == (
        "the loss has no interval: it cannot be computed for each example on its own "
        "(ValueError: needs its batch)",
    )
    assert result.as_dict()["notes"] == list(result.notes)
