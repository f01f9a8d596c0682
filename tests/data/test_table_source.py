"""The source `table`: files split, learnt from and made into vectors."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy import data
from nnpy.data import SplitRule, Task, registry
from nnpy.errors import DataError


def text(count=200, seed=0, test_like=None):
    """A table of numbers, words, missing cells and a group; `test_like` changes some rows."""
    rng = np.random.default_rng(seed)
    lines = ["who,size,colour,kind"]
    for i in range(count):
        size = "" if i % 17 == 3 else f"{rng.normal():.3f}"
        row = [f"p{i % 20}", size, ("red", "green", "blue")[rng.integers(3)], "abc"[i % 3]]
        lines.append(",".join(test_like(i, row) if test_like else row))
    return "\n".join(lines) + "\n"


@pytest.fixture
def load(tmp_path):
    def make(content, name="t.csv", **how):
        (tmp_path / name).write_text(content)
        arguments = {"target": "kind", **how.pop("arguments", {})}
        return data.load("table", path=str(tmp_path / name), arguments=arguments, **how)

    return make


def test_a_table_is_split_and_learnt_from(load):
    found = load(text())
    sizes = {name: len(split) for name, split in found.splits().items()}
    assert sizes == {"train": 140, "validation": 30, "test": 30}
    assert found.info.shape == (found.train.x.shape[1],) == (25,)
    assert found.train.x.dtype == np.float32
    assert found.info.classes == ("a", "b", "c") and found.info.targets[0].task is Task.CLASSES
    assert np.bincount(found.test.y).tolist() == [10, 10, 10]  # stratified
    size = next(each for each in found.preprocessing["features"] if each["name"] == "size")
    assert size["flag"] and abs(size["mean"]) < 0.2
    assert any("the 200 examples are split" in note for note in found.notes)


def test_the_test_rows_change_nothing(load):
    """No statistic of the preprocessing and no training vector (and so no weight) depends on
    rows that are not trained on."""
    first = load(text())
    held = {*first.held_out.test.tolist(), *first.held_out.validation.tolist()}

    def other(i, row):
        return [row[0], "1e6", "violet", row[3]] if i in held else row

    second = load(text(test_like=other))
    assert second.preprocessing == first.preprocessing
    assert np.array_equal(second.train.x, first.train.x)
    assert not np.array_equal(second.test.x, first.test.x)
    assert any("test: 'colour': 30 rows have a value" in note for note in second.notes)


@pytest.mark.parametrize("by", ["group", "hash"])
def test_rows_of_a_group_stay_together_and_are_no_feature(load, by):
    rule = SplitRule(0.2, by, 0, "who")
    found = load(text(), validation=SplitRule(0.0), test=rule)
    train, test = ({*split.columns["who"].tolist()} for split in (found.train, found.test))
    assert train and test and not train & test
    assert {each["name"] for each in found.preprocessing["features"]} == {"size", "colour"}
    with pytest.raises(DataError, match="no column 'whom'; did you mean 'who'"):
        load(text(), test=SplitRule(0.2, by, 0, "whom"))


def test_the_latest_rows_are_held_out(load):
    lines = ["day,x,kind"]
    order = np.random.default_rng(0).permutation(100)
    lines += [f"2024-{i // 28 + 1:02}-{i % 28 + 1:02},{i}.5,{'ab'[i % 2]}" for i in order.tolist()]
    rule = SplitRule(0.2, "time", 0, "day")
    found = load("\n".join(lines) + "\n", validation=SplitRule(0.0), test=rule)
    assert found.test.columns["day"].min() > found.train.columns["day"].max()
    assert len(found.test) == 20 and found.info.shape == (1,)


def test_a_column_says_the_split(load):
    content = "part,x,kind\n" + "".join(
        f"{('train', 'train', 'val', 'test')[i % 4]},{i}.5,{'ab'[i // 4 % 2]}\n" for i in range(80)
    )
    rule = SplitRule(0.0, "column", 0, "part")
    found = load(content, validation=rule, test=rule)
    assert [len(split) for split in found.splits().values()] == [40, 20, 20]


def test_files_of_their_own(tmp_path):
    for name, count in (("train", 90), ("val", 30), ("test", 60)):
        (tmp_path / f"{name}.csv").write_text(text(count, seed=count))
    paths = {"train": "train", "validation": "val", "test": "test"}
    arguments = {key: str(tmp_path / f"{name}.csv") for key, name in paths.items()}
    found = data.load("table", arguments={**arguments, "target": "kind"})
    assert [len(split) for split in found.splits().values()] == [90, 30, 60]
    assert found.held_out is None and set(found.digests) == {"train.csv", "val.csv", "test.csv"}
    info = data.info("table", **arguments, target="kind")
    assert (info.train, info.validation, info.test) == (90, 30, 60)


def test_a_record_is_applied_instead_of_learning(load):
    first = load(text())
    again = load(text(), learnt=first.preprocessing)
    assert all(
        np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)
        for one, other in zip(first.splits().values(), again.splits().values(), strict=True)
    )
    # A few other rows, which alone would be read otherwise, are read as the training rows were.
    few = "kind,who,colour,size\n" + "b,p1,red,0.5\nc,p9, green ,\n" * 10
    other = load(
        few, "few.csv", learnt=first.preprocessing, validation=SplitRule(), test=SplitRule()
    )
    assert other.train.x.shape == (20, 25) and {*other.train.y.tolist()} == {1, 2}
    with pytest.raises(DataError, match="the target has 'z'; the model knows 'a', 'b', 'c'"):
        load(few.replace("b,p1", "z,p1"), "few.csv", learnt=first.preprocessing)
    assert registry.SOURCES["table"].learnt_info(first.preprocessing).shape == (25,)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"target": "kind"}, "say the file"),
        ({"path": "a.csv", "train": "b.csv", "target": "kind"}, "path and train"),
        ({"path": "nowhere.csv", "target": "kind"}, "nowhere.csv cannot be read"),
        ({"path": "a.csv", "target": "kind", "types": {"x": "int"}}, "expected number, category"),
    ],
)
def test_arguments_that_do_not_fit(arguments, match):
    with pytest.raises(DataError, match=match):
        data.info("table", **arguments)
