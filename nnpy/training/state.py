"""All that a training needs to go on as if it had never stopped, in one file.

A `.keras` file forgets the state of every random layer, the place within the epoch and what the
callbacks know. A `State` holds it all: weights, optimizer, seed generators, metrics, callbacks,
random numbers, and what the trainer adds. `Recorder` takes it from live objects and puts it
back, bit for bit; `StateStore` keeps the last two on disk, written in the background.
"""

from __future__ import annotations

import random
import re
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnpy.errors import RunError
from nnpy.storage import archive

if TYPE_CHECKING:
    from nnpy.engine.copies import Copies

_FUNCTION = "a function of keras.ops"


@dataclass(frozen=True)
class State:
    """A moment of a training.

    `epoch` counts the finished epochs, `step` the finished steps of the one after them (0
    between epochs). `variables` maps a group ("model", "optimizer", "metrics", "other", and
    "augmentation": its generators) to its (name, array) pairs; where several devices share the
    training, "metrics" are those of the first, and "metrics 1", … of the others. `callbacks` holds
    what has changed in each callback since the training began, `numbers` the generators of random
    numbers, `progress` what the trainer wants back: plain data and arrays. `run` is the identity
    of the run that it belongs to.
    """

    epoch: int
    step: int
    variables: dict[str, list[tuple[str, np.ndarray]]] = field(default_factory=dict)
    callbacks: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    run: str | None = None


# ---------------------------------------------------------------- live objects


class Recorder:
    """Takes the `State` of a compiled model and its callbacks, and puts one back.

    Make it when the callbacks have seen `on_train_begin`: what they hold then comes from the
    config, what differs later is state.
    """

    def __init__(
        self,
        model: Any,
        callbacks: Iterable[Any] = (),
        copies: Copies | None = None,
        augmentation: Sequence[Any] = (),
    ) -> None:
        from nnpy.engine.copies import Copies

        self._model = model
        self._augmentation = augmentation
        self._copies = copies or Copies()
        self._callbacks = list(callbacks)
        self._begin = [archive.copy(_attributes(callback)) for callback in self._callbacks]
        _global_seed()  # made on first use, from Python's random numbers: always at this moment

    def follow(self, copies: Copies) -> None:
        """The model was compiled anew, for another engine, whose `copies` these are."""
        self._copies = copies

    def capture(self, epoch: int, step: int = 0, progress: dict[str, Any] | None = None) -> State:
        """A copy of everything at this moment; later training does not change it.

        `progress` is kept as it is: give what will not change.
        """
        groups = self._variables(with_metrics=step > 0)
        variables = {
            name: [(path, np.asarray(value.numpy())) for path, value in group]
            for name, group in groups.items()
        }
        for name in OWN:  # of each replica
            paths, live = zip(*groups.get(name, ()), strict=True) if groups.get(name) else ((), ())
            for number, values in enumerate(self._copies.read(live)):
                if name in groups and (number == 0 or values):
                    pairs = [*zip(paths, values, strict=True)]
                    variables[name if number == 0 else f"{name} {number}"] = pairs
        return State(
            epoch=epoch,
            step=step,
            variables=variables,
            callbacks=[
                (type(callback).__name__, _changed(callback, begin))
                for callback, begin in zip(self._callbacks, self._begin, strict=True)
            ],
            numbers=_random_numbers(self._model),
            progress=progress or {},
        )

    def restore(self, state: State, *, callbacks: bool = True) -> None:
        """Put `state` back into the model, its optimizer, the callbacks and the generators.

        The model must be the one that the state was taken from, built anew: every variable is
        compared by name, shape and dtype before any is changed. Raises `RunError` otherwise.
        """
        optimizer = getattr(self._model, "optimizer", None)
        if optimizer is not None and not optimizer.built and state.variables.get("optimizer"):
            optimizer.build(self._model.trainable_variables)
        groups = self._variables(with_metrics=state.step > 0)
        for name in groups | state.variables:
            live = groups.get(_group(name), [])
            _compare(name, state.variables.get(name, []), live)
        kinds = [type(callback).__name__ for callback in self._callbacks]
        saved = [kind for kind, _ in state.callbacks]
        if kinds != saved:
            raise RunError(
                f"the saved state belongs to other callbacks: {', '.join(saved) or 'none'} in the "
                f"state, {', '.join(kinds) or 'none'} in the config"
            )
        for name, group in groups.items():
            if name in OWN:
                self._restore_own(group, name, state)
                continue
            for (_, variable), (_, value) in zip(group, state.variables[name], strict=True):
                variable.assign(value)
        try:
            if callbacks:
                for callback, (_, attributes) in zip(self._callbacks, state.callbacks, strict=True):
                    for key, value in archive.copy(attributes).items():
                        _check_attribute(callback, key, value)
                        setattr(callback, key, _unnamed(value))
            _restore_random_numbers(self._model, state.numbers)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
            raise RunError(f"the saved state is not one of a training: {error}") from error

    def _variables(self, *, with_metrics: bool) -> dict[str, list[tuple[str, Any]]]:
        groups = _variables(self._model, with_metrics=with_metrics)
        if self._augmentation:
            groups["augmentation"] = [(each.path, each.value) for each in self._augmentation]
        return groups

    def _restore_own(self, group: list[tuple[str, Any]], name: str, state: State) -> None:
        """What each replica has of its own, however many there were."""
        saved = [each for each in state.variables if _group(each) == name]
        values = [[value for _, value in state.variables[each]] for each in saved]
        self._copies.write([variable for _, variable in group], values)


OWN = ("metrics", "other")  # groups of variables that may differ between replicas


def _group(name: str) -> str:
    """The group of variables to which those of a further replica ("metrics 1") belong."""
    head, _, number = name.partition(" ")
    return head if head in OWN and number.isdigit() else name


def _variables(model: Any, *, with_metrics: bool) -> dict[str, list[tuple[str, Any]]]:
    """Every variable of the training by group, as (name, tf.Variable) pairs in a fixed order."""
    import tensorflow as tf

    from nnpy.engine import introspection

    optimizer = getattr(model, "optimizer", None)
    groups = {
        "model": [(variable.path, variable.value) for variable in model.variables],
        "optimizer": [
            (variable.path, variable.value) for variable in getattr(optimizer, "variables", [])
        ],
    }
    metrics = [(variable.path, variable.value) for variable in model.metrics_variables]
    if with_metrics:
        groups["metrics"] = metrics
    # A layer of the user's own may hold a tf.Variable or tf.random.Generator, which Keras's
    # lists leave out but TensorFlow's object graph knows.
    known = {id(value) for group in (*groups.values(), metrics) for _, value in group}
    groups["other"] = [
        (thing.name, thing)
        for thing in tf.train.TrackableView(model).descendants()
        if isinstance(thing, tf.Variable) and id(thing) not in known
    ]
    groups["other"] += [(state.path, state.value) for state in introspection.states(model)]
    return groups


def _compare(
    group: str, saved: Sequence[tuple[str, np.ndarray]], live: Sequence[tuple[str, Any]]
) -> None:
    """Raise `RunError` unless the saved arrays fit the live variables one by one."""
    for number in range(max(len(saved), len(live))):
        ours = _described(*saved[number]) if number < len(saved) else "nothing"
        theirs = _described(*live[number]) if number < len(live) else "nothing"
        if _plain(ours) != _plain(theirs):
            raise RunError(
                f"the saved state does not fit the model: {group} variable {number + 1} of "
                f"{len(saved)} is {ours} in the state and {theirs} in the model "
                f"(has the config or its code been changed?)"
            )


def _described(name: str, value: Any) -> str:
    dtype = value.dtype if isinstance(value.dtype, np.dtype) else value.dtype.as_numpy_dtype
    return f"{name.removesuffix(':0')} {tuple(value.shape)} {np.dtype(dtype).name}"


def _plain(description: str) -> str:
    # Keras numbers unnamed layers through the whole process: dense_7 may have been dense.
    return re.sub(r"_\d+(?=[_/ ])", "", description)


def _attributes(callback: Any) -> dict[str, Any]:
    """What a callback holds that can be kept: plain data, arrays, functions of `keras.ops`."""
    values = {
        key: _named(value)
        for key, value in vars(callback).items()
        if key not in ("model", "_model", "params")
    }
    return {key: value for key, value in values.items() if archive.holds(value)}


def _named(value: Any) -> Any:
    # EarlyStopping and its like choose their comparison at the end of the first epoch, and turn
    # the sign of min_delta with it: one without the other would turn it twice.
    import keras

    name = getattr(value, "__name__", "")
    if callable(value) and name and value is getattr(keras.ops, name, None):
        return (_FUNCTION, name)
    return value


def _unnamed(value: Any) -> Any:
    import keras

    match value:
        case (name, str(function)) if name == _FUNCTION:
            found = getattr(keras.ops, function, None)
            if not isinstance(found, types.FunctionType):
                raise ValueError(f"keras.ops has no function {function!r}")
            return found
    return value


def _check_attribute(callback: Any, key: str, value: Any) -> None:
    """Raise `RunError` for what a state, which may come from anywhere, must not alter.

    That is a callback's methods and, of Keras's own callbacks, names: of files, of monitored
    metrics, of addresses. Keras itself changes none while it trains.
    """
    kind = type(callback)
    name = f"{kind.__name__}.{key}"
    if callable(getattr(kind, key, None)):
        raise RunError(f"the saved state would replace the method {name}: it is not used")
    ours = kind.__module__.split(".")[0] == "keras"
    if ours and isinstance(value, str | bytes) and value != getattr(callback, key, None):
        raise RunError(f"the saved state would set {name} to another text: it is not used")


def _changed(callback: Any, begin: dict[str, Any]) -> dict[str, Any]:
    return {
        key: archive.copy(value)
        for key, value in _attributes(callback).items()
        if key not in begin or not archive.same(begin[key], value)
    }


def _random_numbers(model: Any) -> dict[str, Any]:
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (kind, np.array(keys), position, has_gauss, gauss),
        "keras": _global_seed().numpy(),
        "stop_training": bool(getattr(model, "stop_training", False)),
    }


def _restore_random_numbers(model: Any, numbers: dict[str, Any]) -> None:
    random.setstate(numbers["python"])
    np.random.set_state(numbers["numpy"])
    _global_seed().assign(numbers["keras"])
    model.stop_training = numbers["stop_training"]


def _global_seed() -> Any:
    """The variable behind every `keras.random` call that is given no seed (int64 or uint32, (2,)).

    Keras has no public way to it, and without it a layer that calls `keras.random.normal(shape)`
    would go on with other numbers after a resume.
    """
    from keras.src.random.seed_generator import global_seed_generator

    return global_seed_generator().state.value


# ---------------------------------------------------------------- files
