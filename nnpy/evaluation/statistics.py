"""What predictions are worth: scores with their uncertainty. Pure NumPy.

Shapes: `n` examples, `k` classes. Probabilities are `(n, k)` floats, truth and answers are
`(n,)` integers from 0 to k - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
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
class McNemar:
    """Two classifiers on the same examples; `p_value` is the chance of such a difference."""

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p_value: float


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


def bootstrap_means(values: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """The means of the columns of `values` (n, k) over rows drawn anew, (resamples, k).

    What is worked out from several means has its interval from these. Of more than 100,000 rows
    they are drawn from the normal distribution that they have by then.
    """
    values = np.asarray(values, np.float64)
    n, rng = len(values), np.random.default_rng(seed)
    if n > 100_000:
        center, apart = values.mean(axis=0), values - values.mean(axis=0)
        covariance = apart.T @ apart / (n - 1) / n
        return rng.multivariate_normal(center, covariance, RESAMPLES, method="eigh")
    means = np.empty((RESAMPLES, values.shape[1]))
    rows = max(1, 1_000_000 // max(1, n * values.shape[1]))
    for start in range(0, RESAMPLES, rows):
        part = means[start : start + rows]
        part[:] = values[rng.integers(0, n, (len(part), n), dtype=np.int32)].mean(axis=1)
    return means


@dataclass(frozen=True)
class PairedDifference:
    """Two models' errors on the same examples: `difference` is the first's less the second's.

    `p_value` is how often a difference as large comes about where there is none.
    """

    first: float
    second: float
    difference: Estimate
    p_value: float


def paired_bootstrap(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> PairedDifference:
    """The paired bootstrap of two models' errors (n,) on the same examples.

    B. Efron and R. Tibshirani, "An introduction to the bootstrap" (1993), sections 13 and 16: the
    p-value is that of the differences, moved so that their mean is 0.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    apart = first - second
    estimate = bootstrap_mean(apart, seed=seed)
    drawn = bootstrap_means((apart - apart.mean())[:, None], seed=seed)[:, 0]
    p = (1 + int((np.abs(drawn) >= abs(apart.mean())).sum())) / (1 + len(drawn))
    if not apart.any():
        p = 1.0
    return PairedDifference(float(first.mean()), float(second.mean()), estimate, p)


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
