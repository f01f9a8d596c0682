"""Weights by which all classes count the same, as scikit-learn's `class_weight: balanced` has them.

n / (k * n_class) for k classes that are there: the mean weight of an example is 1.
https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html
"""

from __future__ import annotations

from typing import Any


def balanced(labels: Any, classes: int) -> dict[int, float]:
    """The weight of each class that some of `labels` (n,), class numbers, are of."""
    import numpy as np

    counts = np.bincount(np.asarray(labels).reshape(-1).astype(np.int64), minlength=classes)
    there = np.flatnonzero(counts)
    return {int(i): len(labels) / (len(there) * int(counts[i])) for i in there}
