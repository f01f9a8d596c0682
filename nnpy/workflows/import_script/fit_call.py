"""How a script compiled and fitted a model → the `training:` section of its config.

What a config cannot express is never dropped without a word: it becomes a `Note`, a comment at
the place in the file where it would have stood.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from nnpy.catalog import catalog
from nnpy.config.settings import TrainingSettings, parameters
from nnpy.errors import ModelError
from nnpy.models.to_config.context import Context
from nnpy.models.to_config.training import training_by_parts, training_of
from nnpy.workflows.import_script.own_code import OwnCode

# Callbacks whose work nnpy does by itself, or by an option of the command.
REPLACED = {
    "BackupAndRestore": "nnpy keeps the state of every run itself: nnpy train --resume",
    "TensorBoard": "nnpy train --tensorboard writes its logs into the run folder",
    "ProgbarLogger": "nnpy shows its own progress",
    "History": "nnpy writes metrics.csv",
    "CallbackList": "a list of callbacks that the script made by itself",
}
# What nnpy takes where the config says nothing.
_DEFAULTS = {
    "loss": "; nnpy's default stands in for it: sparse_categorical_crossentropy",
    "optimizer": "; nnpy's default stands in for it: Adam",
}
_OF_EVERY_OBJECT = frozenset(("name", "dtype", "reduction", "kwargs"))


@dataclass(frozen=True)
class Note:
    """What the script says and the config does not: `path` is the place where it belongs."""

    path: tuple[str, ...]
    text: str


@dataclass
class Training:
    """The `training:` section, and the notes beside it; `own` is what the script defines."""

    own: OwnCode
    section: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def note(self, key: str, text: str) -> None:
        self.notes.append(Note(("training", key), text))


def settings_known() -> frozenset[str]:
    """The keys of the `training:` section."""
    return frozenset(each.name for each in parameters(TrainingSettings))


# -- compile -------------------------------------------------------------------------------


def compiled(
    training: Training, config: Mapping[str, Any], outputs: Sequence[str], context: Context
) -> None:
    """Optimizer, loss, metrics and weights of the losses, each as far as it can be expressed.

    `config` is the model's `get_compile_config()`; `context` knows the script's own classes.
    """
    try:
        training.section |= training_of(config, outputs, context)
    except ModelError:
        _piece_by_piece(training, config, outputs, context)
    for key, kind in (("loss", "loss"), ("metrics", "metric")):
        if key in training.section:
            training.section[key] = _as_constructed(training, key, kind, context)
    if config.get("run_eagerly"):
        training.section["execution"] = "eager"
    elif config.get("jit_compile") is True:
        training.section["execution"] = "xla"


def _piece_by_piece(
    training: Training, config: Mapping[str, Any], outputs: Sequence[str], context: Context
) -> None:
    """The same where a part of it cannot be expressed: the rest is kept."""
    found, missing = training_by_parts(config, outputs, context)
    training.section |= found
    for key, error in missing.items():
        instead = _DEFAULTS.get(key, "")
        training.note(key, f"{key} of the script: {_shown(config.get(key))} ({error}){instead}")


def _as_constructed(training: Training, key: str, kind: str, context: Context) -> Any:
    """The losses or metrics with the arguments that the script's own classes take.

    Keras adds those of its base class; what `get_config` of an own class leaves out is told.
    """

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for name, arguments in value.items():
            entry = context.code.find(kind, name) if context.code is not None else None
            if entry is None or not entry.code or not isinstance(arguments, dict):
                found[name] = walk(arguments)
                continue
            taken = {each.name for each in entry.parameters}
            if missing := sorted(taken - arguments.keys() - _OF_EVERY_OBJECT):
                text = f"get_config of {name} does not tell {', '.join(missing)}"
                training.note(key, f"{text}: its own default stands in for it")
            if not entry.open_ended:
                arguments = {one: each for one, each in arguments.items() if one in taken}
            if not arguments:
                return name if len(value) == 1 else value
            found[name] = arguments
        return found

    return walk(training.section[key])


def _shown(value: Any) -> str:
    """A serialized value in few words."""
    if isinstance(value, Mapping) and "class_name" in value:
        config = value.get("config")
        if value["class_name"] == "function":
            return str(config)
        return str(value["class_name"]).strip("_")
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return str(value)


# -- fit -----------------------------------------------------------------------------------


def fitted(training: Training, call: Mapping[str, Any], batch_size: int | None) -> None:
    """Epochs, batch size, callbacks and the rest of the arguments of `fit`.

    `call` are the arguments by name, `batch_size` that of a pipeline that makes its own batches.
    """
    section, known = training.section, settings_known()
    first = int(call.get("initial_epoch") or 0)
    section["epochs"] = max(0, int(call["epochs"]) - first)
    if first:
        training.note("epochs", f"the script goes on from epoch {first}: initial_epoch={first}")
    section["batch_size"] = int(call.get("batch_size") or batch_size or 32)
    if call.get("shuffle") is False:
        section["shuffle"] = False
    elif call.get("shuffle") == "batch":
        training.note("shuffle", 'shuffle="batch" of the script: nnpy shuffles examples')
    if (weights := call.get("class_weight")) is not None:
        section["class_weight"] = {int(key): float(each) for key, each in weights.items()}
    if call.get("sample_weight") is not None:
        training.note("sample_weight", "the script weights each example by sample_weight")
    for key in ("steps_per_epoch", "validation_freq"):
        value = call.get(key)
        if value is None or (key == "validation_freq" and value == 1):
            continue
        if key in known and isinstance(value, int):
            section[key] = value
        else:
            training.note(key, f"{key}={value} of the script")
    if call.get("validation_steps") is not None:
        text = f"validation_steps={call['validation_steps']} of the script: nnpy validates on all"
        training.note("validation_steps", text)
    _callbacks(training, call.get("callbacks"))


def _callbacks(training: Training, given: Any) -> None:
    if isinstance(given, keras.callbacks.CallbackList):
        given = given.callbacks
    found = []
    for each in given if isinstance(given, list | tuple) else [given] if given else []:
        name = type(each).__name__
        if type(each) is getattr(keras.callbacks, name, None) and name in REPLACED:
            training.note("callbacks", f"{name} of the script is left out: {REPLACED[name]}")
            continue
        try:
            found.append(_callback(each, training))
        except ModelError as error:
            training.note("callbacks", f"{name} of the script is left out: {error}")
    if found:
        training.section["callbacks"] = found


def _callback(each: Any, training: Training) -> Any:
    kind, name = type(each), type(each).__name__
    is_keras = kind is getattr(keras.callbacks, name, None)
    own = None if is_keras else training.own.find(kind)
    if not is_keras and own is None:
        raise ModelError(
            f"it comes from {kind.__module__}; write it into a file and name it in code:"
        )
    if own is not None:
        training.own.take([own])
    elif catalog.load().find("callback", name) is None:
        raise ModelError("nnpy does not know it")
    arguments = {}
    signature = inspect.signature(kind.__init__)
    for key, value in constructor_arguments(each).items():
        parameter = signature.parameters.get(key)
        if parameter is not None and _same(value, parameter.default):
            continue
        arguments[key] = _plain(value, key, training.own)
    return {name: arguments} if arguments else name


def _plain(value: Any, key: str, own: OwnCode) -> Any:
    """An argument of a callback as plain data; a function of the script by its name."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each, key, own) for each in value]
    if isinstance(value, dict):
        return {one: _plain(each, key, own) for one, each in value.items()}
    name = getattr(value, "__name__", "")
    if callable(value) and (found := own.find(value)) is not None:
        own.take([found])
        return name
    for home in ("activations", "losses", "metrics"):
        if callable(value) and getattr(getattr(keras, home), name or "-", None) is value:
            return f"{home}.{name}"
    what = "a lambda" if name == "<lambda>" else f"a {type(value).__name__}"
    raise ModelError(f"its '{key}' is {what}, which a config cannot express")


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and value == default


# -- the arguments that made a callback ----------------------------------------------------

_ARGUMENTS = "_nnpy_arguments"


class _Remembering:
    on = False


def _new(cls: type, *positional: Any, **named: Any) -> Any:
    made: Any = object.__new__(cls)
    if _Remembering.on:
        setattr(made, _ARGUMENTS, (positional, named))
    return made


def remember_callbacks(replace: Callable[[Any, str, Any], None]) -> None:
    """From now on each callback knows the arguments of its constructor: Keras forgets them.

    A class that a `__new__` is taken from again refuses arguments (python/cpython#49572): this
    one stays in its place, and remembers only while it shall.
    """
    keras.callbacks.Callback.__new__ = staticmethod(_new)
    replace(_Remembering, "on", True)


def constructor_arguments(callback: Any) -> dict[str, Any]:
    """What the callback was made with, by the names of its constructor's parameters."""
    positional, named = getattr(callback, _ARGUMENTS, ((), {}))
    signature = inspect.signature(type(callback).__init__)
    bound = signature.bind(callback, *positional, **named).arguments
    own, *_ = signature.parameters
    found: dict[str, Any] = {}
    for key, value in bound.items():
        kind = signature.parameters[key].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            raise ModelError("its constructor takes any number of arguments by position")
        elif key != own:
            found[key] = value
    return found
