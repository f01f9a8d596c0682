"""Callbacks against the rest of the config: what they watch, change, write and need.

A callback of Keras only warns, or fails in mid-training, where what it watches is not measured
or what it would change cannot be changed; here that is told before anything runs.
"""

from __future__ import annotations

import importlib.util
import math
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from nnpy.catalog.catalog import Catalog
from nnpy.config import stages
from nnpy.config.checker import Checker
from nnpy.config.monitor import Measured, unknown_quantity
from nnpy.config.objects import KerasObject
from nnpy.config.settings import TrainingSettings
from nnpy.config.yaml.nodes import Node
from nnpy.errors import ConfigError, Problem, did_you_mean

# These watch what is measured even where the config does not name it: `val_loss`.
_WATCHERS = frozenset(("EarlyStopping", "ReduceLROnPlateau"))
_CHECKPOINTS = frozenset(("ModelCheckpoint", "OrbaxCheckpoint"))
_RATE_SETTERS = frozenset(("ReduceLROnPlateau", "LearningRateScheduler"))
_FILES = {
    "CSVLogger": "filename",
    "ModelCheckpoint": "filepath",
    "BackupAndRestore": "backup_dir",
    "TensorBoard": "log_dir",
    "OrbaxCheckpoint": "directory",
}
_PACKAGES = {
    "TensorBoard": ("tensorboard", "pip install tensorboard"),
    "RemoteMonitor": ("requests", "pip install requests"),
    "OrbaxCheckpoint": ("orbax", "pip install orbax-checkpoint"),
}
# The run folder's own; what a callback wrote there would be lost, or would be taken for it.
_RUN_FILES = frozenset(
    (
        *("config.yaml", "environment.json", "metrics.csv", "summary.json", "log.txt"),
        *("report.html", "evaluation.json", "predictions.npz", "model.png", "model.svg"),
        *("model.dot", "checkpoints/best.keras", "checkpoints/last.keras"),
    )
)
_RUN_FOLDERS = ("state", "code", "figures")


@dataclass(frozen=True)
class Listed:
    """A callback of the config with the text that says it."""

    told: KerasObject
    node: Node
    catalog: Catalog

    @property
    def keras_class(self) -> str:
        """The class of Keras that it is, or that the user's own derives from."""
        return self.told.base if self.told.code else self.told.name

    def value(self, key: str) -> Any:
        """An argument, or its default."""
        if key in self.told.arguments:
            return self.told.arguments[key]
        entry = self.catalog.find("callback", self.told.name)
        parameter = entry.parameter(key) if entry else None
        return parameter.default if parameter else None

    def place(self, key: str) -> Any:
        """Where an argument stands in the text, or the callback's name."""
        arguments = next(iter(self.node.value.values())) if self.node.is_map else None
        if arguments is not None and arguments.is_map and key in arguments.value:
            return arguments.value[key]
        return self.told.mark

    def names(self, key: str) -> bool:
        return key in self.told.arguments

    @property
    def watches(self) -> bool:
        """Whether what `monitor` names decides something."""
        if self.keras_class in _CHECKPOINTS:
            return bool(self.value("save_best_only"))
        return self.keras_class in _WATCHERS

    @property
    def keeps_best(self) -> bool:
        """Whether it keeps the weights of an epoch that it finds the best."""
        key = "restore_best_weights" if self.keras_class == "EarlyStopping" else "save_best_only"
        return self.watches and bool(self.value(key))


def listed(root: Node, training: TrainingSettings, catalog: Catalog) -> list[Listed]:
    """The callbacks of a config with their places in its text."""
    section = root.value.get("training")
    node = section.value.get("callbacks") if section is not None and section.is_map else None
    nodes = node.value if node is not None and node.is_list else []
    pairs = zip(training.callbacks or [], nodes, strict=False)
    return [Listed(told, each, catalog) for told, each in pairs if told is not None]


def check(
    callbacks: Sequence[Listed],
    training: TrainingSettings,
    measured: Measured,
    checker: Checker,
) -> list[str]:
    """Reports what cannot be honoured; returns notes on what is no mistake.

    A callback in which there is a mistake already is left alone, and so is what depends on one.
    """
    notes: list[str] = []
    known_optimizer = checker.sound("training.optimizer", stages.PATH)
    optimizers = stages.optimizers(training)
    is_open, first_unknown = not measured.complete, _first_unknown(checker)
    for index, each in enumerate(callbacks):
        kind = each.keras_class
        # What the user's own callbacks put into the logs, those below them may watch.
        above = callbacks[index - 1].told if index else None
        is_open = is_open or (above is not None and _may_log(above))
        unread = _number(each.told.path) > first_unknown
        is_open = is_open or unread
        if not checker.sound(each.told.path):
            continue
        if kind == "ProgbarLogger":
            message = "nnpy shows the progress itself; this callback would only print over it"
            checker.error(each.told.mark, each.told.path, message)
        if each.watches or each.names("monitor"):
            read = checker.sound("training.metrics", "training.weighted_metrics") and not unread
            _check_monitor(each, measured, is_open, checker, read=read)
        if (
            known_optimizer
            and kind in _RATE_SETTERS
            and (schedule := next(filter(None, map(_schedule, optimizers)), ""))
        ):
            message = (
                f"the schedule {schedule} sets the learning rate at each step: {kind} cannot "
                "change it; leave one of them out"
            )
            checker.error(each.told.mark, each.told.path, message)
        if (
            known_optimizer
            and kind == "SwapEMAWeights"
            and not all(map(_uses_averages, optimizers))
        ):
            message = "there are no averages to swap: set use_ema: true of the optimizer"
            checker.error(each.told.mark, each.told.path, message)
        if kind in _FILES:
            _check_file(each, _FILES[kind], checker)
        separator = each.value("separator") if kind == "CSVLogger" else None
        if isinstance(separator, str) and len(separator) != 1:
            message = f"expected one character between the columns, got {separator!r}"
            path = f"{each.told.path}.separator"
            checker.error(each.place("separator"), path, message)
        if kind == "ModelCheckpoint":
            _check_checkpoint(each, measured, is_open, checker)
            if known_optimizer:
                for optimizer in optimizers:
                    _check_state(each, optimizer, checker)
    return notes


def _may_log(told: KerasObject) -> bool:
    return bool(told.code) or told.name == "LambdaCallback"


def _first_unknown(checker: Checker) -> float:
    """The number of the first callback whose name nothing is like: it may be the user's own."""
    unknown = (path for path, meant in checker.sound.meant.items() if not meant)
    return min(
        (_number(path) for path in unknown if re.fullmatch(r"training\.callbacks\[\d+\]", path)),
        default=math.inf,
    )


def _number(path: str) -> int:
    return int(path.rpartition("[")[2].rstrip("]"))


def _check_monitor(
    each: Listed, measured: Measured, is_open: bool, checker: Checker, *, read: bool
) -> None:
    """`read` is whether all that may log the quantity was read without a mistake."""
    name, path = each.value("monitor"), f"{each.told.path}.monitor"
    if not isinstance(name, str):
        return
    if name not in measured.directions and (is_open or not measured.lacks(name)):
        if (
            read and each.watches and each.value("mode") == "auto"
        ):  # Keras refuses, or guesses by the name
            message = f"whether a lower or higher '{name}' is better is unknown"
            checker.error(each.place("monitor"), path, f"{message}: add mode: min or max")
        return  # whether it is measured, the training will see at the end of its first epoch
    if name not in measured.directions:
        if name.startswith("val_") and not any(key.startswith("val_") for key in measured.names):
            message = (
                f"{each.told.name} watches '{name}', but there is no validation split: set "
                "data.validation_split, or monitor: loss"
            )
        else:
            message = unknown_quantity(name, measured)
        checker.error(each.place("monitor"), path, message)
    elif not measured.directions[name] and each.value("mode") == "auto":
        message = f"whether a lower or higher '{name}' is better is unknown: add mode: min or max"
        checker.error(each.place("monitor"), path, message)


def _check_file(each: Listed, key: str, checker: Checker) -> None:
    name = each.value(key)
    if not isinstance(name, str) or PurePath(name).is_absolute() or name.startswith("~"):
        return
    path, place = PurePath(name), f"{each.told.path}.{key}"
    if ".." in path.parts:
        message = f"'{name}' leads out of the run folder, where files of callbacks lie"
        checker.error(each.place(key), place, f"{message}; write an absolute path")
    elif path.as_posix() in _RUN_FILES or (path.parts and path.parts[0] in _RUN_FOLDERS):
        message = f"'{name}' is the run folder's own; choose another name"
        checker.error(each.place(key), place, message)


def _check_checkpoint(each: Listed, measured: Measured, is_open: bool, checker: Checker) -> None:
    name, path = each.value("filepath"), f"{each.told.path}.filepath"
    within_epoch = isinstance(each.value("save_freq"), int) and each.value("save_freq") is not False
    if not isinstance(name, str):
        return
    endings = (".weights.h5",) if each.value("save_weights_only") else (".keras", ".h5")
    if not name.endswith(endings):
        message = f"expected a name ending in {' or '.join(endings)}, got '{name}'"
        checker.error(each.place("filepath"), path, message)
    known = ["epoch", *(["batch"] if within_epoch else []), *measured.names]
    if within_epoch:
        known = [key for key in known if not key.startswith("val_")]
    for hole in _holes(name):
        if hole not in known and not is_open:
            message = f"nothing is known for '{{{hole}}}'" + (
                did_you_mean(hole, known) or f"; known: {', '.join(known)}"
            )
            checker.error(each.place("filepath"), path, message)
    if within_epoch and each.value("save_best_only"):
        message = (
            "within an epoch there is no validation to tell the best model: use save_freq: epoch"
        )
        checker.error(each.place("save_freq"), f"{each.told.path}.save_freq", message)


def _check_state(each: Listed, optimizer: KerasObject, checker: Checker) -> None:
    """Whether the format of the file can hold the optimizer's state."""
    name, inner = each.value("filepath"), optimizer.arguments.get("inner_optimizer")
    told = inner if isinstance(inner, KerasObject) else optimizer
    entry = each.catalog.find("optimizer", told.name)
    whole = isinstance(name, str) and name.endswith(".h5") and not each.value("save_weights_only")
    # Its variables have no names of their own, by which the old format knows them.
    if whole and entry is not None and entry.name == "Adafactor":
        message = f"a model in an .h5 file cannot hold the state of {entry.name}: write a name "
        message += "ending in .keras, or set save_weights_only: true"
        checker.error(each.place("filepath"), f"{each.told.path}.filepath", message)


def _holes(name: str) -> Iterator[str]:
    """The fields of a format string; one that is broken has none that is known."""
    try:
        for _, field, _, _ in string.Formatter().parse(name):
            if field is not None:
                yield field
    except ValueError:
        yield name


def _schedule(optimizer: KerasObject) -> str:
    """The name of the schedule that sets an optimizer's learning rate, or nothing."""
    rate = optimizer.arguments.get("learning_rate")
    if isinstance(rate, KerasObject):
        return rate.name
    inner = optimizer.arguments.get("inner_optimizer")
    return _schedule(inner) if isinstance(inner, KerasObject) else ""


def _uses_averages(optimizer: KerasObject) -> bool:
    inner = optimizer.arguments.get("inner_optimizer")
    if isinstance(inner, KerasObject):
        return _uses_averages(inner)
    return bool(optimizer.arguments.get("use_ema")) or bool(optimizer.code)


# -- one best epoch -----------------------------------------------------------------------


def choose_monitor(
    callbacks: Sequence[Listed], training: TrainingSettings, measured: Measured
) -> tuple[TrainingSettings, list[str]]:
    """The settings with what chooses the best epoch filled in, and a note where two would.

    What the config says, otherwise what a callback that keeps the best weights (or stops the
    training, by a monitor that it names) goes by, otherwise `val_accuracy` or `val_loss`.
    """
    keepers = [each for each in callbacks if each.keeps_best]
    namers = [
        each for each in callbacks if each.keras_class == "EarlyStopping" and each.names("monitor")
    ]
    wanted = [(each.value("monitor"), each) for each in (*keepers, *namers)]
    wanted = [(name, each) for name, each in wanted if name in measured.directions]
    if training.monitor is None and wanted:
        name, each = wanted[0]
        mode = each.value("mode") if training.monitor_mode == "auto" else training.monitor_mode
        training = replace(training, monitor=name, monitor_mode=mode)
    elif training.monitor is None:
        names = ("val_accuracy", "val_loss")
        monitor = next((name for name in names if name in measured.directions), None)
        training = replace(training, monitor=monitor)
    others = {
        each.told.path: f"{each.told.name} keeps the best by {name}"
        for name, each in wanted
        if each.keeps_best and name != training.monitor
    }
    if not others:
        return training, []
    told = " and ".join(others.values())
    return training, [
        f"two metrics choose a best epoch: best.keras follows {training.monitor}, {told}"
    ]


def with_modes(
    callbacks: Sequence[Listed], training: TrainingSettings, measured: Measured
) -> TrainingSettings:
    """The settings, each "auto" mode resolved by what is known of the quantity.

    Keras knows less: neither the loss of one output, nor the metrics of several outputs.
    """
    mode = training.monitor_mode
    if mode == "auto":
        mode = measured.directions.get(str(training.monitor), "") or "auto"
    told = [_with_mode(each, measured) for each in callbacks]
    return replace(training, monitor_mode=mode, callbacks=told)


def _with_mode(each: Listed, measured: Measured) -> KerasObject:
    way = measured.directions.get(str(each.value("monitor")), "")
    if each.keras_class not in _WATCHERS | _CHECKPOINTS or each.value("mode") != "auto" or not way:
        return each.told
    return replace(each.told, arguments={**each.told.arguments, "mode": way})


# -- what they need -----------------------------------------------------------------------


def check_installed(callbacks: Sequence[KerasObject]) -> None:
    """Raises ConfigError at each callback whose package is not installed here."""
    problems = []
    for told in callbacks:
        package, how = _PACKAGES.get(told.base if told.code else told.name, ("", ""))
        if package and importlib.util.find_spec(package) is None:
            message = f"{told.name} needs the package '{package}', which is not installed: {how}"
            path = told.path
            problems.append(
                told.mark.problem(path, message) if told.mark else Problem(message, path)
            )
    if problems:
        raise ConfigError(problems)
