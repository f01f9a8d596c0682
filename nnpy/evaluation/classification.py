"""How good a classifier is: scores of each class, confusion, calibration, mistakes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from nnpy.config.measures import MARGINS, NUMBERS, SIGMOID, SOFTMAX
from nnpy.errors import ModelError
from nnpy.evaluation.statistics import Estimate, wilson

BINS = 15  # of the reliability diagram, as in Guo et al. 2017


@dataclass(frozen=True)
class ClassScore:
    """How one class fares. A score that would divide by zero is 0."""

    name: str
    precision: float  # of the answers that say this class, the share that is right
    recall: float  # of the examples of this class, the share that is found
    f1: float  # the harmonic mean of the two
    support: int  # examples of this class


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in (low, high]."""

    low: float
    high: float
    count: int
    confidence: float  # their mean confidence; 0 where the bin is empty
    accuracy: float  # the share of them that is right; 0 where the bin is empty


@dataclass(frozen=True)
class Calibration:
    """Whether "90 % sure" is right nine times of ten."""

    ece: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class ClassReport:
    """Everything that is known of a classifier from its probabilities on one split."""

    accuracy: Estimate
    top2_accuracy: Estimate | None  # None for two classes, where it is always 1
    macro_f1: float
    classes: tuple[ClassScore, ...]
    confusion: np.ndarray  # (k, k) int64: row = truth, column = answer
    calibration: Calibration

    def as_dict(self) -> dict[str, object]:
        """The same as plain data, for `--json`."""
        return {
            "accuracy": asdict(self.accuracy),
            "top2_accuracy": asdict(self.top2_accuracy) if self.top2_accuracy else None,
            "macro_f1": self.macro_f1,
            "classes": [asdict(score) for score in self.classes],
            "confusion": self.confusion.tolist(),
            "calibration": asdict(self.calibration),
        }


def probabilities(outputs: np.ndarray, scale: str | None = None) -> np.ndarray:
    """A classifier's outputs `(n, k)`, `(n, 1)` or `(n,)` as float64 probabilities `(n, k)`.

    `scale` is what they are, as `config.measures` has it: probabilities (which is also what is
    taken for granted with None), logits that go through softmax or, column by column, through the
    logistic function, or estimates of 0 and 1, which are cut off there. One column is the second
    of two classes. Raises ModelError for NaN, infinity or another number of axes.
    """
    values = np.asarray(outputs, np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise ModelError(f"outputs of shape {values.shape} are not class probabilities")
    bad = int((~np.isfinite(values)).any(axis=1).sum())
    if bad:
        raise ModelError(
            f"the model's output is not a number for {bad} of {len(values)} examples: its weights "
            "have most likely grown beyond all bounds; try a smaller learning rate"
        )
    one = values.shape[1] == 1
    if scale in (SIGMOID, MARGINS) or (scale == SOFTMAX and one):
        values = 0.5 * (1 + np.tanh(values / 2))
    if scale == NUMBERS:
        values = values.clip(0, 1)
    if one:
        return np.concatenate([1 - values, values], axis=1)
    if scale == SOFTMAX:
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    return values


def true_classes(targets: np.ndarray) -> np.ndarray:
    """Targets as class numbers `(n,)` int64: numbers stay, one-hot rows become their class."""
    values = np.asarray(targets)
    if values.ndim == 2 and values.shape[1] > 1:
        return values.argmax(axis=1)
    return values.reshape(len(values)).astype(np.int64)


def confusion_matrix(truth: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Counts `(k, k)` int64: row = true class, column = answer."""
    cells = truth.astype(np.int64) * classes + answers
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def class_scores(confusion: np.ndarray, names: tuple[str, ...]) -> tuple[ClassScore, ...]:
    """Precision, recall, F1 and support of each class."""
    right = np.diag(confusion).astype(np.float64)
    support, answered = confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(answered, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + answered, 1)
    return tuple(
        ClassScore(name, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
        for i, name in enumerate(names)
    )


def top_k_hits(probs: np.ndarray, truth: np.ndarray, k: int) -> int:
    """Examples whose true class is among the k most probable (ties: the lower class first)."""
    own = probs[np.arange(len(truth)), truth][:, None]
    before = np.arange(probs.shape[1]) < truth[:, None]
    rank = (probs > own).sum(axis=1) + ((probs == own) & before).sum(axis=1)
    return int((rank < k).sum())


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Calibration:
    """The expected calibration error and the bins of the reliability diagram.

    `confidence` `(n,)` is the probability of each answer, `right` `(n,)` whether it was true.
    Bin m of M holds the confidences in (m/M, (m+1)/M]; 0 itself belongs to the first. ECE is
    the mean of |accuracy - confidence| over the bins, weighted by their counts: C. Guo et al.,
    "On calibration of modern neural networks", ICML 2017.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    confidence = np.clip(np.asarray(confidence, np.float64), 0.0, 1.0)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(place, minlength=bins)
    filled = np.maximum(counts, 1)
    mean = np.bincount(place, weights=confidence, minlength=bins) / filled
    accuracy = np.bincount(place, weights=np.asarray(right, np.float64), minlength=bins) / filled
    total = max(int(counts.sum()), 1)
    return Calibration(
        float((counts * np.abs(accuracy - mean)).sum() / total),
        tuple(
            Bin(
                float(edges[i]),
                float(edges[i + 1]),
                int(counts[i]),
                float(mean[i]),
                float(accuracy[i]),
            )
            for i in range(bins)
        ),
    )


def class_report(probs: np.ndarray, truth: np.ndarray, names: tuple[str, ...]) -> ClassReport:
    """All scores of the probabilities `(n, k)` against the true classes `(n,)`.

    Raises ModelError where the truth or the names do not fit the number of columns.
    """
    n, k = probs.shape
    if len(names) != k:
        raise ModelError(f"the model predicts {k} classes; the data has {len(names)}")
    if n and (truth.min() < 0 or truth.max() >= k):
        raise ModelError(
            f"the data has class index {truth.max() if truth.max() >= k else truth.min()}; "
            f"the model knows 0 to {k - 1}"
        )
    answers = probs.argmax(axis=1) if n else np.zeros(0, np.int64)
    right = answers == truth
    confusion = confusion_matrix(truth, answers, k)
    scores = class_scores(confusion, names)
    seen = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return ClassReport(
        accuracy=wilson(int(right.sum()), n),
        top2_accuracy=wilson(top_k_hits(probs, truth, 2), n) if k > 2 else None,
        # As scikit-learn has it: over the classes that occur in the truth or in the answers.
        macro_f1=float(np.mean([s.f1 for s, there in zip(scores, seen, strict=True) if there]))
        if seen.any()
        else 0.0,
        classes=scores,
        confusion=confusion,
        calibration=calibration(probs[np.arange(n), answers], right),
    )


@dataclass(frozen=True)
class Mistake:
    """An example that was answered wrongly."""

    index: int  # its place in the split
    picture: np.ndarray  # uint8 (h, w) or (h, w, 3)
    truth: str
    answer: str
    probability: float  # of the answer
    truth_probability: float
