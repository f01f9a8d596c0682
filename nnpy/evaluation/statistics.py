"""What predictions are worth: scores with their uncertainty. Pure NumPy.

Shapes: `n` examples, `k` classes. Probabilities are `(n, k)` floats, truth and answers are
`(n,)` integers from 0 to k - 1.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from nnpy.errors import ModelError

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
BINS = 15  # of the reliability diagram, as in Guo et al. 2017
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A value measured on a sample, with the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float
    method: str  # "Wilson", "bootstrap" or "normal"

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


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


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same examples; `p_value` is the chance of such a difference."""

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p_value: float


def probabilities(outputs: np.ndarray, *, from_logits: bool | None = None) -> np.ndarray:
    """A classifier's outputs `(n, k)`, `(n, 1)` or `(n,)` as float64 probabilities `(n, k)`.

    One column is the probability of the second of two classes. Logits go through softmax (or
    the logistic function, for one column); with `from_logits=None`, outputs are logits when some
    value lies outside of 0 to 1. Raises ModelError for NaN, infinity or another number of axes.
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
    logits = from_logits
    if logits is None:
        logits = values.size > 0 and bool(values.min() < 0 or values.max() > 1 + 1e-6)
    if values.shape[1] == 1:
        second = 0.5 * (1 + np.tanh(values / 2)) if logits else values
        return np.concatenate([1 - second, second], axis=1)
    if logits:
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


def wilson(hits: int, n: int) -> Estimate:
    """A proportion with its 95 % score interval.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927): 209-212.
    """
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, "Wilson")
    p, zz = hits / n, Z95 * Z95
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return Estimate(p, low, high, "Wilson")


def bootstrap_mean(values: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The mean of `values` `(n,)` with its 95 % percentile bootstrap interval.

    B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979):
    1-26. Deterministic for a seed; memory is bounded whatever n is. Of more than 100,000 values
    the mean is normal to more digits than anybody prints, and the interval is the normal one.
    """
    values = np.asarray(values, np.float64).ravel()
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, "bootstrap")
    mean = float(values.mean())
    if n > 100_000:
        half = Z95 * float(values.std(ddof=1)) / math.sqrt(n)
        return Estimate(mean, mean - half, mean + half, "normal")
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    rows = max(1, 1_000_000 // n)  # drawn at a time: some 12 MB
    for start in range(0, resamples, rows):
        part = means[start : start + rows]
        part[:] = values[rng.integers(0, n, (len(part), n), dtype=np.int32)].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(mean, float(low), float(high), "bootstrap")


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


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """McNemar's exact test for two classifiers on the same examples, boolean `(n,)` each.

    Of the examples on which only one is right, either is as likely by chance: a two-sided
    binomial test with p = 1/2. Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12 (1947): 153-157.
    """
    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    return McNemar(
        both_right=int((first & second).sum()),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int((~first & ~second).sum()),
        p_value=binomial_half(only_first, only_second),
    )


def binomial_half(b: int, c: int) -> float:
    """The two-sided p-value of b against c for a fair coin, exact.

    Whole-number arithmetic up to 10,000 throws; beyond, logarithms of the gamma function, whose
    relative error stays under 1e-8 up to a thousand million.
    """
    n, k = b + c, min(b, c)
    if b == c:
        return 1.0
    if n <= 10_000:
        term = tail = 1
        for i in range(k):
            term = term * (n - i) // (i + 1)
            tail += term
        return min(1.0, 2 * tail / (1 << n))
    # Terms far below the largest, the k-th, cannot be seen in the sum.
    falling = np.arange(k, max(-1, k - 40 * math.isqrt(n)), -1, dtype=np.float64)
    ratios = np.cumprod(np.concatenate([[1.0], falling[:-1] / (n - falling[:-1] + 1)]))
    largest = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
    return min(1.0, math.exp(largest + math.log(2 * float(ratios.sum()))))


def class_report(probs: np.ndarray, truth: np.ndarray, names: tuple[str, ...]) -> ClassReport:
    """All scores of the probabilities `(n, k)` against the true classes `(n,)`.

    Raises ModelError where the truth or the names do not fit the number of columns.
    """
    n, k = probs.shape
    if len(names) != k:
        raise ModelError(f"the model answers with {k} classes; the data has {len(names)}")
    if n and (truth.min() < 0 or truth.max() >= k):
        raise ModelError(
            f"the data has class number {truth.max() if truth.max() >= k else truth.min()}; "
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
