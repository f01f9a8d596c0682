"""The way back from a loss that is no number: the best state, with half the learning rate.

Importing this module imports Keras.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from nnpy.errors import RunError
from nnpy.training.failures import NotFinite
from nnpy.training.state import Recorder
from nnpy.training.state_store import read_state

MOST = 5  # times that a training goes back


def rate_of(model: keras.Model) -> float:
    """The learning rate as it is now."""
    return float(np.asarray(model.optimizer.learning_rate))


def go_back(
    error: NotFinite,
    epoch: int,
    before: list[dict[str, Any]],
    *,
    path: Path,
    identity: str | None,
    model: keras.Model,
    recorder: Recorder,
) -> dict[str, Any]:
    """Restores the state in `path` after `error` in an epoch (counted from 0); what is recorded.

    `before` are the records of earlier ways back. Raises RunError where there is no way.
    """
    if len(before) == MOST:
        raise RunError(f"{error}; it went back {MOST} times already")
    rate = rate_of(model)
    state = read_state(path)
    if state.run != identity:
        raise RunError(f"{error}; {path} belongs to another run: there is no state to restore")
    recorder.restore(state, callbacks=False)
    rate = min(rate, rate_of(model)) / 2  # of the best state, or of the last way back
    try:
        model.optimizer.learning_rate = rate
    except TypeError:
        message = f"{error}; a schedule holds the learning rate: it cannot be halved"
        raise RunError(message) from None
    return {"in_epoch": epoch + 1, "after_epoch": state.epoch, "learning_rate": rate}
