"""Scores of numbers, labels, two classes and reconstructions equal scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from nnpy.evaluation.labels import labels_report
from nnpy.evaluation.numbers import in_units, numbers_report
from nnpy.evaluation.ranking import rank
from nnpy.evaluation.reconstruction import reconstruction_report
from nnpy.evaluation.statistics import bootstrap_mean, bootstrap_means, paired_bootstrap

RNG = np.random.default_rng(0)


def test_numbers_are_scored_in_their_units():
    truth = np.stack([RNG.normal(1e6, 3, 80), RNG.normal(0, 1, 80)], axis=1)
    answers = truth + RNG.normal(0, [2, 0.5], truth.shape)
    found = numbers_report(truth, answers, ("big", "small"))
    for i, each in enumerate(found.numbers):
        assert each.mae.value == pytest.approx(
            metrics.mean_absolute_error(truth[:, i], answers[:, i])
        )
        assert each.rmse.value == pytest.approx(
            metrics.root_mean_squared_error(truth[:, i], answers[:, i])
        )
        assert each.r2.value == pytest.approx(metrics.r2_score(truth[:, i], answers[:, i]))
        for estimate in (each.mae, each.rmse, each.r2):
            assert estimate.low < estimate.value < estimate.high
    same = numbers_report(np.ones((5, 1)), np.ones((5, 1)), ("one",)).numbers[0]
    assert (same.r2, same.mae.value) == (None, 0.0)
    assert in_units(np.array([[0.0], [1.0]]), (10.0,), (2.0,)).tolist() == [[10.0], [12.0]]


def test_yes_and_no_are_ranked():
    truth = RNG.integers(0, 2, 300)
    probability = np.round(np.clip(truth * 0.3 + RNG.random(300) * 0.7, 0, 1), 1)  # with ties
    found = rank("yes", truth, probability)
    assert found.auc == pytest.approx(metrics.roc_auc_score(truth, probability))
    assert found.average_precision == pytest.approx(
        metrics.average_precision_score(truth, probability)
    )
    best = metrics.f1_score(truth, probability >= found.threshold)
    assert found.best_f1 == pytest.approx(best)
    assert best == max(metrics.f1_score(truth, probability >= t) for t in np.unique(probability))
    alone = rank("yes", np.zeros(3), np.zeros(3))
    assert (alone.auc, alone.average_precision) == (None, None)


def test_labels_are_scored_each_and_together():
    truth = RNG.integers(0, 2, (200, 3))
    truth[:, 2] = 0
    probs = np.clip(truth * 0.4 + RNG.random((200, 3)) * 0.6, 0, 1)
    found = labels_report(truth, probs, ("a", "b", "never"))
    said = probs >= 0.5
    assert found.micro_f1 == pytest.approx(metrics.f1_score(truth, said, average="micro"))
    wanted = metrics.f1_score(truth, said, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(wanted)
    assert found.exact.value == pytest.approx(metrics.accuracy_score(truth, said))
    two = metrics.average_precision_score(truth[:, :2], probs[:, :2], average="macro")
    assert found.mean_average_precision == pytest.approx(two)
    assert found.rankings[2].average_precision is None


def test_reconstructions_go_from_the_best_to_the_worst():
    truth = RNG.random((20, 4, 4))
    answers = truth + RNG.normal(0, np.linspace(0.5, 0.1, 20)[:, None, None], truth.shape)
    found = reconstruction_report(truth, answers.reshape(20, 16))
    assert found.mse.value == pytest.approx(((answers - truth) ** 2).mean())
    apart = [((given - wanted) ** 2).mean() for _, wanted, given in found.pairs]
    assert apart == sorted(apart)
    assert found.pairs[0][1].shape == (4, 4)


def test_paired_errors_are_compared():
    first = RNG.gamma(2, 1, 400)
    better = paired_bootstrap(first, first - 0.2 + RNG.normal(0, 0.1, 400))
    assert better.p_value < 0.01
    assert better.difference.low < 0.2 < better.difference.high + 0.02
    assert paired_bootstrap(first, first + RNG.normal(0, 1, 400)).p_value > 0.01
    assert paired_bootstrap(first, first).p_value == 1.0


def test_means_of_many_rows_are_drawn_as_of_few():
    values = RNG.normal(2, 3, (120_000, 1))
    drawn = bootstrap_means(values)[:, 0]
    known = bootstrap_mean(values[:, 0])
    assert np.percentile(drawn, [2.5, 97.5]) == pytest.approx([known.low, known.high], abs=0.002)
