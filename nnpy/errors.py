"""The errors that a user can meet: what happened, where, what was expected, how to fix it.

Every error that nnpy raises on purpose is an `NnpyError`; its `exit_code` is what the
command ends with. The command line prints `str(error)`, never a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_TOLD = 50  # mistakes of a config in the text for people
_LONGEST = 1_000  # characters of a message or a path: a name in a config may take a megabyte
_SURELY = 0.75  # of two words, from 0 to 1, above which one is the other misspelt
_WORD = 100  # characters up to which a word may be meant for another


class NnpyError(Exception):
    """Something went wrong that the user can understand and act on (exit code 1)."""

    exit_code = 1


class UsageError(NnpyError):
    """A command was used wrongly (exit code 2)."""

    exit_code = 2


class DataError(NnpyError):
    """A data set is missing, damaged or not what the config needs."""


class RunError(NnpyError):
    """A run folder cannot be made, written or read."""


class ModelError(NnpyError):
    """A model file cannot be opened, or does not fit what is asked of it."""


class DeviceError(NnpyError):
    """A device that was asked for is not there."""


class Interrupted(NnpyError):
    """The user (130) or the system (143) asked the training to end."""

    def __init__(self, message: str, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Problem:
    """One mistake in a config: `file:line:column: path: message`, and the line itself.

    `line` and `column` count from 1; both are 0 for a value without a place in a file.
    """

    message: str
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""  # the text of the line
    code: str = ""  # the kind of mistake for programs: "unknown-key", "unknown-name" or ""
    suggestion: str = ""  # the name that was meant, where one is near

    def __post_init__(self) -> None:
        # A name in the config may hold anything, a line break or a terminal's commands too.
        object.__setattr__(self, "message", _short(printable(self.message)))
        object.__setattr__(self, "path", _short(printable(self.path)))

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        head = ": ".join(part for part in (place, self.path, self.message) if part)
        if not (self.line and self.source):
            return head
        text, start = _window(self.source, self.column - 1, self.length)
        number = f"{self.line:>5} | "
        carets = "^" * max(1, min(self.length, len(text) - start))
        # A tab in front of the caret must be as wide as the tab in the line above it.
        lead = "".join("\t" if char == "\t" else " " for char in text[:start])
        return f"{head}\n{number}{text}\n{' ' * (len(number) - 2)}| {lead}{carets}"

    def as_dict(self) -> dict[str, object]:
        """The fields as plain data, for `--json`; of a long line what is around the place."""
        source, _ = _window(self.source, self.column - 1, self.length, _LONGEST)
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "length": self.length,
            "path": self.path,
            "message": self.message,
            "code": self.code,
            "suggestion": self.suggestion,
            "source": source,
        }


class ConfigError(UsageError):
    """A config is wrong; `problems` holds every mistake that was found, in file order.

    Its text tells the first `MOST_TOLD` of them, and how many there are; it is `located` where it
    begins with the file that the first is in.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.located = bool(self.problems and self.problems[0].file)
        lines = [str(problem) for problem in self.problems[:MOST_TOLD]]
        if more := len(self.problems) - len(lines):
            word = "mistakes" if more > 1 else "mistake"
            lines.append(f"… and {more:,} more {word} (nnpy check --json lists all of them)")
        super().__init__("\n".join(lines))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'units'?"`, or nothing when no known word is near `word`."""
    near = nearest(word, known)
    return f"; did you mean '{near}'?" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is likely to be meant for, or None."""
    if len(word) > _WORD:
        return None
    names = list(known)
    lowered = {name.lower(): name for name in names}
    near: Sequence[str] = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not near:
        near = [
            lowered[match]
            for match in difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
        ]
    return near[0] if near else None


def surely(word: str, meant: str) -> bool:
    """Whether two words are so near that one is taken for the other without asking."""
    return difflib.SequenceMatcher(None, word.lower(), meant.lower()).ratio() >= _SURELY


def printable(text: str) -> str:
    """The text on one line, every character that cannot be seen as its escape, `\\n`."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _window(text: str, start: int, length: int, width: int = 160) -> tuple[str, int]:
    """The part of a long line around `start`, and where `start` lies in it."""
    if len(text) <= width:
        return text, start
    left = max(0, min(start - width // 3, len(text) - width))
    cut = text[left : left + width]
    if left:
        cut = "…" + cut[1:]
    if left + width < len(text):
        cut = cut[:-1] + "…"
    return cut, start - left
