"""What labels, logits, pixels and outputs mean, from the config to the answer: against Keras."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import nnpy
from nnpy import api
from nnpy.data import load
from nnpy.data.splits import held_out
from nnpy.models import ends, saved
from nnpy.runs.folder import Run
from nnpy.safety import model_files
from tests.support.datasets import write_idx

LOGITS = {"SparseCategoricalCrossentropy": {"from_logits": True}}
BINARY = {"BinaryCrossentropy": {"from_logits": True}}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, one brighter than the other, stored one class after the other."""
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(1)
    for name, n in (("train", 120), ("t10k", 60)):
        y = np.repeat([0, 1], n // 2).astype("uint8")
        x = rng.integers(0, 160, (n, 4, 4)) + 60 * y[:, None, None]
        write_idx(folder / f"{name}-images-idx3-ubyte", x.astype("uint8"), gz=False)
        write_idx(folder / f"{name}-labels-idx1-ubyte", y, gz=False)
    return folder


def train(folder: Path, where: Path, model, data=(), **training) -> Run:
    given = {
        "data": {"name": "idx", "path": str(where), "validation_split": 0.25, **dict(data)},
        "model": model,
        "training": {"epochs": 2, "batch_size": 20, "shuffle": False, **training},
    }
    return nnpy.train(given, run_dir=str(folder / "run"))


def keras_history(run: Run, model, compiled, where: Path, labels=lambda y: y) -> dict:
    """What `model.fit` logs of the same model on the same examples in the same order.

    The weights that it ends with are those of the run.
    """
    data = load("idx", path=str(where), validation_split=0.25)
    model.compile(keras.optimizers.Adam(), **compiled)
    parts = [(each.x / np.float32(255), labels(each.y)) for each in (data.train, data.validation)]
    (x, y), held = parts
    history = model.fit(
        x, y, validation_data=held, batch_size=20, epochs=2, shuffle=False, verbose=0
    ).history
    ours = model_files.open_model(run.last_path, compile=False).get_weights()
    for mine, theirs in zip(ours, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    return history


def column(run: Run, name: str) -> list[float]:
    return [row[name] for row in run.metrics()]


def test_logits_are_known_by_the_loss_everywhere(two: Path, tmp_path: Path) -> None:
    run = train(
        tmp_path,
        two,
        ["Flatten", {"Dense": {"units": 1}}],
        loss=BINARY,
        metrics=["accuracy", "AUC", "Precision"],
    )
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    metrics = [
        keras.metrics.BinaryAccuracy("accuracy", threshold=0),
        keras.metrics.AUC(name="auc", from_logits=True),
        keras.metrics.Precision(name="precision", thresholds=0),
    ]
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = keras_history(run, model, {"loss": loss, "metrics": metrics}, two)
    for name in ("loss", "accuracy", "auc", "precision", "val_accuracy", "val_auc"):
        np.testing.assert_allclose(column(run, name), expected[name], rtol=2e-5, err_msg=name)
    chosen = max(
        (0, 1), key=lambda each: (expected["val_accuracy"][each], -expected["val_loss"][each])
    )
    assert run.summary()["best_epoch"] == chosen + 1

    best = keras.saving.load_model(run.best_path)
    scored = nnpy.evaluate(run)
    assert scored["accuracy"]["value"] == pytest.approx(scored["metrics"]["accuracy"])
    test = load("idx", path=str(two)).test
    np.save(tmp_path / "one.npy", test.x[:1])
    np.save(tmp_path / "all.npy", test.x)
    logits = np.asarray(best(test.x / np.float32(255)))[:, 0]
    one = api.predict(run, [tmp_path / "one.npy"])["predictions"]
    every = api.predict(run, [tmp_path / "all.npy"])["predictions"]
    for alone, among in zip(one[0]["top"], every[0]["top"], strict=True):
        assert alone["class"] == among["class"]
        assert alone["probability"] == pytest.approx(among["probability"])
    for given, logit in zip(every, logits, strict=True):
        assert given["top"][0]["class"] == ("1" if logit > 0 else "0")
        assert given["top"][0]["probability"] == pytest.approx(1 / (1 + np.exp(-abs(logit))))
    # A copy that knows nothing of the run says the same: the file remembers.
    copy = tmp_path / "copy.keras"
    copy.write_bytes(run.best_path.read_bytes())
    assert saved.read(copy).outputs == {"dense": "sigmoid"}


def test_f1_has_a_column_for_each_class(tiny: Path, tmp_path: Path) -> None:
    run = train(
        tmp_path,
        tiny,
        ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}],
        {"labels": "one_hot"},
        loss="categorical_crossentropy",
        metrics=["F1Score", "accuracy"],
        monitor="val_f1_score_3",
    )
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    compiled = {"loss": "categorical_crossentropy", "metrics": [keras.metrics.F1Score()]}
    expected = keras_history(run, model, compiled, tiny, lambda y: np.eye(10)[y])
    for i in range(10):
        for name in ("f1_score", "val_f1_score"):
            values = [np.asarray(each)[i] for each in expected[name]]
            np.testing.assert_allclose(column(run, f"{name}_{i}"), values, atol=2e-5)
    best = int(np.argmax([np.asarray(each)[3] for each in expected["val_f1_score"]])) + 1
    assert run.summary()["best_epoch"] == best
    assert nnpy.evaluate(run)["metrics"]["f1_score_3"] == pytest.approx(
        run.summary()["test"]["f1_score_3"]
    )


def test_an_auxiliary_output_gets_the_labels(tiny: Path, tmp_path: Path) -> None:
    layers = [
        "Flatten",
        {"Dense": {"units": 16, "activation": "relu", "name": "hidden"}},
        {"Dense": {"units": 10, "name": "x"}},
        {"Dense": {"units": 10, "activation": "softmax", "from": "hidden", "name": "y"}},
    ]
    run = train(
        tmp_path,
        tiny,
        {"layers": layers, "outputs": {"main": "x", "aux": "y"}},
        loss={"main": LOGITS, "aux": "sparse_categorical_crossentropy"},
        loss_weights={"main": 1.0, "aux": 0.3},
    )
    keras.utils.set_random_seed(0)
    given = keras.Input((28, 28))
    hidden = keras.layers.Dense(16, "relu")(keras.layers.Flatten()(given))
    outputs = {"main": keras.layers.Dense(10)(hidden)}
    outputs["aux"] = keras.layers.Dense(10, "softmax")(hidden)
    compiled = {
        "loss": {
            "main": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "aux": "sparse_categorical_crossentropy",
        },
        "metrics": {"main": ["accuracy"], "aux": ["accuracy"]},
        "loss_weights": {"main": 1.0, "aux": 0.3},
    }
    expected = keras_history(
        run, keras.Model(given, outputs), compiled, tiny, lambda y: {"main": y, "aux": y}
    )
    for name in ("loss", "main_accuracy", "aux_accuracy", "val_loss", "val_main_accuracy"):
        np.testing.assert_allclose(column(run, name), expected[name], rtol=1e-4, err_msg=name)
    assert run.summary()["monitor"] == "val_loss"
    assert run.summary()["best_epoch"] == int(np.argmin(expected["val_loss"])) + 1
    scored = nnpy.evaluate(run)
    assert scored["output"] == "main"
    assert scored["accuracy"]["value"] == pytest.approx(scored["metrics"]["main_accuracy"])
    assert json.loads((run.folder / "evaluation.json").read_text())["output"] == "main"


def test_a_model_that_scales_gets_the_stored_pixels(tiny: Path, tmp_path: Path) -> None:
    dense = {"Dense": {"units": 10, "activation": "softmax"}}
    run = train(tmp_path, tiny, [{"Rescaling": {"scale": 1 / 255}}, "Flatten", dense])
    plain = train(tmp_path / "b", tiny, ["Flatten", dense])
    np.testing.assert_allclose(column(run, "loss"), column(plain, "loss"), rtol=1e-4)
    assert saved.read(run.best_path).rescale == 1
    # Keras's own file has no record: its layers tell.
    foreign = tmp_path / "foreign.keras"
    keras.saving.load_model(run.best_path).save(foreign)
    assert saved.read(foreign) == saved.Record()
    data = {"data": {"name": "idx", "path": str(tiny)}, "model": ["Flatten"]}
    scored = nnpy.evaluate(foreign, config=data)["metrics"]
    assert scored["accuracy"] == pytest.approx(run.summary()["test"]["accuracy"])
    # And one that was trained on other numbers is given those, whatever the config says.
    other = train(tmp_path / "c", tiny, ["Flatten", dense], {"rescale": 1 / 127.5})
    scored = nnpy.evaluate(other.best_path, config=data)["metrics"]
    assert scored["accuracy"] == pytest.approx(other.summary()["test"]["accuracy"])


def test_normalization_adapts_to_the_training_part(tiny: Path, tmp_path: Path) -> None:
    dense = {"Dense": {"units": 10, "activation": "softmax"}}
    run = train(tmp_path, tiny, ["Flatten", {"Normalization": {"adapt": True, "name": "n"}}, dense])
    layer = keras.saving.load_model(run.best_path).get_layer("n")
    x = load("idx", path=str(tiny), validation_split=0.25).train.x.reshape(-1, 784)
    np.testing.assert_allclose(np.ravel(layer.mean), x.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(np.ravel(layer.variance), x.var(axis=0), rtol=1e-3)
    scored = nnpy.evaluate(run)["metrics"]
    assert scored["accuracy"] == pytest.approx(run.summary()["test"]["accuracy"])


# -- the held-out part ----------------------------------------------------------------------


def test_a_folder_sorted_by_class_is_held_out_by_class(two: Path) -> None:
    data = load("idx", path=str(two), validation_split=0.1)
    assert np.bincount(data.validation.y).tolist() == [6, 6]
    assert np.bincount(data.train.y).tolist() == [54, 54]
    same = load("idx", path=str(two), validation_split=0.1)
    np.testing.assert_array_equal(same.validation.x, data.validation.x)
    other = load("idx", path=str(two), validation_split=0.1, seed=1)
    assert not np.array_equal(other.validation.x, data.validation.x)
    last = load("idx", path=str(two), validation_split=0.5, stratify=False, seed=None)
    assert set(last.validation.y) == {1}
    assert "no example of 1 is left to train on" in last.notes[0]
    streamed = load("idx", path=str(two), validation_split=0.1, memory_budget=200)
    np.testing.assert_array_equal(streamed.train.x, data.train.x)
    assert np.shares_memory(streamed.train.x.base, streamed.validation.x.base)


def test_shares_of_classes_add_up() -> None:
    rng = np.random.default_rng(0)
    for n, split in ((53, 0.1), (200, 0.33), (1000, 0.015)):
        y = rng.integers(0, 7, n)
        rows = held_out(y, split)
        assert len(rows) == len(held_out(y, split, stratify=False, seed=None))
        exact = np.bincount(y, minlength=7) * len(rows) / n
        assert np.abs(np.bincount(y[rows], minlength=7) - exact).max() < 1
        assert np.array_equal(rows, np.unique(rows))


# -- Keras models ---------------------------------------------------------------------------


def test_the_last_activation_of_a_keras_model() -> None:
    given = keras.Input((4,))
    dense = keras.layers.Dense(3)(given)
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    for output, activation in (
        (dense, "linear"),
        (keras.ops.softmax(dense), "softmax"),
        (keras.layers.Dropout(0.1)(keras.layers.Softmax()(dense)), "softmax"),
        (keras.layers.Activation("linear", dtype="float32")(inner(given)), "softmax"),
        (keras.layers.Dense(1, "sigmoid")(given), "sigmoid"),
        (keras.layers.BatchNormalization()(dense), None),
    ):
        assert ends.end_of(keras.Model(given, output)).activation == activation
