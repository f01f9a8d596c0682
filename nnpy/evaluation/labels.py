"""How good labels are of which any may hold at once: each by itself, and all together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnpy.config.measures import MARGINS, SIGMOID
from nnpy.errors import ModelError
from nnpy.evaluation.classification import ClassScore
from nnpy.evaluation.ranking import Ranking, rank
from nnpy.evaluation.statistics import Estimate, wilson

_LIMIT = 0.5  # a label holds from this probability on


@dataclass(frozen=True)
class LabelsReport:
    """Everything that is known of several labels on one split."""

    labels: tuple[ClassScore, ...]  # each at a probability of 0.5
    rankings: tuple[Ranking, ...]
    mean_average_precision: float | None  # over the labels that any example has
    micro_f1: float
    macro_f1: float
    exact: Estimate  # the share of examples whose labels are all right
    right: Estimate  # the share of single labels that are right
    truth: np.ndarray  # (n, k) of 0 and 1
    probabilities: np.ndarray  # (n, k)

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain data, for `--json`."""
        told = [
            {**asdict(score), "average_precision": found.average_precision, "auc": found.auc}
            for score, found in zip(self.labels, self.rankings, strict=True)
        ]
        return {
            "labels": told,
            "mean_average_precision": self.mean_average_precision,
            "micro_f1": self.micro_f1,
            "macro_f1": self.macro_f1,
            "exact": asdict(self.exact),
            "right": asdict(self.right),
        }


def label_probabilities(outputs: np.ndarray, scale: str | None) -> np.ndarray:
    """A model's outputs (n, k) as probabilities; those on the scale of logits go through the
    logistic function. Raises ModelError for NaN."""
    values = np.asarray(outputs, np.float64)
    values = values.reshape(len(values), -1)
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    if bad:
        raise ModelError(
            f"the model's output is not a number for {bad} of {len(values)} examples; try a "
            "smaller learning rate"
        )
    if scale in (SIGMOID, MARGINS):
        values = 0.5 * (1 + np.tanh(values / 2))
    return values.clip(0, 1)


def labels_report(
    truth: np.ndarray, probabilities: np.ndarray, names: tuple[str, ...]
) -> LabelsReport:
    """The scores of `probabilities` (n, k) against `truth` (n, k) of 0 and 1."""
    said = probabilities >= _LIMIT
    yes = np.asarray(truth, bool).reshape(said.shape)
    hits = (said & yes).sum(axis=0)
    scores = tuple(
        ClassScore(
            name,
            float(hits[i] / max(int(said[:, i].sum()), 1)),
            float(hits[i] / max(int(yes[:, i].sum()), 1)),
            float(2 * hits[i] / max(int(said[:, i].sum() + yes[:, i].sum()), 1)),
            int(yes[:, i].sum()),
        )
        for i, name in enumerate(names)
    )
    rankings = tuple(rank(name, yes[:, i], probabilities[:, i]) for i, name in enumerate(names))
    known = [each.average_precision for each in rankings if each.average_precision is not None]
    return LabelsReport(
        scores,
        rankings,
        float(np.mean(known)) if known else None,
        float(2 * hits.sum() / max(int(said.sum() + yes.sum()), 1)),
        float(np.mean([each.f1 for each in scores])) if scores else 0.0,
        wilson(int((said == yes).all(axis=1).sum()), len(yes)),
        wilson(int((said == yes).sum()), yes.size),
        yes.astype(np.uint8),
        probabilities,
    )
