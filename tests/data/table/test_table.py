"""A table as a config says it: features, target and task decided and told."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.data.table.table import Options, read_table
from nnpy.errors import DataError


@pytest.fixture
def table(tmp_path):
    def make(text, others=None, **options):
        paths = {"train": tmp_path / "train.csv"}
        paths["train"].write_text(text)
        for split, content in (others or {}).items():
            paths[split] = tmp_path / f"{split}.csv"
            paths[split].write_text(content)
        options["target"] = tuple(options["target"].split())
        return read_table(paths, Options(**options))

    return make


def rows(make, count=60):
    return "".join(make(i) + "\n" for i in range(count))


PEOPLE = "id,name,born,age,sex,score,kind\n" + rows(
    lambda i: (
        f"{i},Name {i},2001-01-{i % 28 + 1:02},{i % 9 + 20},{'mf'[i % 2]},{i * 0.5},{'abc'[i % 3]}"
    )
)


def told(found):
    return "\n".join(found.notes)


def test_what_is_decided_is_told(table):
    found = table(PEOPLE, target="kind")
    assert [each.name for each in found.features] == ["age", "sex", "score"]
    assert "target kind: classes (3 different words)" in told(found)
    assert "columns: 2 number (age, score); 1 category (sex)" in told(found)
    for line in ("id left out: it counts", "name left out", "born left out: dates such as"):
        assert f"column {line}" in told(found)


def test_features_and_ignore(table):
    found = table(PEOPLE, target="kind", features=("id", "born", "sex"))
    assert {each.name: str(each.kind) for each in found.features} == {
        "id": "number",
        "born": "date",
        "sex": "category",
    }
    assert found.features[1].values[0] == 11_323  # days since 1970
    found = table(PEOPLE, target="kind", ignore=("age",))
    assert [each.name for each in found.features] == ["sex", "score"]
    found = table(PEOPLE, target="kind", types={"age": "category", "id": "number"})
    kinds = [str(each.kind) for each in found.features]
    assert kinds == ["number", "category", "category", "number"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"target": ""}, "which column is to be answered; there are 'id'"),
        ({"target": "kinds"}, "target: train.csv has no column 'kinds'; did you mean 'kind'"),
        ({"target": "kind", "features": ("kind",)}, "cannot be a feature"),
        ({"target": "kind", "ignore": ("kind",)}, "cannot be ignored"),
        ({"target": "kind", "ignore": ("x",)}, "ignore: train.csv has no column 'x'"),
        ({"target": "born"}, "that cannot be answered"),
        ({"target": "name"}, "60 different values in 60 rows: too many"),
        ({"target": "kind", "task": "numbers"}, "holds words such as 'a'"),
        ({"target": "kind age", "task": "classes"}, "needs one target column"),
        ({"target": "kind age"}, "'kind' holds other words"),
    ],
)
def test_what_cannot_be_is_refused(table, options, match):
    with pytest.raises(DataError, match=match):
        table(PEOPLE, **options)


@pytest.mark.parametrize(
    ("make", "count", "task", "classes"),
    [
        (lambda i: "yes" if i % 3 else "no", 60, "classes", ("no", "yes")),
        (lambda i: f"{i % 2}", 60, "classes", ("0", "1")),
        (lambda i: f"{i % 2}.0", 60, "classes", ("0", "1")),
        (lambda i: f"{i % 3 + 1}", 60, "classes", ("1", "2", "3")),
        (lambda i: f"{(1, 2, 5, 10)[i % 4]}", 60, "classes", ("1", "2", "5", "10")),
        (lambda i: f"{i % 30}", 60, "numbers", ("y",)),
        (lambda i: f"{i}", 60, "numbers", ("y",)),
        (lambda i: f"{i % 3 + 0.5}", 60, "numbers", ("y",)),
        (lambda i: f"0{i % 3}", 60, "classes", ("00", "01", "02")),
    ],
)
def test_the_task(table, make, count, task, classes):
    found = table("x,y\n" + rows(lambda i: f"{i * 0.5},{make(i)}", count), target="y").answers
    assert (found.task, found.classes) == (task, classes)
    if task == "classes":
        assert found.y.dtype == np.int32 and set(found.y.tolist()) == set(range(len(classes)))
    else:
        assert found.y.shape == (count, 1) and found.y.dtype == np.float64


def test_a_doubtful_task_can_be_said_otherwise(table):
    text = "x,y\n" + rows(lambda i: f"{i * 0.5},{i % 5 + 1}")
    found = table(text, target="y")
    assert found.answers.task == "classes" and "task: numbers takes them" in told(found)
    found = table(text, target="y", task="numbers").answers
    assert found.task == "numbers" and found.y[:3, 0].tolist() == [1, 2, 3]


def test_several_targets(table):
    text = "x,a,b,c\n" + rows(lambda i: f"{i * 0.5},{i % 2},{i % 3 == 0},{i * 0.25}")
    found = table(text, target="a b").answers
    assert (found.task, found.classes) == ("labels", ("a", "b"))
    assert found.y[:4].tolist() == [[0, 1], [1, 0], [0, 0], [1, 1]] and found.y.dtype == np.uint8
    found = table(text, target="a c").answers
    assert found.task == "numbers" and found.y[3].tolist() == [1, 0.75]


def test_rows_without_a_target_are_left_out_and_told(table):
    text = "x,y\n" + rows(lambda i: f"{i * 0.5},{'' if i < 5 else 'ab'[i % 2]}")
    found = table(text, target="y")
    assert found.rows["train"].tolist() == list(range(5, 60))
    assert "5 rows without a target left out (train)" in told(found)
    with pytest.raises(DataError, match="55 of 60 rows for train have no 'y'"):
        table("x,y\n" + rows(lambda i: f"{i * 0.5},{'' if i < 55 else 'ab'[i % 2]}"), target="y")


def test_one_class_is_refused(table):
    with pytest.raises(DataError, match="every row is 'a'"):
        table("x,y\n" + rows(lambda i: f"{i * 0.5},a"), target="y")


def test_files_of_their_own(table):
    text = "x,y\n" + rows(lambda i: f"{i * 0.5},{'abc'[i % 3]}")
    found = table(text, {"test": "y,x\nb,7\na,8\n"}, target="y")
    assert found.rows["test"].tolist() == [60, 61]
    assert found.answers.y[60:].tolist() == [1, 0]
    with pytest.raises(DataError, match="1 rows for test have the class 'new'"):
        table(text, {"test": "y,x\nb,7\nnew,8\n"}, target="y")
    with pytest.raises(DataError, match=r"column 'x', row 2 of test\.csv: 'inf'"):
        table(text, {"test": "y,x\nb,7\na,inf\n"}, target="y")


def test_an_index_column_and_a_trailing_comma(table):
    text = ",x,y,\n" + rows(lambda i: f"{i},{i * 0.5},{'ab'[i % 2]},")
    found = table(text, target="y")
    assert [each.name for each in found.features] == ["x"]
    assert "column_1 left out: it has no name and counts the rows" in told(found)
    assert "column_4 left out: it is empty" in told(found)


def test_columns_that_rows_are_split_by_are_no_features(table):
    text = "x,who,y\n" + rows(lambda i: f"{i * 0.5},p{i % 7},{'ab'[i % 2]}")
    found = table(text, target="y", kept=("who",))
    assert [each.name for each in found.features] == ["x"]
    assert found.ignored["who"] == "rows are split by it"
    assert found.kept["who"].codes[:3].tolist() == [0, 1, 2]


def test_training_rows_and_raw_rows_give_the_same_vectors(table):
    """To the bit: what predict makes of a row is what the training was shown."""
    from nnpy.data.table.encode import encode, from_cells

    rng = np.random.default_rng(0)
    text = "n;g;c;b;d;y\n" + rows(
        lambda i: (
            f"{repr(float(rng.normal())).replace('.', ',') if i % 7 else 'NA'};1.{i:03},5;"
            f" {'rstuvw'[i % 5]} ;{'Yes' if i % 2 else 'NO'};2020-02-{i % 28 + 1:02};{i % 3}"
        )
    )
    found = table(text, target="y", types={"d": "date"})
    record, _ = found.fit(np.arange(0, 60, 2))
    x = found.encode(record, np.arange(60)).x
    lines = [line.split(";") for line in text.splitlines()]
    cells = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
    columns, _ = from_cells(record, cells, target=True)
    assert np.array_equal(encode(record, columns).x, x)
    assert [columns["y"].labels[code] for code in columns["y"].codes[:3]] == ["0", "1", "2"]
