"""A global batch divided: every row once, none padded."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy.engine.shares import order_of, share


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 64])
@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
def test_each_row_is_counted_once(rows, replicas):
    shares = [share(rows, replica, replicas) for replica in range(replicas)]
    counted = [row for each in shares if each.counts for row in range(each.begin, each.end)]
    assert counted == list(range(rows))


@pytest.mark.parametrize(("rows", "replicas"), [(7, 3), (64, 3), (8, 4), (2, 4), (1, 3)])
def test_the_weighted_mean_of_the_replicas_losses_is_the_batchs(rows, replicas):
    losses = np.random.default_rng(0).random(rows)
    shares = [share(rows, replica, replicas) for replica in range(replicas)]
    means = [losses[each.begin : each.end].mean() * each.factor for each in shares]
    assert np.mean(means) == pytest.approx(losses.mean())


def test_an_epochs_order_is_divided_batch_by_batch():
    order = np.random.default_rng(0).permutation(17)
    first, second = (order_of(order, 5, replica, 2) for replica in range(2))
    assert list(first[:3]) == list(order[:3])
    assert list(second[:2]) == list(order[3:5])
    assert sorted([*first, *second]) == list(range(17))


def test_what_is_too_little_to_divide_is_taken_by_all():
    order = np.arange(9)
    assert [list(order_of(order, 8, replica, 4)[2:]) for replica in range(4)] == [[8]] * 4
