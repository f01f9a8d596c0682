"""Every score against scikit-learn's or SciPy's, on predictions of all sorts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

from nnpy.errors import ModelError
from nnpy.evaluation import statistics
from nnpy.evaluation.classification import (
    calibration,
    class_report,
    probabilities,
    top_k_hits,
    true_classes,
)

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def predictions(n: int = 4000, k: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + 2.0 * np.eye(k)[truth]
    exp = np.exp(logits).astype(np.float32)
    return exp / exp.sum(axis=1, keepdims=True), truth


@pytest.mark.parametrize("k", [2, 3, 10, 100])
def test_scores_equal_scikit_learns(k):
    probs, truth = predictions(k=k)
    report = class_report(probabilities(probs), truth, tuple(f"c{i}" for i in range(k)))
    answers = probs.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, answers, labels=range(k), zero_division=0
    )
    np.testing.assert_allclose([s.precision for s in report.classes], precision, **EXACT)
    np.testing.assert_allclose([s.recall for s in report.classes], recall, **EXACT)
    np.testing.assert_allclose([s.f1 for s in report.classes], f1, **EXACT)
    assert [s.support for s in report.classes] == support.tolist()
    assert report.confusion.tolist() == metrics.confusion_matrix(truth, answers).tolist()
    assert report.accuracy.value == pytest.approx(metrics.accuracy_score(truth, answers), abs=1e-12)
    assert report.macro_f1 == pytest.approx(
        metrics.f1_score(truth, answers, average="macro"), abs=1e-12
    )
    if k == 2:
        assert report.top2_accuracy is None
    else:
        assert report.top2_accuracy is not None
        assert report.top2_accuracy.value == pytest.approx(
            metrics.top_k_accuracy_score(truth, probs, k=2), abs=1e-12
        )
    json.dumps(report.as_dict())  # plain data all through


def test_a_class_that_nobody_meets_scores_zero_and_stays_out_of_the_mean():
    truth, answers = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    report = class_report(np.eye(3)[answers], truth, ("a", "b", "never"))
    never = report.classes[2]
    assert (never.precision, never.recall, never.f1, never.support) == (0, 0, 0, 0)
    assert report.macro_f1 == pytest.approx(metrics.f1_score(truth, answers, average="macro"))


def test_ties_go_to_the_lower_class_as_argmax_has_it():
    probs = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    truth = np.array([0, 1])
    assert top_k_hits(probs, truth, 1) == 1
    assert top_k_hits(probs, truth, 2) == 2


@given(st.integers(1, 5000), st.data())
@settings(max_examples=60, deadline=None)
def test_wilson_equals_scipys(n, data):
    hits = data.draw(st.integers(0, n))
    ours = statistics.wilson(hits, n)
    theirs = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert ours.low == pytest.approx(theirs.low, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, abs=1e-12)
    assert ours.low <= ours.value <= ours.high


@pytest.mark.parametrize(
    ("b", "c"),
    [
        (0, 0),
        (0, 1),
        (1, 0),
        (3, 9),
        (40, 12),
        (300, 355),
        (4000, 4100),
        (4990, 5010),
        (5001, 5000),
        (9000, 9400),
        (60_000, 61_000),
        (500_000, 501_500),
        (0, 20_000),
    ],
)
def test_mcnemar_equals_scipys_binomial_test(b, c):
    ours = statistics.binomial_half(b, c)
    theirs = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    tolerance = 1e-12 if b + c <= 10_000 else 1e-8
    assert ours == pytest.approx(theirs, rel=tolerance, abs=1e-12)
    assert ours == statistics.binomial_half(c, b)


def test_mcnemar_counts():
    first = np.array([1, 1, 1, 0, 0, 1], bool)
    second = np.array([1, 0, 0, 1, 0, 1], bool)
    result = statistics.mcnemar(first, second)
    assert (result.both_right, result.only_first, result.only_second, result.both_wrong) == (
        2,
        2,
        1,
        1,
    )
    assert result.p_value == 1.0


def test_bootstrap_is_near_scipys_and_the_same_each_time():
    values = np.random.default_rng(1).exponential(size=3000)
    ours = statistics.bootstrap_mean(values)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours == statistics.bootstrap_mean(values)
    assert ours.value == pytest.approx(values.mean(), abs=1e-12)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.08 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.08 * width)


def test_the_normal_interval_of_many_values_continues_the_bootstraps():
    values = np.random.default_rng(1).exponential(size=100_001)
    many, few = statistics.bootstrap_mean(values), statistics.bootstrap_mean(values[:-1])
    assert (many.method, few.method) == ("normal", "bootstrap")
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.06)


@pytest.mark.parametrize("k", [2, 10])
def test_calibration_equals_scikit_learns_curve(k):
    probs, truth = predictions(k=k)
    confidence, right = probs.max(axis=1).astype(np.float64), probs.argmax(axis=1) == truth
    ours = calibration(confidence, right)
    accuracy, mean = calibration_curve(right, confidence, n_bins=15)
    filled = [b for b in ours.bins if b.count]
    np.testing.assert_allclose([b.accuracy for b in filled], accuracy, **EXACT)
    np.testing.assert_allclose([b.confidence for b in filled], mean, **EXACT)
    weights = np.array([b.count for b in filled]) / len(truth)
    assert ours.ece == pytest.approx(float((weights * abs(accuracy - mean)).sum()), abs=1e-12)


def test_bins_are_closed_on_the_right():
    ours = calibration(np.array([0.0, 0.5, 1.0]), np.array([1, 1, 1]), bins=2)
    assert [b.count for b in ours.bins] == [2, 1]


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_one_sigmoid_column_is_the_second_class(shape):
    column = np.array([0.1, 0.6, 0.5, 0.9, 0.0]).reshape(shape)
    probs = probabilities(column)
    assert probs.shape == (5, 2)
    np.testing.assert_allclose(probs[:, 1], column.ravel())
    assert probs.argmax(axis=1).tolist() == [0, 1, 0, 1, 0]


def test_logits_become_probabilities():
    logits = np.array([[1000.0, -1000.0, 0.0], [2.0, 1.0, -1.0]])
    probs = probabilities(logits, "softmax")
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    np.testing.assert_allclose(probs[1], np.exp(logits[1]) / np.exp(logits[1]).sum())
    column = probabilities(np.array([[-800.0], [0.0], [3.0]]), "sigmoid")
    np.testing.assert_allclose(column[:, 1], [0, 0.5, 1 / (1 + math.exp(-3))], atol=1e-15)
    told = probabilities(np.array([[0.2, 0.4]]), "softmax")
    np.testing.assert_allclose(told, np.exp([[0.2, 0.4]]) / np.exp([0.2, 0.4]).sum())


def test_what_is_not_a_number_is_said():
    with pytest.raises(ModelError, match="not a number for 1 of 2 examples"):
        probabilities(np.array([[0.5, 0.5], [math.nan, 0.5]]))
    with pytest.raises(ModelError, match="not class probabilities"):
        probabilities(np.zeros((2, 3, 4)))


def test_data_that_does_not_fit_the_model():
    with pytest.raises(ModelError, match="class index 3; the model knows 0 to 2"):
        class_report(np.full((1, 3), 1 / 3), np.array([3]), ("a", "b", "c"))
    with pytest.raises(ModelError, match="predicts 3 classes; the data has 2"):
        class_report(np.full((1, 3), 1 / 3), np.array([0]), ("a", "b"))


def test_one_hot_targets_are_classes():
    truth = np.array([2, 0, 1])
    assert true_classes(np.eye(3)[truth]).tolist() == truth.tolist()
    assert true_classes(truth[:, None].astype(np.float32)).tolist() == truth.tolist()


def test_no_examples_at_all():
    report = class_report(np.zeros((0, 3)), np.zeros(0, np.int64), ("a", "b", "c"))
    assert math.isnan(report.accuracy.value)
    assert (report.accuracy.low, report.accuracy.high) == (0.0, 1.0)
    assert report.calibration.ece == 0
