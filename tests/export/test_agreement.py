"""Whether answers are near enough, by NumPy alone."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.export.agreement import BOUNDS, compare, spaced

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(100, 5))
BEFORE = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def held(after, kind="none", **options):
    return compare({"a": BEFORE}, {"a": after}, BOUNDS[kind], classes="a", **options)


def test_rounding_agrees_and_is_measured():
    found = held(BEFORE + 3e-7)
    assert found.reasons == ()
    assert found.difference == pytest.approx(3e-7)
    assert found.same == 1.0


@pytest.mark.parametrize("kind", BOUNDS)
@pytest.mark.parametrize(
    "after",
    [
        np.full_like(BEFORE, 0.2),  # weights of zero
        BEFORE[:, ::-1],  # columns in another order
        np.full_like(BEFORE, np.nan),
        BEFORE[::-1],  # examples in another order
        BEFORE[:, :4],
    ],
    ids=["zeroed", "swapped", "nan", "reversed", "cut"],
)
def test_lies_are_told_from_every_kind_of_rounding(kind, after):
    assert held(after, kind).reasons


def test_what_8_bits_cost_is_allowed_for_them_alone():
    rough = np.clip(BEFORE + GENERATOR.normal(size=BEFORE.shape) * 0.01, 0, 1)
    assert held(rough, "int8").reasons == ()
    assert held(rough, "none").reasons


def test_a_worse_score_is_told_though_outputs_are_near():
    wrong = held(BEFORE, score=("accuracy", 0.9, 0.88), scored=1000)
    assert wrong.reasons == ("its accuracy is 0.8800 instead of 0.9000",)
    assert held(BEFORE, score=("accuracy", 0.9, 0.895), scored=200).reasons == ()  # one example
    assert held(BEFORE, score=("loss", 0.5, 0.7), scored=200).reasons
    assert held(BEFORE, score=("loss", 0.5, 0.4), scored=200).reasons == ()
    assert held(BEFORE, score=("loss", 0.5, float("nan")), scored=200).reasons


def test_outputs_go_by_their_names():
    one, other = BEFORE, BEFORE[:, ::-1]
    swapped = compare({"a": one, "b": other}, {"a": other, "b": one}, BOUNDS["none"])
    assert len(swapped.reasons) == 2
    missing = compare({"a": one}, {"b": one}, BOUNDS["none"])
    assert missing.reasons == ("its outputs are ['b'], the model's ['a']",)


def test_numbers_of_any_size_are_compared_by_their_own():
    large, small = 1e4 * LOGITS, 1e-4 * LOGITS
    for values in (large, small):
        assert compare({"a": values}, {"a": values * (1 + 1e-6)}, BOUNDS["none"]).reasons == ()
        assert compare({"a": values}, {"a": values * 1.01}, BOUNDS["none"]).reasons


def test_examples_are_spaced_over_all():
    assert spaced(3).tolist() == [0, 1, 2]
    assert len(spaced(10_000)) == 100
    assert spaced(10_000)[-1] == 9_999
