"""The one door through which methods of a model are replaced while a step is traced.

Keras and TensorFlow have no settings for what the engine changes in a traced step, so it puts
other functions in the places of theirs for as long as the trace lasts. Two traces at once, or
one within the other, would restore each other's replacements in the wrong order: a lock lets one
thread in at a time, and a second entry by the same thread is an error.

Importing this module imports TensorFlow.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

_lock = threading.Lock()
_owner: int | None = None  # the thread that traces
_MISSING = object()


class Patches:
    """What has been replaced so far."""

    def __init__(self) -> None:
        self._originals: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Sets an attribute of an object or a module until the trace is over."""
        self._originals.append((owner, name, vars(owner).get(name, _MISSING)))
        setattr(owner, name, value)

    def restore(self) -> None:
        """Everything as it was, the last replacement first."""
        while self._originals:
            owner, name, original = self._originals.pop()
            if original is _MISSING:  # the class has it, the object had not
                delattr(owner, name)
            else:
                setattr(owner, name, original)


@contextlib.contextmanager
def patches() -> Iterator[Patches]:
    """Within it, replacements hold; after it, whatever happens, nothing is replaced.

    Raises RuntimeError when the same thread is within it already, or inside `strategy.run`,
    whose replicas are traced in threads of their own.
    """
    global _owner
    if _owner == threading.get_ident():
        raise RuntimeError("a step is traced within the trace of another")
    if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
        raise RuntimeError("a step is traced within strategy.run")
    with _lock:
        _owner = threading.get_ident()
        made = Patches()
        try:
            yield made
        finally:
            made.restore()
            _owner = None
