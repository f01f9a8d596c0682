"""Which examples are held out: by class, by group, by time, by a column, by a digest."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.data import DataInfo, Dataset, Split, SplitRule
from nnpy.data.splits import hold_out
from nnpy.errors import DataError

N = 200
CITY = np.array([f"city {i % 20}" for i in range(N)])
DAY = np.arange(N)[::-1]
WHERE = np.array(["train", "val", "test", "train"] * (N // 4))


def dataset(**more) -> Dataset:
    y = np.arange(N) % 4
    info = DataInfo("some", (2,), "float32", tuple("abcd"), N, 0, 1.0)
    x = np.stack([np.arange(N), y], 1).astype(np.float32)
    split = Split(x, y, {"city": CITY, "day": DAY, "where": WHERE})
    return Dataset(info, split, None, None, {}, "here", **more)


def parts(validation: SplitRule, test: SplitRule) -> list[np.ndarray]:
    held = hold_out(dataset(), validation, test)
    found = [held.train, held.validation, held.test]
    rows = [each.x[:, 0].astype(int) for each in found]
    assert sorted(np.concatenate(rows)) == list(range(N))  # each example once
    for each, ids in zip(found, rows, strict=True):
        assert (each.y == ids % 4).all() and (each.columns["day"] == DAY[ids]).all()
        assert (np.diff(ids) > 0).all()  # in their stored order
    assert (held.held_out.validation == rows[1]).all() and (held.held_out.test == rows[2]).all()
    return rows


def test_each_class_gives_its_share_to_both_parts():
    for rows in parts(SplitRule(0.2), SplitRule(0.1, seed=3))[1:]:
        counts = np.bincount(rows % 4)
        assert counts.max() - counts.min() <= 1


def test_groups_stay_together():
    rows = parts(SplitRule(0.2, "group", column="city"), SplitRule(0.2, "group", column="city"))
    cities = [{*CITY[each]} for each in rows]
    assert not (cities[0] & cities[1] or cities[1] & cities[2] or cities[0] & cities[2])
    assert len(rows[1]) == len(rows[2]) == 40


def test_the_latest_are_held_out():
    train, validation, test = parts(
        SplitRule(0.2, "time", column="day"), SplitRule(0.1, "time", column="day")
    )
    assert DAY[train].max() < DAY[validation].min() < DAY[validation].max() < DAY[test].min()
    assert (len(validation), len(test)) == (40, 20)


def test_a_column_says_it():
    by = SplitRule(0.0, "column", column="where")
    for rows, word in zip(parts(by, by), ("train", "val", "test"), strict=True):
        assert {*WHERE[rows]} == {word}


def test_a_digest_keeps_each_where_it_is():
    rule = SplitRule(0.3, "hash", column="city")
    _, validation, test = parts(rule, SplitRule(0.2, "hash", column="city"))
    again = parts(rule, SplitRule(0.2, "hash", column="city"))
    assert (validation == again[1]).all() and (test == again[2]).all()
    assert not {*CITY[validation]} & {*CITY[test]}


def test_what_is_learnt_from_the_rows_is_learnt_after_the_split():
    seen = []
    held = hold_out(
        dataset(finish=lambda d: seen.append(len(d.train)) or d), SplitRule(0.2), SplitRule(0.1)
    )
    assert seen == [len(held.train)] == [140]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (SplitRule(0.2, "group"), "by: group} needs a column; known: city, day, where"),
        (SplitRule(0.2, "group", column="cty"), "no such column; did you mean 'city'?"),
        (SplitRule(0.2, "column", column="city"), "holds 'city 0': expected train, validation"),
        (SplitRule(0.9999), "leaves no examples to train on"),
    ],
)
def test_what_cannot_be_split_is_told(rule, told):
    with pytest.raises(DataError) as caught:
        hold_out(dataset(), rule)
    assert told in str(caught.value)
