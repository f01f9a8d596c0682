"""The callbacks of a training, called as `model.fit` calls them.

Hooks of the training, of an epoch and of the validation cost nothing. A callback that overrides
a batch hook makes the engine stop after each step, which is what it asks for. Importing this
module imports Keras.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from nnpy.config.objects import KerasObject
from nnpy.errors import ConfigError, NnpyError, Problem, RunError

Logs = dict[str, float]

_TRAIN_STEP = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST_STEP = ("on_test_batch_begin", "on_test_batch_end")
_WATCHERS = (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau)


class Callbacks:
    """Calls each hook of all callbacks in their order, on the thread of the training.

    Args:
        callbacks: The callbacks, each with the object of the config that it was made from
            (None for one that no config names).
        model: The compiled model that is trained.
        epochs: Of the whole training, as callbacks find it in `params`.
        steps: Of an epoch, likewise.
    """

    def __init__(
        self,
        callbacks: Sequence[tuple[KerasObject | None, keras.callbacks.Callback]],
        model: keras.Model,
        *,
        epochs: int,
        steps: int,
    ) -> None:
        self.model = model
        self.stopped_by: str | None = None  # the class of the callback that ended the training
        self.history = keras.callbacks.History()
        self._members = [*callbacks, (None, self.history)]
        model.history = self.history  # where callbacks of Keras's users look for it
        for told, callback in self._members:
            callback.set_params({"verbose": 0, "epochs": epochs, "steps": steps})
            if isinstance(callback, keras.callbacks.SwapEMAWeights):
                # In the last epoch it would write the averages over the raw weights, which a
                # training that is made longer needs; `leave_averages` does it at the end.
                callback.set_params({"verbose": 0, "epochs": 0, "steps": steps})
            with _located(told, callback, "set_model"):
                callback.set_model(model)
        self.train_steps = Steps(self, "train", _acting(self._members, _TRAIN_STEP))
        self.test_steps = Steps(self, "test", _acting(self._members, _TEST_STEP))

    @property
    def own(self) -> list[keras.callbacks.Callback]:
        """Those that the user listed, whose state belongs to the training's."""
        return [callback for _, callback in self._members if callback is not self.history]

    @property
    def swaps_averages(self) -> bool:
        """Whether one of them puts the averaged weights into the model for the validation."""
        return any(isinstance(each, keras.callbacks.SwapEMAWeights) for each in self.own)

    def leave_averages(self) -> None:
        """Raw weights in the model and averages in the optimizer, wherever they had been put."""
        for callback in self.own:
            if isinstance(callback, keras.callbacks.SwapEMAWeights):
                callback.on_epoch_begin(0)

    def _stopping(self) -> list[Any]:
        """Each EarlyStopping that has ended a training."""
        return [
            each
            for each in self.own
            if isinstance(each, keras.callbacks.EarlyStopping) and each.stopped_epoch > 0
        ]

    def early_stopping(self, stopped_by: str | None) -> str:
        """The name of the EarlyStopping that `stopped_by` is, or nothing."""
        names = [type(each).__name__ for each in self._stopping()]
        return stopped_by if stopped_by in names and stopped_by else ""

    def begin_again(self) -> None:
        """What watches the training does so anew, as from one `fit` to the next."""
        self.model.stop_training, self.stopped_by = False, None
        for told, callback in self._members:
            if isinstance(callback, _WATCHERS):
                with _located(told, callback, "on_train_end"):
                    callback.on_train_end({})
                    callback.on_train_begin({})

    def may_go_on(self, stopped_by: str | None) -> bool:
        """Takes up a training that EarlyStopping has ended, where it has more patience by now."""
        stopping = self._stopping()
        names = {type(each).__name__ for each in stopping}
        if stopped_by not in names or any(each.wait >= each.patience for each in stopping):
            return False
        for each in stopping:
            each.stopped_epoch = 0
        self.model.stop_training = False
        return True

    def prices(self, steps: int) -> list[str]:
        """What is to be said of callbacks that make the engine stop at each step."""
        names = list(dict.fromkeys((*self.train_steps.names, *self.test_steps.names)))
        if not names:
            return []
        verb = "is" if len(names) == 1 else "are"
        return [
            f"{', '.join(names)} {verb} called at each of an epoch's {steps} steps: the engine "
            "stops after every one, and an epoch takes longer"
        ]

    def other_best_epochs(self, best_epoch: int | None) -> list[str]:
        """A message for each callback that has put the weights of another best epoch back."""
        return [
            f"{type(each).__name__} put the weights of epoch {each.best_epoch + 1} (the best by "
            f"{each.monitor}) into last.keras; best.keras is of epoch {best_epoch}"
            for each in self.own
            if isinstance(each, keras.callbacks.EarlyStopping)
            and each.restore_best_weights
            and each.best_weights is not None
            and each.best_epoch + 1 != best_epoch
        ]

    # -- the hooks ------------------------------------------------------------------------

    def on_train_begin(self) -> None:
        self.call("on_train_begin", {})

    def on_train_end(self, logs: Logs | None) -> None:
        self.call("on_train_end", dict(logs or {}))

    def on_epoch_begin(self, epoch: int) -> None:
        self.call("on_epoch_begin", epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs, *, validated: bool) -> None:
        """The callbacks share the logs: what one adds, those after it may watch."""
        shared = dict(logs)
        self.call("on_epoch_end", epoch, shared)
        if validated:
            self._check_monitors(shared)

    def _check_monitors(self, logs: Logs) -> None:
        """Raises ConfigError where a callback of Keras only warns that its monitor is missing."""
        for told, callback in self._members:
            name = getattr(callback, "monitor", None)
            watches = isinstance(callback, _WATCHERS) or getattr(callback, "save_best_only", False)
            if watches and isinstance(name, str) and name not in logs:
                known = ", ".join(logs)
                message = f"there is no metric named '{name}'; known: {known}"
                raise _error(told, message)

    def on_test_begin(self) -> None:
        self.model.stop_evaluating = False
        self.call("on_test_begin", {})

    def on_test_end(self, logs: Logs) -> None:
        self.call("on_test_end", dict(logs))

    def call(self, hook: str, *arguments: Any, **named: Any) -> None:
        """Calls one hook of all callbacks."""
        for told, callback in self._members:
            with _located(told, callback, hook):
                getattr(callback, hook)(*arguments, **named)
            if self.stopped_by is None and self.model.stop_training:
                self.stopped_by = type(callback).__name__


class Steps:
    """The batch hooks of the callbacks that have some, for the engine to call."""

    def __init__(self, callbacks: Callbacks, kind: str, names: Sequence[str]) -> None:
        self._callbacks, self._kind = callbacks, kind
        self.names = tuple(names)  # of the callbacks that ask for each step

    def __bool__(self) -> bool:
        return bool(self.names)

    def begin(self, step: int) -> None:
        """Before a step, counted from 0."""
        self._callbacks.call(f"on_{self._kind}_batch_begin", step, logs={})

    def end(self, step: int, logs: Mapping[str, float]) -> bool:
        """After a step, with the metrics so far; whether the epoch ends here."""
        self._callbacks.call(f"on_{self._kind}_batch_end", step, logs=dict(logs))
        model = self._callbacks.model
        return bool(model.stop_training if self._kind == "train" else model.stop_evaluating)


def _acting(
    members: Iterable[tuple[KerasObject | None, keras.callbacks.Callback]], hooks: Sequence[str]
) -> list[str]:
    return [
        type(callback).__name__
        for _, callback in members
        if any(_acts(callback, hook) for hook in hooks)
    ]


def _acts(callback: keras.callbacks.Callback, hook: str) -> bool:
    """Whether a hook does more than nothing: a class or an instance has put its own there."""
    method = getattr(callback, hook)
    function = getattr(method, "__func__", method)
    if function is getattr(keras.callbacks.Callback, hook):
        return False
    for kind, setting in (
        (keras.callbacks.ModelCheckpoint, "save_freq"),
        (keras.callbacks.BackupAndRestore, "save_freq"),
        (keras.callbacks.OrbaxCheckpoint, "save_freq"),
        (keras.callbacks.TensorBoard, "update_freq"),
    ):
        if isinstance(callback, kind) and function is getattr(kind, hook, None):
            # Keras's own batch hook, which only counts where it is to act once an epoch.
            return getattr(callback, setting) != "epoch" or _profiles(callback)
    return True


def _profiles(callback: keras.callbacks.Callback) -> bool:
    # A TensorBoard of Keras keeps the batches to profile under this private name, 0 for none.
    return bool(getattr(callback, "_start_batch", 0))


class _located:
    """Errors that a callback raises, told at the line of the config that names it."""

    def __init__(
        self, told: KerasObject | None, callback: keras.callbacks.Callback, hook: str
    ) -> None:
        self._told, self._name, self._hook = told, type(callback).__name__, hook
        # With `raise_error: true` an error is what it is for, not a mistake of the config.
        self._ends_on_nan = isinstance(callback, keras.callbacks.TerminateOnNaN)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        # Where the device's memory or the disk ends, the training says so in its own words.
        if not isinstance(error, Exception) or isinstance(error, NnpyError | MemoryError):
            return
        if type(error).__module__.startswith("tensorflow"):
            return
        message = f"{self._name}.{self._hook}: {_said(error)}"
        if isinstance(error, OSError) or self._ends_on_nan:
            raise RunError(message) from error
        raise _error(self._told, message) from error


def _error(told: KerasObject | None, message: str) -> ConfigError:
    if told is None:
        return ConfigError([Problem(message)])
    mark, path = told.mark, told.path
    return ConfigError([mark.problem(path, message) if mark else Problem(message, path)])


def _said(error: Exception) -> str:
    """The error in a line, with the line of the user's own file that it comes from."""
    text = " ".join(str(error).split())
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    last = next((each for each in reversed(frames) if not _is_installed(each.filename)), None)
    return f"{text} ({Path(last.filename).name}, line {last.lineno})" if last else text


def _is_installed(filename: str) -> bool:
    return filename == __file__ or "site-packages" in Path(filename).parts
