"""How well probabilities rank yes before no: ROC, precision-recall, and the threshold between.

T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006): 861-874.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_POINTS = 400  # of a curve that is drawn or told


@dataclass(frozen=True)
class Ranking:
    """The curves of one yes or no. A score that has no meaning, as without any yes, is None."""

    name: str  # what is yes
    auc: float | None  # the area under the ROC curve
    average_precision: float | None
    threshold: float  # the probability from which yes gives the best F1
    best_f1: float
    false_positives: np.ndarray  # rates, ascending; of the ROC curve
    true_positives: np.ndarray
    recall: np.ndarray  # ascending; of the precision-recall curve
    precision: np.ndarray
    share: float  # of yes among the examples

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain data, the curves left out."""
        names = ("name", "auc", "average_precision", "threshold", "best_f1", "share")
        return {name: getattr(self, name) for name in names}


def rank(name: str, truth: np.ndarray, probability: np.ndarray) -> Ranking:
    """The curves of `probability` (n,) of yes against `truth` (n,) of 0 and 1.

    Examples of the same probability are one step of the curves. The average precision is the sum
    of the precisions at each step, weighted by the growth of recall, as scikit-learn has it.
    """
    truth, probability = np.asarray(truth, bool), np.asarray(probability, np.float64)
    order = np.argsort(-probability, kind="stable")
    yes, values = truth[order], probability[order]
    ends = (
        np.flatnonzero(np.append(np.diff(values) != 0, True)) if len(values) else np.zeros(0, int)
    )
    hits = np.cumsum(yes)[ends].astype(np.float64)
    alarms = (ends + 1) - hits
    positives, negatives = int(truth.sum()), int((~truth).sum())
    tpr = np.concatenate([[0.0], hits / max(positives, 1)])
    fpr = np.concatenate([[0.0], alarms / max(negatives, 1)])
    precision = hits / np.maximum(hits + alarms, 1)
    recall = tpr[1:]
    f1 = 2 * hits / np.maximum(hits + alarms + positives, 1)
    best = int(np.argmax(f1)) if len(f1) else 0
    thin = _thinned(len(fpr))
    return Ranking(
        name,
        float(np.trapezoid(tpr, fpr)) if positives and negatives else None,
        float((np.diff(tpr) * precision).sum()) if positives else None,
        float(values[ends[best]]) if len(f1) else 0.5,
        float(f1[best]) if len(f1) else 0.0,
        fpr[thin],
        tpr[thin],
        recall[_thinned(len(recall))],
        precision[_thinned(len(precision))],
        positives / max(len(truth), 1),
    )


def _thinned(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, _POINTS)).astype(int))
