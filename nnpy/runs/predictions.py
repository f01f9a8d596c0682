"""The kept answers of a run: predictions.npz."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np

from nnpy.errors import RunError
from nnpy.runs.folder import Run


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


def _kept_answers(run: Run) -> tuple[np.ndarray | None, str]:
    """Which test examples the run answered rightly, and the digest of their truth."""
    if not run.predictions_path.is_file():
        return None, ""
    try:
        with np.load(run.predictions_path, allow_pickle=False) as kept:
            truth, answer = kept["truth"], kept["answer"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{run.predictions_path} cannot be read: {error}") from None
    return answer == truth, truth_digest(truth)


def truth_digest(truth: np.ndarray) -> str:
    """What tells one test set from another."""
    return hashlib.sha256(truth.astype("<i4").tobytes()).hexdigest()
