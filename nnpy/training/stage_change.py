"""From one stage of a training to the next: the model is compiled anew.

Importing this module imports Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnpy.training import recovery
from nnpy.training.averages import Averages
from nnpy.training.state_store import write_state

if TYPE_CHECKING:
    from nnpy.training.callbacks import Callbacks
    from nnpy.training.trainer import Training


def compile_for(training: Training, stage: int) -> dict[str, Any]:
    """Makes model and engine ready for a stage, counted from 0; what is to be told of it."""
    training.engine, told = training.enter(stage, training.engine)
    training.averages = Averages(training.model)
    if training.recorder is not None:
        training.recorder.follow(training.engine.copies)
    return told


def begin(training: Training, told: dict[str, Any]) -> None:
    """Counts and tells a stage that the model is ready for."""
    course = training.course
    if not course.is_told:
        course.enter(told)
        return
    course.enter({**told, "learning_rate": recovery.rate_of(training.model)})
    training.summary["stages"] = course.records
    training.listener.on_message(course.message())


def go_on(training: Training, epoch: int, hooks: Callbacks) -> bool:
    """Begins the stage that follows, if one does; whether it has.

    It begins as another `fit` would. An EarlyStopping ends its stage alone; what else stops a
    training stops all of it.
    """
    early = hooks.early_stopping(training.summary.get("stopped", {}).get("by"))
    if training.course.is_last or (training.model.stop_training and not early):
        return False
    hooks.leave_averages()
    training.engine.finish()
    hooks.begin_again()
    if early:
        training.course.ended_by(early)
        del training.summary["stopped"]
    begin(training, compile_for(training, training.course.number + 1))
    if training.config.training.on_nan == "restore":  # what was saved is of another optimizer
        path = training.run.best_state_path
        write_state(path, training.capture(epoch), root=training.run.folder)
    return True
