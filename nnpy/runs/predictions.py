"""The kept answers of a run: predictions.npz."""

from __future__ import annotations

import hashlib
import io

import numpy as np

from nnpy.errors import RunError
from nnpy.runs.folder import Run
from nnpy.storage import npz_file

_LIMIT = 1 << 30  # bytes, unpacked


def answers(truth: np.ndarray, probabilities: np.ndarray) -> bytes:
    """The answers of a classifier for later comparison, as the bytes of an .npz file.

    `truth` and `answer` (n,) are class numbers, `probability` (n,) is the answer's.
    """
    answer = probabilities.argmax(axis=1)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        truth=truth.astype(np.int32),
        answer=answer.astype(np.int32),
        probability=probabilities[np.arange(len(answer)), answer].astype(np.float32),
    )
    return buffer.getvalue()


# What is held against what, of answers that are no classes: written as a number.
MEASURES = ("absolute error", "share of wrong labels", "squared error")


def errors(truth: np.ndarray, error: np.ndarray, measure: str, answer: np.ndarray) -> bytes:
    """Answers that are no classes, as the bytes of an .npz file.

    `error` (n,) is how far each is from the `truth` (n, …), by one of `MEASURES`; `answer` (n, …)
    is in the user's units.
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        truth=truth,
        error=error.astype(np.float64),
        measure=np.array([MEASURES.index(measure)], np.int32),
        answers=answer,
    )
    return buffer.getvalue()


def kept_errors(run: Run) -> tuple[np.ndarray | None, str, str]:
    """How far each of the run's answers is from the truth, by which measure, and the digest of
    the truth. (None, "", "") where no such answers are kept. Raises RunError as `kept_answers`."""
    path = run.predictions_path
    try:
        if "error" not in npz_file.names(path):
            return None, "", ""
        arrays = npz_file.read(path, ("truth", "error", "measure"), _LIMIT)
    except FileNotFoundError:
        return None, "", ""
    truth, error, measure = arrays["truth"], arrays["error"], arrays["measure"]
    code = int(measure[0]) if measure.shape == (1,) and measure.dtype.kind == "i" else -1
    good = error.ndim == 1 and error.dtype.kind == "f" and len(truth.shape) and len(truth)
    if not good or len(error) != len(truth) or not 0 <= code < len(MEASURES):
        raise RunError(f"{path} cannot be read: expected an error for each example, as numbers")
    kind = "<f8" if truth.dtype.kind == "f" else "<i8"
    return error, MEASURES[code], hashlib.sha256(truth.astype(kind).tobytes()).hexdigest()


def kept_answers(run: Run) -> tuple[np.ndarray | None, str]:
    """Which test examples the run answered rightly, and the digest of their truth.

    (None, "") where no answers are kept. Raises RunError when the file is not what it must be.
    """
    try:
        if "error" in npz_file.names(run.predictions_path):
            return None, ""  # of no classes: `kept_errors`
        arrays = npz_file.read(run.predictions_path, ("truth", "answer"), _LIMIT)
    except FileNotFoundError:
        return None, ""
    truth, answer = arrays["truth"], arrays["answer"]
    if truth.shape != answer.shape or not all(each.dtype.kind in "iu" for each in (truth, answer)):
        raise RunError(
            f"{run.predictions_path} cannot be read: expected as many answers as truths, as numbers"
        )
    return answer == truth, truth_digest(truth)


def truth_digest(truth: np.ndarray) -> str:
    """What tells one test set from another."""
    return hashlib.sha256(truth.astype("<i4").tobytes()).hexdigest()
