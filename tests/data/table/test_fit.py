"""What the training rows say, as JSON, and the vectors that come of it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from nnpy.data.table.column import Column, Form, Kind
from nnpy.data.table.encode import encode, from_cells
from nnpy.data.table.fit import fit
from nnpy.data.table.record import CategoryFeature, NumberFeature, Record
from nnpy.errors import DataError

NAN = float("nan")


def numbers(name, *values):
    return Column(name, Kind.NUMBER, "", Form(missing=("", "NA")), np.array(values, float))


def words(name, *labels):
    known = tuple(sorted({each for each in labels if each is not None}))
    codes = [-1 if each is None else known.index(each) for each in labels]
    return Column(name, Kind.CATEGORY, "", Form(), None, np.array(codes, np.int32), known)


def fitted(*columns, rows=None):
    rows = np.arange(len(encodable(columns[0]))) if rows is None else np.array(rows)
    target = [words("y", "a", "b")]
    return fit(columns, rows, target=target, task="classes", classes=("a", "b"), ignored={})


def encodable(column):
    return column.values if column.values is not None else column.codes


def vectors(record, *columns):
    return encode(record, {each.name: each for each in columns})


# ---- numbers -----------------------------------------------------------------------------------


def test_numbers_are_standardized_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 3, (100, 2))
    columns = [numbers("a", *values[:, 0]), numbers("b", *values[:, 1])]
    record, _ = fitted(*columns, rows=range(80))
    wanted = StandardScaler().fit(values[:80]).transform(values)
    np.testing.assert_allclose(vectors(record, *columns).x, wanted, rtol=1e-6, atol=1e-6)


def test_a_large_offset_is_standardized_in_float64():
    values = 1e8 + np.random.default_rng(0).normal(size=1000)
    record, _ = fitted(numbers("a", *values))
    x = vectors(record, numbers("a", *values)).x
    assert abs(x.mean()) < 1e-3 and abs(x.std() - 1) < 1e-3


def test_missing_numbers_are_the_median_with_a_flag():
    column = numbers("a", 1, 2, 3, 10, NAN)
    record, _ = fitted(column)
    (feature,) = record.features
    assert isinstance(feature, NumberFeature)
    assert (feature.filled, feature.flag, record.width) == (2.5, True, 2)
    assert record.places == ["a", "a is missing"]
    x = vectors(record, column).x
    assert x[:, 1].tolist() == [0, 0, 0, 0, 1]
    assert x[4, 0] == np.float32((2.5 - 4) / feature.deviation)


def test_a_value_missing_only_later_is_the_mean_and_counted():
    record, _ = fitted(numbers("a", 1, 2, 6))
    found = vectors(record, numbers("a", NAN, 2, NAN))
    assert found.missing == {"a": 2} and found.x[:, 0].tolist()[::2] == [0, 0] and record.width == 1


def test_constant_columns_are_left_out_and_named():
    columns = [
        numbers("same", 5, 5, 5, 7),
        numbers("noise", 0.1 + 0.2, 0.3, 0.3, 9),
        words("one", "x", "x", "x", "z"),
        numbers("none", NAN, NAN, NAN, 1),
        numbers("a", 1, 2, 3, 4),
    ]
    record, notes = fitted(*columns, rows=[0, 1, 2])
    assert [each.name for each in record.features] == ["a"]
    assert "'same', 'noise', 'one', 'none'" in notes[0]
    with pytest.raises(DataError, match=r"no column is left.*same: it has one value"):
        fitted(columns[0], rows=[0, 1])


def test_a_column_of_one_value_or_nothing_says_which():
    column = numbers("a", 5, NAN, 5, NAN)
    record, _ = fitted(column)
    assert vectors(record, column).x.tolist() == [[0, 0], [0, 1], [0, 0], [0, 1]]


# ---- categories --------------------------------------------------------------------------------


def test_a_label_never_seen_is_the_mean_of_the_others():
    column = words("a", "x", "x", "x", "y", "y", None, None, None)
    record, _ = fitted(column)
    assert record.places == ["a=x", "a=y", "a is missing"]
    found = vectors(record, words("a", "y", None, "new", "x"))
    np.testing.assert_allclose(
        found.x, [[0, 1, 0], [0, 0, 1], [3 / 8, 2 / 8, 3 / 8], [1, 0, 0]], rtol=1e-7
    )
    assert found.unseen == {"a": 1}


def test_rare_labels_train_the_place_of_the_unseen():
    record, _ = fitted(words("a", "x", "x", "y", "y", "rare", "rarer", None))
    assert record.places == ["a=x", "a=y", "a is another"]
    found = vectors(record, words("a", "rare", "new", None, "y"))
    assert found.x.tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_many_labels_are_codes_to_embed():
    labels = [f"v{i:02}" for i in range(40)] * 2 + ["v00", None, None]
    column = words("a", *labels)
    record, notes = fitted(numbers("n", *range(83)), column)
    feature = record.features[-1]
    assert isinstance(feature, CategoryFeature) and feature.embedded
    # One of the rarest stands for what was never seen, so that its place is trained.
    assert record.embedded == (41,) and len(feature.labels) == 39 and record.width == 2
    assert "embedded" in notes[0]
    codes = vectors(record, numbers("n", 1, 1, 1, 1), words("a", "v00", "new", None, "v01")).x
    assert codes[:, 1].tolist() == [1, 0, 40, 0]


def test_a_hundred_thousand_labels_are_capped():
    codes = np.repeat(np.arange(30_000, dtype=np.int32), 2)
    labels = tuple(f"v{i:05}" for i in range(30_000))
    column = Column("a", Kind.CATEGORY, "", Form(), None, codes, labels)
    record, notes = fitted(column)
    assert record.embedded == (10_001,)
    assert "20,000 rarest share one place" in notes[0]


def test_numbers_come_first_then_places_then_codes():
    many = words("m", *(f"v{i:02}" for i in range(40)), *(f"v{i:02}" for i in range(40)))
    few, number = words("f", *["x", "y"] * 40), numbers("n", *range(80))
    record, _ = fitted(many, few, number)
    assert record.places == ["n", "f=x", "f=y", "m"]


# ---- only the training rows --------------------------------------------------------------------


def test_other_rows_change_nothing():
    first = [numbers("n", 1, 2, 3, 4), words("c", "x", "y", "x", "y")]
    other = [numbers("n", 1, 2, 1e9, NAN), words("c", "x", "y", "z", None)]
    records = [fitted(*columns, rows=[0, 1])[0] for columns in (first, other)]
    assert records[0].as_dict() == records[1].as_dict()


# ---- as JSON, and raw rows ---------------------------------------------------------------------


@pytest.fixture
def record():
    many = words("m", *(f"v{i:02}" for i in range(40)), *(f"v{i:02}" for i in range(40)))
    few, number = words("f", *["x", "y"] * 39, "rare", None), numbers("n", *range(79), NAN)
    return fitted(many, few, number)[0]


def test_the_record_is_json_and_comes_back_the_same(record):
    again = Record.from_dict(json.loads(json.dumps(record.as_dict())))
    assert again == record and again.width == record.width


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda told: told.pop("features"), "features"),
        (lambda told: told.update(format=99), "format"),
        (lambda told: told.update(task="guess"), "task"),
        (lambda told: told["features"][0].update(deviation=0.0), "deviation above 0"),
        (lambda told: told["features"][0].update(mean=NAN), "finite"),
        (lambda told: told["features"][0].pop("mean"), "mean"),
        (lambda told: told["features"][1].update(counts=[1]), "a count for each"),
        (lambda told: told["features"][1].update(labels="x"), "a list"),
        (lambda told: told["features"].append(told["features"][0]), "twice"),
    ],
)
def test_a_damaged_record_is_refused(record, change, match):
    told = record.as_dict()
    change(told)
    with pytest.raises(DataError, match=match):
        Record.from_dict(told)


def test_raw_rows_go_by_name(record):
    cells = {"extra": [1, 2], "n": ["5", " NA "], "m": ["v03", "new"], "f": ["x ", ""]}
    columns, notes = from_cells(record, cells)
    found = encode(record, columns)
    assert "'extra'" in notes[0] and found.unseen == {"m": 1}
    assert found.x[0].tolist() == found.x[0].tolist()
    typed = from_cells(record, {"n": [5.0, None], "m": ["v03", "new"], "f": ["x", None]})[0]
    assert np.array_equal(encode(record, typed).x, found.x)
    with pytest.raises(DataError, match="lack column 'm'"):
        from_cells(record, {"n": ["1"], "f": ["x"]})
    with pytest.raises(DataError, match="'n', row 2: '1,5' is not a number"):
        from_cells(record, {**cells, "n": ["1", "1,5"]})
    with pytest.raises(DataError, match="'n', row 1: 'inf' is not a number"):
        from_cells(record, {**cells, "n": [float("inf"), "1"]})


def test_a_record_is_applied_without_polars_and_tensorflow(record, tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record.as_dict()))
    code = (
        "import sys, json\n"
        "from nnpy.data.table.record import Record\n"
        "from nnpy.data.table.encode import encode, from_cells\n"
        f"record = Record.from_dict(json.load(open({str(path)!r})))\n"
        "cells = {'n': ['5'], 'm': ['v03'], 'f': ['x']}\n"
        "x = encode(record, from_cells(record, cells)[0]).x\n"
        "print(x.shape, sorted({'polars', 'tensorflow', 'keras'} & {*sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["(1,", "6)", "[]"]
