"""A call into a library that may never come back, or ask for all the memory there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from nnpy.devices import host

Answer = TypeVar("Answer")
_LOOK = 0.2  # seconds


class TooLong(Exception):
    """It has not answered in its time; its thread is left to itself."""


def call(
    function: Callable[[], Answer], seconds: float, stop: Callable[[], None] = lambda: None
) -> Answer:
    """What `function` answers; Ctrl-C ends the waiting at once, which C code would not hear.

    Raises what `function` raises, `TooLong` after so many seconds, and what the library makes of
    memory that it does not get. `stop` is called when nobody waits any more.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 – handed on
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    with host.within_free_memory():
        try:
            thread.start()
            waited = 0.0
            while thread.is_alive() and waited < seconds:
                thread.join(min(_LOOK, seconds))
                waited += _LOOK
        finally:
            if thread.is_alive():
                stop()
    if thread.is_alive():
        raise TooLong(f"it has not answered in {_told(seconds)}")
    if errors:
        raise errors[0]
    return answers[0]


def _told(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
