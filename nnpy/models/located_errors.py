"""Errors that Keras raises, told at the place in the config that caused them.

While a model is built, the place is known: `errors_located_at` stands around the call of Keras.
What is raised later, when a step is traced or run, is traced back: `located` looks for the
object in whose method it arose, and for the line that the object was made from.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.config.yaml.nodes import Mark
from nnpy.errors import ConfigError, ModelError, NnpyError, Problem
from nnpy.models import compiled_errors

_PACKAGE = str(Path(__file__).parents[1])


class Refused(ValueError):
    """What nnpy itself refuses of a model while Keras builds it: the user's mistake."""


@dataclass(frozen=True)
class _Place:
    mark: Mark | None
    path: str


# Whose methods Keras calls; functions of the user's own belong to one of them.
_Owner = (
    keras.Layer
    | keras.losses.Loss
    | keras.metrics.Metric
    | keras.optimizers.Optimizer
    | keras.optimizers.schedules.LearningRateSchedule
    | keras.initializers.Initializer
    | keras.regularizers.Regularizer
    | keras.constraints.Constraint
    | keras.callbacks.Callback
)

# Where in the config an object of Keras was written. Weak: a model that is gone needs no place.
_places: weakref.WeakKeyDictionary[Any, _Place] = weakref.WeakKeyDictionary()


def remember(made: Any, mark: Mark | None, path: str) -> Any:
    """Notes where the config says that an object be made; returns the object."""
    with contextlib.suppress(TypeError):  # no weak reference to it, or no hash: nobody asks for it
        _places[made] = _Place(mark, path)
    return made


@contextlib.contextmanager
def errors_located_at(mark: Mark | None, path: str) -> Iterator[None]:
    """Errors of Keras become a ConfigError at the place in the config that caused them.

    Nothing but the call of Keras may stand within: a mistake of nnpy's own is no mistake of the
    config. Nor is too little memory: MemoryError stays what it is.
    """
    try:
        yield
    except (NnpyError, MemoryError):
        raise
    except Exception as error:
        if _is_memory(error):
            raise MemoryError(f"{path}: {reason(error)}") from error
        raise located_error(reason(error), mark, path) from error


@contextlib.contextmanager
def errors_of_model(path: Path) -> Iterator[None]:
    """Errors that Keras or TensorFlow raise while a saved model computes become a ModelError."""
    try:
        yield
    except (NnpyError, MemoryError):
        raise
    except Exception as error:
        if _is_memory(error):
            raise MemoryError(f"{path}: {reason(error)}") from error
        names = [frame.f_globals.get("__name__", "") for frame in _frames(error)]
        if names[-1].startswith("nnpy.") or not any(
            name.partition(".")[0] in ("keras", "tensorflow") for name in names
        ):
            raise
        raise ModelError(f"{path} cannot be computed on these data: {reason(error)}") from error


def located(error: BaseException, config: Config) -> ConfigError | None:
    """The error of a training, told at the line that names the object in which it arose.

    None where that is no mistake of the config: it arose in nnpy's own code, or in no object
    that the config names.
    """
    if isinstance(error, NnpyError | MemoryError) or not isinstance(error, Exception):
        return None
    if _is_memory(error):
        return None
    if compiled_errors.is_one(error):
        place = _named_in(str(error), config) or compiled_errors.place_in(str(error), config)
        message = reason(error) + compiled_errors.own_line(str(error), config)
        return located_error(message, *place) if place is not None else None
    for each in _chain(error):
        frames = [*_frames(each)]
        if not frames or frames[-1].f_code.co_filename.startswith(_PACKAGE):
            continue
        for frame in reversed(frames):
            # Where a method could not even be called, its owner is a variable of the caller.
            for owner in (frame.f_locals.get("self"), *frame.f_locals.values()):
                place = _place_of(owner, config)
                if place is not None:
                    return located_error(reason(each) + _own_line(frames, config), *place)
    named = _named_in(str(error), config)
    return located_error(reason(error), *named) if named is not None else None


def reason(error: BaseException) -> str:
    """The part of Keras's message that says what is wrong, on one line."""
    text = str(getattr(error, "message", None) or error).strip()
    text = re.split(r"\n\s*\n?(?:Arguments received|Call arguments received)", text)[0]
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    if text.startswith("Graph execution error"):  # with where Python made the node
        told = [
            line for line in text.splitlines() if not re.match(r"\s|Graph |Detected |File ", line)
        ]
        text = "\n".join(told) or text
    text = re.split(r"\s*\[\[\{\{node |\s*\[Op:\w+\]", text)[0]
    text = re.sub(r"^\{\{function_node [^}]*\}\}\s*", "", text)
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 400 else text[:399] + "…"


def located_error(message: str, mark: Mark | None, path: str) -> ConfigError:
    """A ConfigError of one problem at a place that may be known by its path only."""
    return ConfigError([mark.problem(path, message) if mark else Problem(message, path)])


# -- who raised it ------------------------------------------------------------------------


def _is_memory(error: BaseException) -> bool:
    return type(error).__name__ == "ResourceExhaustedError"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _frames(error: BaseException) -> Iterator[Any]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _place_of(owner: Any, config: Config) -> tuple[Mark | None, str] | None:
    """Where the config names the object, or the one that Keras has made of a bare name."""
    if not isinstance(owner, _Owner) or isinstance(owner, keras.Model):
        return None
    try:
        place = _places.get(owner)
    except TypeError:
        return None
    if place is not None:
        return place.mark, place.path
    training = config.training
    if isinstance(owner, keras.Layer):
        step = next((each for each in config.model.steps if each.name == owner.name), None)
        return (step.mark, step.path) if step is not None else None
    if isinstance(owner, keras.metrics.Metric):
        return compiled_errors.by_name(owner.name, training.metrics, training.weighted_metrics)
    if isinstance(owner, keras.optimizers.Optimizer):
        return training.optimizer.mark, training.optimizer.path or "training.optimizer"
    if isinstance(owner, keras.losses.Loss):
        return compiled_errors.by_name(owner.name, training.loss, or_first=True)
    return None


def _named_in(text: str, config: Config) -> tuple[Mark | None, str] | None:
    """The layer whose name stands in the path of a node, where TensorFlow names one."""
    for path in re.findall(r"\b[\w.>-]+(?:/[\w.>-]+)+", text):
        parts = path.split("/")
        for step in config.model.steps:
            if any(re.fullmatch(re.escape(step.name) + r"(?:_\d+)?", part) for part in parts):
                return step.mark, step.path
    return None


def _own_line(frames: Iterable[Any], config: Config) -> str:
    """The last line of the user's own code on the way: ` (layers.py, line 7)`."""
    own = {str(each.path): each.name for each in config.code}
    lines = [
        f" ({own[each.f_code.co_filename]}, line {each.f_lineno})"
        for each in frames
        if each.f_code.co_filename in own
    ]
    return lines[-1] if lines else ""
