"""The course of a training: epochs, validation, checkpoints, the final evaluation, the record.

Importing this module imports Keras.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.data import Dataset
from nnpy.engine import Engine
from nnpy.errors import Interrupted, NnpyError
from nnpy.runs.folder import Run
from nnpy.runs.metrics_csv import Table, measures
from nnpy.training import callback_files, failures, recovery, signals, stage_change, taken_up
from nnpy.training.averages import Averages
from nnpy.training.best_epoch import Best
from nnpy.training.callbacks import Callbacks
from nnpy.training.progress import ProgressListener
from nnpy.training.stages import Course
from nnpy.training.start import Start
from nnpy.training.state import Recorder, State
from nnpy.training.state_store import ANY_RUN, StateStore, write_state
from nnpy.training.summary import beginning, ending
from nnpy.training.timing import Clock

_SHARE = 50  # saving may take one part in so many of the time
_VALIDATION_LOSS = 10.0  # seconds of training that an interrupt in the validation may cost


class Training:
    """One training and all it holds.

    Args:
        config: What to do.
        dataset: Its examples.
        model: Built and compiled.
        enter: Makes the model ready for a stage (counted from 0); gives what trains it, and what
            is to be told of the stage. It is handed what has trained it so far, or None.
        callbacks: Objects of Keras.
        run: The folder, made already.
        device: In words, for the record.
        deterministic: Whether only operations run that give the same bits each time.
        tensorboard: Whether logs for TensorBoard are kept.
        clock: Counts the seconds of each phase.
        asked: Whether someone has asked the training to end.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        model: keras.Model,
        enter: Callable[[int, Engine | None], tuple[Engine, dict[str, Any]]],
        callbacks: Sequence[keras.callbacks.Callback],
        run: Run,
        *,
        device: str,
        deterministic: bool,
        tensorboard: bool,
        listener: ProgressListener,
        clock: Clock,
        asked: signals.Asked,
        save: Callable[[Path], None],
        translate: Callable[[BaseException], NnpyError | None] = lambda error: None,
    ) -> None:
        self.config, self.dataset, self.model = config, dataset, model
        self.enter, self.course = enter, Course(config.training)
        self.run, self.listener, self.clock, self.asked = run, listener, clock, asked
        self.leaving, self.translate = signals.Asked(), translate  # `leaving`: agreed by all
        self.callbacks, self.deterministic, self.save = list(callbacks), deterministic, save
        settings = config.training
        self.best = Best(settings.monitor, settings.monitor_mode, config.breaks_ties)
        self.rows: list[dict[str, float]] = []
        self.table = Table(run.metrics_path)
        self.store = StateStore(run.state_folder, root=run.folder)
        self.identity: str | None = secrets.token_hex(16)  # of the run, that its states bear
        self.state: State | None = None  # where a resumed training goes on
        self.hooks: Callbacks | None = None  # once the training has begun
        self.recorder: Recorder | None = None
        self.saved = time.perf_counter()
        self.cost = 0.0  # seconds that taking a state stops the training
        self.tensorboard = tensorboard
        self.engine, self.told = enter(0, None)
        self.averages = Averages(model)
        self.summary = beginning(
            config, model, self.engine, device=device, averages=self.averages.kept
        )

    def run_to_end(self, *, resumed: bool, test: bool = True) -> dict[str, Any]:
        """Trains, and evaluates on the test set with `test`; the summary of a finished run.

        Raises Interrupted after Ctrl-C or SIGTERM, with what was reached saved, and NnpyError
        for what else ends a training.
        """
        if resumed:
            self.load_state()
        start = Start(
            self.config,
            self.dataset,
            self.run,
            self.summary,
            self.listener,
            self.deterministic,
            self.identity,
        )
        if resumed:
            start.again(self.state, self.store.damaged)
        else:
            start.new()
        try:
            self.fit()
            self.evaluate(test=test)
        except Interrupted as error:
            self.close_quietly("interrupted")
            again = f"{error}; resume with: nnpy train --resume {self.run}"
            raise Interrupted(again, error.exit_code) from None
        except BaseException as error:
            batch_size = self.config.training.batch_size
            translated = (
                self.translate(error) or failures.translate_error(error, batch_size) or error
            )
            self.close_quietly("failed", str(translated) or type(translated).__name__)
            if translated is not error:
                raise translated from error
            raise
        self.close("finished")
        return self.summary

    def load_state(self) -> None:
        """Look for the state that a run was left in."""
        then = self.run.environment()
        self.state = self.store.latest(
            self.listener.on_message, then.get("run") if then else ANY_RUN
        )
        if then or self.state:
            self.identity = then.get("run") if then else self.state.run  # type: ignore[union-attr]

    def fit(self) -> None:
        settings = self.config.training
        listed: list[Any] = [*zip(settings.callbacks, self.callbacks, strict=True)]
        if self.tensorboard:
            folder = str(self.run.tensorboard_folder.absolute())
            listed.append((None, keras.callbacks.TensorBoard(folder)))
        callbacks = [each for _, each in listed]
        callback_files.keep_in(self.run.folder, callbacks)
        callback_files.take_up(callbacks, self.run.folder, self.state.epoch if self.state else None)
        with self.clock.phase("training"):
            self.model.stop_training = False
            steps = self.engine.epoch_steps(self.dataset.train)
            hooks = self.hooks = Callbacks(listed, self.model, epochs=settings.epochs, steps=steps)
            hooks.on_train_begin()
            if not self.state:
                callback_files.check_backup(hooks.own, self.model)
            augmented = self.engine.augmentation
            self.recorder = Recorder(
                self.model,
                hooks.own,
                self.engine.copies,
                augmented.variables if augmented else (),
            )
            epoch, step = self._go_back(self.state) if self.state else (0, 0)
            if not self.state:
                stage_change.begin(self, self.told)
            for message in (*hooks.prices(steps), *self.averages.messages()):
                self.listener.on_message(message)
            # Stopped within an epoch, a training still validates it.
            while True:
                while epoch < self.course.end and (step or not self.model.stop_training):
                    try:
                        self._epoch(epoch, step, hooks)
                        epoch += 1
                    except failures.NotFinite as error:
                        self._recover(error, epoch)
                    step = 0
                if not stage_change.go_on(self, epoch, hooks):
                    break
            hooks.leave_averages()
            if epoch:
                self.engine.finish()
            hooks.on_train_end(measures(self.rows[-1]) if self.rows else None)
        for message in hooks.other_best_epochs(self.summary["best_epoch"]):
            self.listener.on_message(message)

    def _go_back(self, state: State) -> tuple[int, int]:
        """Everything as it was at the moment of `state`; the epoch and step to go on with."""
        assert self.recorder is not None
        self.course.take_up(taken_up.stages_in(state.progress))
        if self.course.number:
            stage_change.compile_for(self, self.course.number)
        if self.course.is_told:
            self.listener.on_message(self.course.message())
        if state.step:
            # The variables of the metrics are made by the first batch that they see.
            self.engine.evaluate(self.dataset.train.first(self.config.training.batch_size))
        self.recorder.restore(state)
        taken_up.take_up(self, state.progress)
        return state.epoch, state.step

    def _save(self, epoch: int, step: int = 0, epoch_seconds: float = 0.0) -> None:
        """The state after `epoch` epochs and `step` steps, to the disk in the background."""
        self.store.save(self.capture(epoch, step, epoch_seconds))
        self.saved = time.perf_counter()

    def capture(self, epoch: int, step: int = 0, epoch_seconds: float = 0.0) -> State:
        began = time.perf_counter()
        assert self.recorder is not None
        progress = taken_up.progress(self, epoch_seconds)
        state = dataclasses.replace(self.recorder.capture(epoch, step, progress), run=self.identity)
        self.cost = time.perf_counter() - began
        return state

    def _epoch(self, epoch: int, step: int, hooks: Callbacks) -> None:
        epochs = self.course.total
        began = time.perf_counter()
        if self.state and step:
            began -= self.state.progress["epoch_seconds"]
        looked = step

        def on_chunk(step: int, steps: int, logs: dict[str, float]) -> None:
            nonlocal looked
            self.listener.on_chunk_end(epoch + 1, epochs, step, steps, logs)
            if not self.model.stop_training:  # otherwise a callback has seen to it
                failures.check_finite({"loss": logs["loss"]}, epoch, looked + 1, step)
            looked = step
            since = time.perf_counter() - self.saved
            due = since >= max(60 * self.config.training.checkpoint_minutes, _SHARE * self.cost)
            due = due or (step == steps and since >= _VALIDATION_LOSS)
            if self._agreed(due) or self.leaving.signal is not None:
                self._save(epoch, step, time.perf_counter() - began)
            self.leaving.check()

        if not step:  # otherwise the callbacks have seen the beginning of this epoch
            hooks.on_epoch_begin(epoch)
        if step and self.model.stop_training:  # a callback has ended it after that step
            logs = self.engine.logs()
        else:
            logs = self.engine.train_epoch(
                self.dataset.train,
                epoch,
                first_step=step,
                on_chunk=on_chunk,
                on_step=hooks.train_steps or None,
            )
        # Callbacks see the averages as well, unless one of them is there to swap them.
        with self.averages.in_model(not hooks.swaps_averages):
            self._end_epoch(epoch, logs, began, hooks)
        if self.model.stop_training and "stopped" not in self.summary:
            self.summary["stopped"] = {"by": hooks.stopped_by, "epoch": epoch + 1}
        last = epoch + 1 == epochs or self.model.stop_training
        if self.summary["best_epoch"] == epoch + 1 and self.config.training.on_nan == "restore":
            write_state(self.run.best_state_path, self.capture(epoch + 1), root=self.run.folder)
        due = time.perf_counter() - self.saved >= _SHARE * self.cost
        if self._agreed(last or due):
            self._save(epoch + 1)
        self.leaving.check()

    def _agreed(self, wanted: bool) -> bool:
        """Whether one of the workers wants it; a signal that one of them got is for all.

        A signal that comes later counts at the next such place, or one would leave alone.
        """
        wanted_by_one, signal = self.engine.agree(wanted, self.asked.signal or 0)
        self.leaving.signal = int(signal) or None
        return bool(wanted_by_one)

    def _end_epoch(
        self, epoch: int, logs: dict[str, float], began: float, hooks: Callbacks
    ) -> None:
        """Validation, the row in the table, the best epoch, and the callbacks."""
        settings = self.config.training
        validated = self.dataset.validation is not None and settings.validates(epoch + 1)
        if validated:
            logs |= self._validate(hooks)
        row = {"epoch": epoch + 1, "seconds": time.perf_counter() - began, **logs}
        row["learning_rate"] = recovery.rate_of(self.model)
        if validated or self.dataset.validation is None:
            self.best.check_measured(logs)
        best = self.best.is_beaten(logs)
        if best:
            with self.averages.in_model(hooks.swaps_averages):
                self.best.weights = self.model.get_weights()
                self.run.replace(self.run.best_path, self.save)
        self.rows.append(row)
        later = [] if validated or self.dataset.validation is None else list(logs)
        self.table.add(row, [f"val_{name}" for name in later])
        self.summary["epochs"] = epoch + 1
        self.course.count(epoch + 1)
        if self.course.is_told:
            self.summary["stages"] = self.course.records
        if best:
            self.summary["best_epoch"] = epoch + 1
            self.summary["validation"] = {
                name.removeprefix("val_"): value
                for name, value in logs.items()
                if name.startswith("val_")
            }
        self.listener.on_epoch_end(self.course.total, row, best)
        hooks.on_epoch_end(epoch, logs, validated=validated)
        if by := self.listener.ends_training():
            self.model.stop_training = True
            self.summary["stopped"] = {"by": by, "epoch": epoch + 1}

    def _validate(self, hooks: Callbacks) -> dict[str, float]:
        hooks.on_test_begin()
        measured = self.engine.evaluate(
            self.dataset.validation,
            keep_states=True,
            on_chunk=self._check,
            on_step=hooks.test_steps or None,
        )
        hooks.on_test_end(measured)
        return {f"val_{name}": value for name, value in measured.items()}

    def _recover(self, error: failures.NotFinite, epoch: int) -> None:
        """Back to the best state with half the learning rate, if the config says so."""
        assert self.recorder is not None
        path = self.run.best_state_path
        if self.config.training.on_nan != "restore" or not path.exists():
            raise error
        restored = self.summary.get("restored", [])
        record = recovery.go_back(
            error,
            epoch,
            restored,
            path=path,
            identity=self.identity,
            model=self.model,
            recorder=self.recorder,
        )
        self.summary["restored"] = [*restored, record]
        self.listener.on_message(
            f"{error.event}: back to the weights after epoch {record['after_epoch']}, "
            f"learning rate {record['learning_rate']:.3g}"
        )
        self._save(epoch)

    def _check(self, step: int, steps: int, logs: dict[str, float]) -> None:
        self._agreed(False)
        self.leaving.check()

    def evaluate(self, *, test: bool) -> None:
        """The best weights on the test set, once; without one, on the validation set."""
        self.run.replace(self.run.last_path, self.save)
        if self.best.weights is None:  # no epoch was trained: the first weights are the best
            self.run.replace(self.run.best_path, self.save)
        else:
            self.model.set_weights(self.best.weights)
            if self.table.rewritten or not self.run.best_path.exists():
                self.run.replace(self.run.best_path, self.save)
        with self.clock.phase("evaluation"):
            part, split = self.dataset.final
            if test:
                self.summary[part] = self.engine.evaluate(split, on_chunk=self._check)

    def close_quietly(self, status: str, error: str | None = None) -> None:
        """As `close`, where something else is wrong already: the disk is full, the folder gone."""
        try:
            self.close(status, error)
        except (NnpyError, OSError) as another:
            self.listener.on_message(f"the end of the run could not be recorded: {another}")

    def close(self, status: str, error: str | None = None) -> None:
        """The end of the record, however the training ended."""
        try:
            self.store.flush()
        except NnpyError as lost:
            self.listener.on_message(
                f"the last state could not be saved, the one before it is intact: {lost}"
            )
        self.summary["status"] = status
        self.summary |= ending(self.engine)
        if error is not None:
            self.summary["error"] = error
        if status == "interrupted":
            if self.hooks is not None:
                self.hooks.leave_averages()
            with self.averages.in_model():
                self.run.replace(self.run.last_path, self.save)
                if self.best.weights is None:
                    self.run.replace(self.run.best_path, self.save)
        self.summary["seconds"] = self.clock.as_dict()
        self.run.write_json(self.run.summary_path, self.summary)
        if status == "finished":
            self.listener.on_finish(self.summary)
