"""What a classifier of two numbers answers at every place of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnpy.data.dataset import Split
from nnpy.evaluation import classification

if TYPE_CHECKING:
    from nnpy.engine import Engine

STEPS = 101  # of the grid, along each axis
MOST_POINTS = 500
_MARGIN = 0.08


@dataclass(frozen=True)
class Plane:
    """Probabilities on a grid, and examples that lie in it."""

    first: np.ndarray  # (w,) the grid's values of the first number
    second: np.ndarray  # (h,)
    probabilities: np.ndarray  # (h, w, k)
    points: np.ndarray  # (n, 2)
    truth: np.ndarray  # (n,) class numbers
    answers: np.ndarray  # (n,) likewise


def plane(
    engine: Engine, split: Split, truth: np.ndarray, answers: np.ndarray, scale: str | None
) -> Plane | None:
    """The plane around a split's examples; None where they are not two numbers each.

    `scale` is what the model's only output is, as `classification.probabilities` takes it.
    """
    x = split.x
    if not isinstance(x, np.ndarray) or x.shape[1:] != (2,) or x.dtype.kind != "f" or not len(x):
        return None
    points = np.asarray(x[:MOST_POINTS])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, 1)
    axes = [
        np.linspace(*ends, STEPS, dtype=x.dtype)
        for ends in zip(low - margin, high + margin, strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    labels = np.zeros((len(grid), *split.y.shape[1:]), split.y.dtype)
    given = classification.probabilities(engine.predict(Split(grid, labels)), scale)
    return Plane(
        axes[0],
        axes[1],
        given.reshape(STEPS, STEPS, -1),
        points,
        truth[:MOST_POINTS],
        answers[:MOST_POINTS],
    )
