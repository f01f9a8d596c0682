"""Keras's own loading of a model, kept from taking more memory or time than the file is worth.

Importing this module imports Keras.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from nnpy.safety import extent
from nnpy.text import size_in_words

_GROWTH, _SLACK = 8, 1 << 20  # a model may take so many times its stored weights, and this more
_one_at_a_time = threading.RLock()


class TooMuch(Exception):
    """A model asks for more memory than its weights explain, or more than there is."""


def load(
    path: Path, custom_objects: Mapping[str, Any], *, stored: int, compile: bool
) -> keras.Model:
    """The model in an archive that has been inspected; `stored` are the bytes of its weights.

    Raises `TooMuch` before the memory is asked for, and whatever Keras raises.
    """
    with _one_at_a_time, _linear_sequential(), _within(stored) as excess:
        try:
            model = keras.saving.load_model(
                path, custom_objects=dict(custom_objects), compile=compile, safe_mode=True
            )
        except Exception as error:
            # Keras words many an exception anew, and it may have been swallowed before.
            raise (excess[0] if excess else error) from error
    if excess:
        raise excess[0]
    if problem := extent.problem(model):
        raise TooMuch("layer {!r}: {}".format(*problem))
    return model


@contextlib.contextmanager
def _within(stored: int) -> Iterator[list[TooMuch]]:
    """Refuse variables that together take much more than is stored, before they take it.

    Keras has no public hook for this: every variable made by an initializer goes through this
    one method, which is given the shape and not yet any memory.
    """
    limit, excess = _GROWTH * stored + _SLACK, list[TooMuch]()
    thread, total = threading.get_ident(), 0
    name = "_initialize_with_initializer"
    owner = next(kind for kind in keras.Variable.__mro__ if name in vars(kind))
    original = vars(owner)[name]

    def initialize(self: Any, initializer: Any) -> None:
        nonlocal total
        if threading.get_ident() == thread:
            total += math.prod(self._shape) * extent.width(self.dtype)
            if total > limit:
                words = (
                    f"its config describes weights of {size_in_words(total)} and more, but the "
                    f"file holds {size_in_words(stored)}"
                )
                excess.append(TooMuch(words))
                raise excess[0]
        original(self, initializer)

    setattr(owner, name, initialize)
    try:
        yield excess
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def _linear_sequential() -> Iterator[None]:
    """Let a `Sequential` be made of all its layers at once.

    Keras's own `from_config` adds them one by one and builds the whole model again after each:
    100 layers cost 5,050 calls, 400 more than a minute.
    """
    original = keras.Sequential.__dict__["from_config"]

    def from_config(cls: Any, config: Any, custom_objects: Any = None) -> Any:
        layers = config["layers"]
        if cls is not keras.Sequential or not all("module" in each for each in layers):
            return original.__func__(cls, config, custom_objects)  # another constructor, old forms
        made = [keras.saving.deserialize_keras_object(each, custom_objects) for each in layers]
        model = cls(made, name=config["name"])
        shape = config.get("build_input_shape")
        if not model.built and isinstance(shape, list | tuple) and shape:
            model.build(shape)
        return model

    keras.Sequential.from_config = classmethod(from_config)
    try:
        yield
    finally:
        keras.Sequential.from_config = original
