"""Runs side by side."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnpy.evaluation.comparison import Compared, compare
from nnpy.report import comparison
from nnpy.runs.differences import Difference, differences

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"a": 1}, {"a": 1}], []),
        ([{"a": 1, "b": 2}, {"a": 1, "b": 3}], [Difference("b", (2, 3))]),
        ([{"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}], [Difference("a.b[1]", (2, 3))]),
        ([{"a": [1]}, {"a": [1, 2]}], [Difference("a[1]", (None, 2))]),
        ([{"a": 1}, {}], [Difference("a", (1, None))]),
        ([{"a": 1}, {"a": True}], [Difference("a", (1, True))]),
        ([{"a": float("nan")}, {"a": float("nan")}], []),
        ([{"a": 1}, {"a": 1}, {"a": 2}], [Difference("a", (1, 1, 2))]),
        # Another layer is another thing; the same layer is compared within.
        (
            [{"m": [{"Dense": {"units": 3}}]}, {"m": [{"LSTM": {"units": 3}}]}],
            [Difference("m[0]", ({"Dense": {"units": 3}}, {"LSTM": {"units": 3}}))],
        ),
        (
            [{"m": [{"Dense": {"units": 3}}]}, {"m": [{"Dense": {"units": 4}}]}],
            [Difference("m[0].Dense.units", (3, 4))],
        ),
        (
            [{"o": "Adam"}, {"o": {"Adam": {"a": 1}}}],
            [Difference("o", ("Adam", {"Adam": {"a": 1}}))],
        ),
    ],
)
def test_differences(values, expected):
    assert differences(values) == expected


def run(name: str, right: np.ndarray | None = None, **more) -> Compared:
    history = {"epoch": [1, 2], "loss": [0.5, 0.4], "val_loss": [0.6, 0.5]}
    return Compared(
        name, metrics={"test accuracy": 0.9, "epochs": 2}, history=history, right=right, **more
    )


def test_only_runs_of_one_test_set_are_tested():
    right = np.array([True, True, False])
    runs = [run("a", right, test_set="x"), run("b", right, test_set="x")]
    runs += [run("c", right, test_set="y"), run("d")]
    assert [(p.first, p.second) for p in compare(runs).pairs] == [("a", "b")]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (100, 40, "a is better, by more than chance (p = 4.1e-07"),
        (40, 100, "b is better, by more than chance"),
        (21, 20, "that may well be chance"),
        (20, 20, "right equally often"),
        (2000, 0, "p < 1e-12"),
    ],
)
def test_the_verdict(first, second, words):
    one = np.repeat([True, False, True], [first, second, 500])
    other = np.repeat([False, True, True], [first, second, 500])
    told = compare([run("a", one), run("b", other)])
    assert words in comparison.verdict(told.pairs[0])


def test_the_page_and_the_data():
    right = np.random.default_rng(0).random(100) < 0.5
    runs = [
        run(EVIL, right, config={"a": EVIL}, environment={"v": "1"}),
        run("b", ~right, config={"a": "x" * 10_000}, environment={"v": "1"}),
    ]
    told = compare(runs)
    html = comparison.render(told)
    assert "<script" not in html
    assert html.count("x" * 300) == 0
    for words in ("What came out", "more than chance", "How they went", "What differs"):
        assert words in html
    data = json.loads(json.dumps(told.as_dict()))
    assert data["environment"] == {}
    assert data["config"]["a"][0] == EVIL
    assert data["mcnemar"][0]["both_right"] == 0
