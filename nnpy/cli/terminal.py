"""What people see: messages and progress on the terminal; TensorFlow's noise in a log instead.

TensorFlow and XLA write to file descriptor 2 from C++, where Python cannot stop them. `quiet`
points the descriptor at a file and keeps a copy of the terminal for nnpy's own words.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nnpy.cli import streams
from nnpy.errors import ConfigError, NnpyError
from nnpy.storage import atomic
from nnpy.text import harmless

if TYPE_CHECKING:
    from rich.console import Console


_UNSEEN = re.compile(
    r"[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


class Terminal:
    """The user's terminal (stderr), and where everything else that is written there goes."""

    def __init__(self) -> None:
        self._out: IO[str] | None = None  # the user's stderr, while `quiet`
        self._log: IO[bytes] | None = None
        self._console: Console | None = None

    # -- TensorFlow's noise ---------------------------------------------------------------

    def quiet(self) -> None:
        """From now on what is written to stderr goes to a log; `say` still reaches the user."""
        if self._out is not None:
            return
        sys.stderr.flush()
        self._out = streams.patient(os.dup(2))
        self._log = _temporary()
        os.dup2(self._log.fileno(), 2)

    def log_to(self, path: Path) -> None:
        """Lets the log go on in a file (of a run folder), with what it holds so far."""
        if self._log is None:
            return
        sys.stderr.flush()
        earlier = b""
        if self._log.readable():  # the log of an earlier run keeps what it holds
            self._log.seek(0)
            earlier = self._log.read()
        try:
            log = os.fdopen(atomic.open_own(path, os.O_WRONLY | os.O_APPEND), "ab")
            log.write(earlier)
            log.flush()
        except (OSError, NnpyError) as error:  # it is a training without a log, then
            self.say(
                f"the log cannot be written: {path}: {getattr(error, 'strerror', None) or error}"
            )
            return
        os.dup2(log.fileno(), 2)
        self._log.close()
        self._log = log

    def restore(self) -> None:
        """Gives stderr back to whoever writes there."""
        if self._out is not None:
            sys.stderr.flush()
            os.dup2(self._out.fileno(), 2)
            self._out = None

    # -- nnpy's words ---------------------------------------------------------------------

    @property
    def stream(self) -> IO[str]:
        return self._out or sys.stderr

    @property
    def is_terminal(self) -> bool:
        return self.stream.isatty()

    @property
    def console(self) -> Console:
        """rich on the user's terminal, for progress bars and tables."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stream, highlight=False, markup=False)
        return self._console

    def say(self, text: str = "") -> None:
        """Some lines for people; names in it may come from anywhere."""
        text = harmless(text)
        if self._console is not None:
            self._console.print(text, soft_wrap=True)
        else:
            with contextlib.suppress(OSError):
                print(text, file=self.stream, flush=True)
        if self._log is not None and self._out is not None:
            with contextlib.suppress(OSError):  # a full disk: the log is not the training
                os.write(2, (text + "\n").encode(errors="backslashreplace"))

    def error(self, error: NnpyError | str) -> None:
        """What went wrong; one that begins with its place in a file needs no further word."""
        located = isinstance(error, ConfigError) and error.located
        self.say(str(error) if located else f"Error: {error}")

    def result(self, value: str | Mapping[str, Any], *, essential: bool = True) -> None:
        """An answer on stdout: text, or data as JSON.

        Raises `Untold` or BrokenPipeError where it cannot be written, unless it is not
        `essential`: what the command was for has been done, as a training has.
        """
        if isinstance(value, str):
            text = harmless(value)
        else:
            # JSON leaves the controls above U+007F and half characters as they are.
            ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
            text = json.dumps(value, indent=2, ensure_ascii=ascii_only)
            text = _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
        try:
            print(text, flush=True)
        except (streams.Untold, OSError) as error:
            if essential:
                raise
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  (until the process ends)
            if not isinstance(error, BrokenPipeError):
                self.say(f"{error}; it would have been: {text}")

    def crash(self, error: Exception) -> int:
        """A mistake of nnpy's own, or of a library: one line, and the traceback in a file."""
        text = "".join(traceback.format_exception(error))
        summary = " ".join(str(error).split())[:300]
        self.error(f"{type(error).__name__}: {summary}")
        try:
            with tempfile.NamedTemporaryFile(
                "wb", prefix="nnpy-", suffix=".txt", delete=False
            ) as report:
                report.write(text.encode(errors="backslashreplace"))
            self.say(f"This is a bug in nnpy. The details are in {report.name}")
        except OSError:  # no place for temporary files, or a full disk
            self.say(f"This is a bug in nnpy:\n{text}")
        return 1

    def leave(self, code: int) -> None:
        """Ends the process at once: the teardown of TensorFlow takes time and says things."""
        for stream in (sys.stdout, self.stream, sys.stderr):
            try:
                stream.flush()
            except (streams.Untold, OSError, ValueError):
                code = code or 1
        os._exit(code)


def _temporary() -> IO[bytes]:
    """A file without a name; in memory where there is no place for temporary files."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("nnpy-log"), "w+b")
        return Path(os.devnull).open("r+b")
