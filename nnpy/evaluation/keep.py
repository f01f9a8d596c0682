"""What a run keeps of its answers for later comparison, in the form of their task."""

from __future__ import annotations

import hashlib

import numpy as np

from nnpy.evaluation.results import EvaluationResult
from nnpy.runs import predictions


def kept(result: EvaluationResult) -> bytes | None:
    """The content of predictions.npz; None where there is nothing to be compared."""
    if result.truth is not None and result.probabilities is not None:
        return predictions.answers(result.truth, result.probabilities)
    numbers, labels, pictures = result.numbers, result.labels, result.reconstruction
    if numbers is not None:
        apart = np.abs(numbers.answers - numbers.truth)
        if apart.shape[1] > 1:  # of several units, each in its own deviations
            apart = apart / np.asarray([each.spread or 1.0 for each in numbers.numbers])
        error = apart.mean(axis=1)
        return predictions.errors(numbers.truth, error, "absolute error", numbers.answers)
    if labels is not None:
        error = ((labels.probabilities >= 0.5) != labels.truth).mean(axis=1)
        name = "share of wrong labels"
        return predictions.errors(labels.truth, error, name, labels.probabilities.astype("f4"))
    if pictures is not None:
        truth, found = _digests(pictures.truth), pictures.errors
        return predictions.errors(truth, found, "squared error", found)
    return None


def _digests(examples: np.ndarray) -> np.ndarray:
    """A number (int64) for each example, by which test sets are told apart."""
    rows = np.ascontiguousarray(examples, np.float32).reshape(len(examples), -1)
    found = [int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:8], "big") for row in rows]
    return np.asarray(found, np.uint64).astype(np.int64)
