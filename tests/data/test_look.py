"""What `nnpy data` says of data, and what it finds odd."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy import data
from nnpy.data.balance import balanced
from nnpy.data.look import look
from nnpy.errors import DataError
from tests.support import tables


@pytest.fixture
def arrays(tmp_path):
    def make(arguments=None, **given):
        np.savez(tmp_path / "some.npz", **given)
        found = data.load("arrays", path=str(tmp_path / "some.npz"), arguments=arguments or {})
        return look(found)

    return make


def said(found, words):
    return [line for line in (*found["suspicious"], *found["notes"]) if words in line]


def classes(count, of=3):
    return np.arange(count) % of


def test_sizes_ranges_and_classes(arrays):
    x = np.random.default_rng(0).normal(5, 2, (400, 6)).astype("float32")
    found = arrays(x=x, y=classes(400))
    assert found["splits"] == {"train": 280, "validation": 60, "test": 60}
    (one,) = found["inputs"]
    assert one["shape"] == [6] and one["min"] < 1 and one["max"] > 9
    assert one["mean"] == pytest.approx(5, abs=0.2) and one["deviation"] == pytest.approx(
        2, abs=0.2
    )
    (target,) = found["targets"]
    assert target["task"] == "classes"
    assert sum(each["train"] for each in target["classes"]) == 280
    assert found["duplicates"] == {"test": 0, "validation": 0, "train": 0, "contradictions": 0}
    assert found["suspicious"] == []


def test_the_same_example_in_two_splits_and_with_two_labels(arrays):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype("float32")
    x[10], x[20] = x[11], x[21]
    test = rng.normal(size=(100, 4)).astype("float32")
    test[:30] = x[:30]
    found = arrays(x_train=x, y_train=classes(300), x_test=test, y_test=classes(100))
    assert 20 <= found["duplicates"]["test"] <= 30
    assert said(found, "examples are in the training set too")
    assert found["duplicates"]["contradictions"] >= 1
    assert said(found, "different labels")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x * 300, y), "begin the model with Normalization"),
        (lambda x, y: (np.where(np.arange(4) == 1, 7, x), y), "1 of the 4 numbers of the input"),
        (lambda x, y: (x * 0, y), "nothing to learn from"),
        (lambda x, y: (x, np.where(np.arange(300) < 20, 1, 0)), "classes are uneven"),
        (lambda x, y: (x[:40], y[:40]), "only 28 examples to train on"),
        (lambda x, y: (x, np.where(np.arange(300) < 9, 2, y % 2)), "fewer than 10 training ex"),
        (
            lambda x, y: (x, np.where(np.arange(300) == 6, 1e6, x[:, 0])),
            "deviations from its mean",
        ),
        (lambda x, y: ((x > 0).astype("uint8"), y), "data: {rescale: 1}"),
    ],
)
def test_odd_data(arrays, change, words):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    given = change(x, classes(300))
    assert said(arrays(x=given[0], y=given[1]), words)


def test_a_test_set_on_another_scale(arrays):
    x = np.random.default_rng(0).random((300, 4)).astype("float32")
    found = arrays(x_train=x * 255, y_train=classes(300), x_test=x[:90], y_test=classes(90))
    assert said(found, "is one of them scaled?")


def test_every_column_of_a_table_is_told(tmp_path):
    path = tables.penguins(tmp_path / "p.csv")
    lines = path.read_text().splitlines()
    lines = [f"{line},{i}" if i else f"{line},number" for i, line in enumerate(lines)]
    path.write_text("\n".join(lines) + "\n")
    found = look(data.load("table", path=str(path), arguments={"target": "species"}))
    columns = {each["name"]: each for each in found["columns"]}
    assert next(iter(columns)) == "species" and len(columns) == 9
    assert columns["species"]["used"] == "target"
    assert columns["island"]["kind"] == "category" and columns["island"]["used"] == "input"
    assert columns["body_mass_g"]["missing"] > 0 and columns["body_mass_g"]["min"] > 2000
    assert columns["number"]["used"] == "left out" and "counts the rows" in columns["number"]["why"]


def test_a_column_that_gives_the_answer_away(tmp_path):
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=(200, 2)).tolist()
    rows = [f"{a:.3f},{b:.3f},{'yes' if a > 0 else 'no'},{3 * b + 1:.4f}" for a, b in pairs]
    (tmp_path / "t.csv").write_text("a,b,won,paid\n" + "\n".join(rows) + "\n")

    def of(target, **more):
        given = {"target": target, **more}
        return look(data.load("table", path=str(tmp_path / "t.csv"), arguments=given))

    assert said(of("paid", ignore="won"), "follows from b alone")
    assert said(of("won"), "follows from a alone")
    assert not said(of("paid", ignore=["won", "b"]), "alone")


def test_a_number_that_stands_for_nothing(tmp_path):
    rows = [f"{-999 if i % 9 == 0 else i % 7},{i * 37 % 50},{'ab'[i % 2]}" for i in range(200)]
    (tmp_path / "t.csv").write_text("a,b,y\n" + "\n".join(rows) + "\n")
    found = look(data.load("table", path=str(tmp_path / "t.csv"), arguments={"target": "y"}))
    assert said(found, "column a has -999: if that stands for nothing, say missing: [-999]")


def test_what_float32_cannot_hold(arrays):
    x = np.random.default_rng(0).integers(0, 2**40, (200, 3))
    assert said(arrays(x=x, y=classes(200)), "beyond 16,777,216, which float32 rounds")
    with pytest.raises(DataError, match="too large for float32"):
        arrays(x=x * 1e200, y=classes(200))


def test_arrays_that_are_not_used_are_named(arrays):
    x = np.random.default_rng(0).normal(size=(200, 3))
    assert said(arrays(x=x, y=classes(200), names=x), "arrays left out: names")


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0] * 50 + [1] * 7 + [3] * 13)
    theirs = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert balanced(labels, 4) == pytest.approx(dict(zip([0, 1, 3], theirs, strict=True)))
