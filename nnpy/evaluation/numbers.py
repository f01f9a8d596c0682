"""How good predicted numbers are, in the user's units: MAE, RMSE, R², each with its interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnpy.errors import ModelError
from nnpy.evaluation.statistics import Estimate, bootstrap_means


@dataclass(frozen=True)
class NumberScore:
    """How one number fares. `r2` is None where the truth never changes."""

    name: str
    mae: Estimate  # the mean absolute error
    rmse: Estimate  # the square root of the mean squared error
    r2: Estimate | None  # 1 is perfect, 0 as good as answering with the mean
    spread: float  # the standard deviation of the truth: the RMSE of answering with its mean
    bias: float  # the mean of answer less truth


@dataclass(frozen=True)
class NumbersReport:
    """Everything that is known of predicted numbers on one split."""

    numbers: tuple[NumberScore, ...]
    truth: np.ndarray  # (n, k) float64, in the user's units
    answers: np.ndarray  # (n, k) likewise

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain data, for `--json`."""
        return {"numbers": [asdict(each) for each in self.numbers]}


def in_units(
    outputs: np.ndarray, center: tuple[float, ...], spread: tuple[float, ...]
) -> np.ndarray:
    """A model's outputs (n, k) or (n,) as numbers (n, k) in the user's units."""
    values = np.asarray(outputs, np.float64)
    values = values.reshape(len(values), -1)
    return values * np.asarray(spread) + np.asarray(center) if center else values


def numbers_report(truth: np.ndarray, answers: np.ndarray, names: tuple[str, ...]) -> NumbersReport:
    """The scores of `answers` (n, k) against `truth` (n, k). Raises ModelError for NaN."""
    truth = np.asarray(truth, np.float64).reshape(len(truth), -1)
    bad = int((~np.isfinite(answers)).any(axis=1).sum())
    if bad:
        raise ModelError(
            f"the model's output is not a number for {bad} of {len(answers)} examples: its weights "
            "have most likely grown beyond all bounds; try a smaller learning rate"
        )
    scores = tuple(_score(name, truth[:, i], answers[:, i]) for i, name in enumerate(names))
    return NumbersReport(scores, truth, answers)


def _score(name: str, truth: np.ndarray, answers: np.ndarray) -> NumberScore:
    if not len(truth):
        none = Estimate(float("nan"), float("nan"), float("nan"), "bootstrap")
        return NumberScore(name, none, none, None, float("nan"), float("nan"))
    error = answers - truth
    around = truth - truth.mean()  # so that squares of large numbers lose nothing
    means = np.stack([np.abs(error), error**2, around, around**2], axis=1)
    drawn = bootstrap_means(means)
    variance = float((around**2).mean())
    r2 = None
    if variance > 0:
        spread = drawn[:, 3] - drawn[:, 2] ** 2
        good = spread > 1e-9 * variance  # of few rows the same one may be drawn every time
        value = 1 - float((error**2).mean()) / variance
        r2 = _estimate(value, 1 - drawn[good, 1] / spread[good]) if good.any() else None
    return NumberScore(
        name,
        _estimate(float(np.abs(error).mean()), drawn[:, 0]),
        _estimate(float(np.sqrt((error**2).mean())), np.sqrt(np.maximum(drawn[:, 1], 0))),
        r2,
        float(np.sqrt(variance)),
        float(error.mean()),
    )


def _estimate(value: float, drawn: np.ndarray) -> Estimate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(min(low, value)), float(max(high, value)), "bootstrap")
