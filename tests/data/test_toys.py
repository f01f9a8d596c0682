"""Toy sets are as scikit-learn draws them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from nnpy import data
from nnpy.errors import DataError


def rows(name: str, **arguments) -> tuple[np.ndarray, np.ndarray]:
    found = data.load(name, arguments=arguments, validation_split=0.0, test=data.SplitRule())
    return found.train.x.astype(np.float64), found.train.y


def by_class(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The points in an order that does not depend on how they were shuffled."""
    return np.stack([x[np.lexsort((x[:, 1], x[:, 0], y))], np.stack([np.sort(y)] * 2, 1)])


@pytest.mark.parametrize("n_samples", [100, 101])
def test_without_noise_moons_and_circles_are_those_of_scikit_learn(n_samples):
    theirs = datasets.make_moons(n_samples, noise=None)
    mine = rows("moons", n_samples=n_samples, noise=0.0)
    # An odd one goes to the other moon there.
    if n_samples % 2 == 0:
        rounded = [np.round(x, 5) + 0.0 for x in (mine[0], theirs[0])]
        assert np.allclose(
            by_class(rounded[0], mine[1]), by_class(rounded[1], theirs[1]), atol=2e-5
        )
    theirs = datasets.make_circles(n_samples, noise=None, factor=0.4)
    mine = rows("circles", n_samples=n_samples, noise=0.0, factor=0.4)
    for each in (0, 1):
        radii = [np.linalg.norm(x[y == each], axis=1) for x, y in (mine, theirs)]
        assert np.allclose(radii[0].mean(), radii[1].mean(), atol=1e-6)


def test_blobs_have_the_spread_that_is_asked_for():
    x, y = rows("blobs", n_samples=6000, centers=4, n_features=3, cluster_std=0.5)
    assert x.shape == (6000, 3) and np.bincount(y).tolist() == [1500] * 4
    assert all(abs(x[y == each].std(axis=0) - 0.5).max() < 0.03 for each in range(4))


def test_xor_and_spirals_are_what_they_are_called():
    x, y = rows("xor", n_samples=500)
    assert (((x[:, 0] > 0) != (x[:, 1] > 0)) == y).all() and abs(y.mean() - 0.5) < 0.1
    x, y = rows("xor", gap=0.2)
    assert 0.1 <= abs(x).min() < 0.15 and (((x[:, 0] > 0) != (x[:, 1] > 0)) == y).all()
    x, y = rows("spirals", n_samples=600, noise=0.0, arms=3, turns=1.0)
    radius = np.linalg.norm(x, axis=1) / (2 * np.pi)
    angle = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
    assert np.allclose(((angle - radius) * 3) % 3 % 3, y, atol=1e-3) or np.allclose(
        np.round((angle - radius) * 3) % 3, y
    )


def test_the_same_seed_draws_the_same_and_a_wrong_argument_is_named():
    one, other = rows("moons"), rows("moons", random_state=1)
    assert (one[0] == rows("moons")[0]).all() and not (one[0] == other[0]).all()
    with pytest.raises(DataError, match="takes no nois; did you mean 'noise'"):
        data.load("moons", arguments={"nois": 1})
