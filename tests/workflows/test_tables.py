"""Tables from a CSV file to a trained model, evaluated, resumed and used again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnpy import api, data
from nnpy.config.load import load_config
from nnpy.errors import RunError
from nnpy.models import saved
from nnpy.training.progress import ProgressListener
from nnpy.workflows.train import train_config
from nnpy.workflows.verify import digests
from tests.support import tables

SOFTMAX = [{"Dense": {"units": 16, "activation": "relu"}}]


def config(path, target, units, **training):
    last = {"Dense": {"units": units, "activation": "softmax"}}
    return {
        "data": {"source": {"table": {"path": str(path), "target": target}}},
        "model": [*SOFTMAX, last],
        "training": {
            "epochs": 4,
            "batch_size": 16,
            "optimizer": {"Adam": {"learning_rate": 0.01}},
            **training,
        },
    }


class Told(ProgressListener):
    """Keeps what is told."""

    def __init__(self):
        self.messages = []

    def on_message(self, message):
        self.messages.append(message)


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    """A finished run on penguins."""
    folder = tmp_path_factory.mktemp("penguins")
    path = tables.penguins(folder / "penguins.csv")
    told = Told()
    run = api.train(config(path, "species", 3), run_dir=str(folder / "run"), listener=told)
    (folder / "told.txt").write_text("\n".join(told.messages), encoding="utf-8")
    return path, run


def test_penguins_are_told_apart(penguins):
    path, run = penguins
    assert run.summary()["test"]["accuracy"] > 0.9
    log = (path.parent / "told.txt").read_text(encoding="utf-8")
    for line in (
        "target species: classes (3 different words)",
        "5 number (bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g, year)",
        "'NA' 11 × is a word like others; missing: [NA] takes it as missing",
        "the 344 examples are split: 240 to train on, 52 for the test and 52 for validation",
    ):
        assert line in log, line


def test_what_was_learnt_is_in_the_run_and_in_the_model(penguins):
    path, run = penguins
    kept = json.loads(run.preprocessing_path.read_text(encoding="utf-8"))
    assert kept == saved.read(run.best_path).learnt == saved.read(run.last_path).learnt
    fresh = data.load("table", path=str(path), arguments={"target": "species"})
    assert kept == fresh.preprocessing


def test_evaluating_again_gives_the_same(penguins):
    _, run = penguins
    again = api.evaluate(run, device="cpu")
    test = run.summary()["test"]
    assert again["metrics"] == pytest.approx(test, rel=1e-6)
    assert [each["name"] for each in again["classes"]] == ["Adelie", "Chinstrap", "Gentoo"]


def test_other_rows_are_evaluated_by_what_was_learnt(penguins, tmp_path):
    """Rows of another file are made into vectors by the statistics of the training rows."""
    _, run = penguins
    test = tables.penguins(tmp_path / "new.csv", count=60, seed=9)
    other = config(test, "species", 3)
    found = api.evaluate(run, config=other, split="train", device="cpu")
    assert found["metrics"]["accuracy"] > 0.85


def test_a_training_goes_on_exactly_and_with_the_same_rows_only(penguins, tmp_path):
    path, run = penguins
    own = tmp_path / "own.csv"
    own.write_bytes(path.read_bytes())
    part = api.train(config(own, "species", 3, epochs=2), run_dir=str(tmp_path / "part"))
    own.write_text(own.read_text().replace("Dream", "Dreams"))
    with pytest.raises(RunError, match="data"):
        api.resume(part, overrides=["training.epochs=4"])
    own.write_bytes(path.read_bytes())
    resumed = api.resume(part, overrides=["training.epochs=4"])
    assert {**digests(resumed.folder)} == {**digests(run.folder)}


def test_test_rows_change_no_weight(penguins, tmp_path):
    path, run = penguins
    held = np.load(run.split_path)["test"].tolist()
    lines = path.read_text().splitlines()
    for row in held:
        cells = lines[row + 1].split(",")
        lines[row + 1] = ",".join([cells[0], "Atlantis", "1", "99999", *cells[4:6], "x", "1900"])
    other = tmp_path / "other.csv"
    other.write_text("\n".join(lines) + "\n")
    again = api.train(config(other, "species", 3), run_dir=str(tmp_path / "run"))
    same = ("final weights and optimizer", "best weights and optimizer", "metrics.csv but seconds")
    one, two = digests(run.folder), digests(again.folder)
    assert [one[name] for name in same] == [two[name] for name in same]
    assert one["test metrics"] != two["test metrics"]


def test_categories_of_many_values_are_embedded(tmp_path):
    """By layers of the model itself, which takes the vector of a row and nothing else."""
    rng = np.random.default_rng(0)
    worth, city = rng.normal(size=60), rng.integers(0, 60, 1200)
    y = 300 * worth[city] + 100 * rng.normal(size=1200)
    lines = ["city,x,y", *(f"city {city[i]},{i % 7},{y[i]:.3f}" for i in range(1200))]
    path = tmp_path / "cities.csv"
    path.write_text("\n".join(lines) + "\n")
    made = {
        "data": {"source": {"table": {"path": str(path), "target": "y"}}},
        "model": [{"Dense": {"units": 1}}],
        "training": {"epochs": 25, "optimizer": {"Adam": {"learning_rate": 0.02}}},
    }
    few = load_config({**made, "training": {**made["training"], "epochs": 10}})
    part = train_config(few, run_dir=str(tmp_path / "part"), device="cpu", final=False)
    whole = load_config(made)
    run = train_config(whole, run_dir=str(tmp_path / "run"), device="cpu", final=False)
    resumed = api.resume(part, overrides=["training.epochs=25"], device="cpu")
    assert (
        digests(resumed.folder)["final weights and optimizer"]
        == (digests(run.folder)["final weights and optimizer"])
    )
    (score,) = api.evaluate(run, device="cpu")["numbers"]
    assert score["r2"]["value"] > 0.8  # 0 without the city
    (tmp_path / "new.csv").write_text("x,city\n1,city 3\n1,city 4\n1,nowhere\n")
    told = api.predict(run, [tmp_path / "new.csv"], device="cpu")
    found = [each["numbers"]["y"] for each in told["predictions"]]
    assert found[:2] == pytest.approx(300 * worth[[3, 4]], abs=90)
    assert any("'city': 1 rows have a value" in note for note in told["notes"])
