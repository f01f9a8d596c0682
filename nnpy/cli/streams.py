"""Standard output and error, whatever the caller has made of them.

Closed (`>&-`), full (`/dev/full`), a pipe whose reader has gone (`| head -1`), an encoding that
lacks the letter: nothing of it may end a training, and an answer that could not be given is told.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any

from nnpy.errors import NnpyError


class Untold(NnpyError):
    """The answer could not be written to standard output."""


class Patient(io.TextIOWrapper):
    """A stream for people: what it cannot tell is lost, and nothing else."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().flush()


class Answer(io.TextIOWrapper):
    """A stream for results: raises `Untold` where it cannot write, `BrokenPipeError` as ever."""

    def write(self, text: str) -> int:
        with _told():
            return super().write(text)

    def flush(self) -> None:
        with _told():
            super().flush()


@contextlib.contextmanager
def _told() -> Any:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Untold(f"standard output cannot be written: {error.strerror}") from error


def open_all() -> None:
    """Make standard input, output and error usable; the first thing that the command does.

    A closed descriptor would be given to the next file that is opened, and what TensorFlow
    writes to number 2 would end up in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                # The lowest free number is given: this one.
                os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    sys.stdout = _wrapped(Answer, 1, sys.stdout)
    sys.stderr = _wrapped(Patient, 2, sys.stderr)


def patient(descriptor: int) -> Patient:
    """A stream for people on a descriptor of its own."""
    return _wrapped(Patient, descriptor, None)


def _wrapped(kind: Any, descriptor: int, before: Any) -> Any:
    encoding = getattr(before, "encoding", None) or "utf-8"
    raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115  (lives as long as the process)
    # "backslashreplace": a name that is not text in this encoding is shown all the same.
    return kind(raw, encoding, "backslashreplace", line_buffering=raw.isatty() or kind is Patient)
