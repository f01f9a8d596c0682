"""What a state says of how far a training had come, beside what the model holds.

Importing this module imports Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnpy.errors import RunError
from nnpy.runs.metrics_csv import Table
from nnpy.storage import archive

if TYPE_CHECKING:
    from nnpy.training.trainer import Training

_OF_SUMMARY = ("epochs", "best_epoch", "validation", "restored", "stopped", "stages")


def progress(training: Training, epoch_seconds: float) -> dict[str, Any]:
    """How far the training has come, as a state keeps it."""
    assert training.hooks is not None
    history, summary = training.hooks.history, training.summary
    return {
        "rows": list(training.rows),
        "best": training.best.value,
        "best_loss": training.best.loss,
        "best_weights": training.best.weights,
        "history": archive.copy((history.epoch, history.history)),
        "summary": {name: summary[name] for name in _OF_SUMMARY if name in summary},
        "seconds": training.clock.as_dict(),
        "epoch_seconds": epoch_seconds,
    }


def stages_in(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages that were begun then; none where the config has none."""
    try:
        found: list[dict[str, Any]] = told["summary"].get("stages", [])
        if all(isinstance(each["epochs"], int) for each in found):
            return found
    except (TypeError, LookupError, AttributeError):
        pass
    raise RunError("the saved state does not say in which stage the training was")


def take_up(training: Training, told: dict[str, Any]) -> None:
    """All of it as it was then. Raises RunError where it is not all told."""
    assert training.hooks is not None
    best, history = training.best, training.hooks.history
    try:
        training.rows, best.value = told["rows"], told["best"]
        best.weights = told["best_weights"]
        best.loss = told.get("best_loss")  # a state of an older nnpy has none
        history.epoch, history.history = told.get("history", ([], {}))
        training.summary |= told["summary"]
        training.clock.add(told["seconds"])
        training.table = Table(training.run.metrics_path, training.rows)
        stopped_by = training.summary.get("stopped", {}).get("by")
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise RunError(
            f"the saved state does not say how far the training had come: {error}"
        ) from error
    if training.hooks.may_go_on(stopped_by):
        del training.summary["stopped"]
