"""How near a model's picture of an example is to the example."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnpy.evaluation.statistics import Estimate, bootstrap_mean

PAIRS = 8


@dataclass(frozen=True)
class ReconstructionReport:
    """Errors of each value as the model takes it: of pictures from 0 to 1."""

    mse: Estimate  # of the examples' mean squared errors
    mae: Estimate
    without: float  # the mean squared error of answering with the mean example
    errors: np.ndarray  # (n,) the mean squared error of each example
    truth: np.ndarray  # (n, …) the examples as the model takes them
    pairs: tuple[tuple[int, np.ndarray, np.ndarray], ...]  # number, input, answer; best to worst

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain data, for `--json`."""
        return {"mse": asdict(self.mse), "mae": asdict(self.mae), "without": self.without}


def reconstruction_report(truth: np.ndarray, answers: np.ndarray) -> ReconstructionReport:
    """The scores of `answers` (n, …) against `truth` of the same size."""
    flat = np.asarray(truth, np.float64).reshape(len(truth), -1)
    given = np.asarray(answers, np.float64).reshape(len(truth), -1)
    apart = given - flat
    squares = (apart**2).mean(axis=1)
    order = np.argsort(squares, kind="stable")
    chosen = order[np.unique(np.linspace(0, max(len(order) - 1, 0), PAIRS).astype(int))]
    shape = truth.shape[1:]
    return ReconstructionReport(
        bootstrap_mean(squares),
        bootstrap_mean(np.abs(apart).mean(axis=1)),
        float(((flat - flat.mean(axis=0)) ** 2).mean()) if len(flat) else float("nan"),
        squares.astype(np.float32),
        np.asarray(truth, np.float32),
        tuple((int(i), flat[i].reshape(shape), given[i].reshape(shape)) for i in chosen),
    )
