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


def kept_answers(run: Run) -> tuple[np.ndarray | None, str]:
    """Which test examples the run answered rightly, and the digest of their truth.

    (None, "") where no answers are kept. Raises RunError when the file is not what it must be.
    """
    try:
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
