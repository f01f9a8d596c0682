"""metrics.csv: a row an epoch, never torn, never twice, never taken away.

A training that was killed between its row and its state does that epoch again when it is
resumed, and comes to the same row: the one that is there stays.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from nnpy.errors import RunError
from nnpy.runs.folder import Run
from nnpy.storage import atomic

Row = Mapping[str, float]


class Table:
    """The rows of a metrics.csv; `rows` are those that a resumed training knows of."""

    def __init__(self, path: Path, rows: Iterable[Row] = ()) -> None:
        self._path = path
        self._rows: list[Row] = []
        self.rewritten = False  # whether a row turned out to differ from the one that was there
        for row in rows:
            self.add(row)

    def add(self, row: Row, later: Sequence[str] = ()) -> None:
        """Put the row of an epoch into the file, unless it is there already.

        The first row decides about the columns; `later` are those that only later rows fill. A
        file that is gone, or lacks rows before this one, is written anew. Raises RunError.
        """
        self._rows.append(row)
        lines = self._lines()
        number = int(row["epoch"])
        columns = _parsed(lines[0]) if lines else []
        if number > len(lines) or "epoch" not in columns:
            columns = self._columns(later)
            self._write([",".join(columns), *(_line(columns, each) for each in self._rows)])
            return
        line = _line(columns, row)
        if number == len(lines):
            atomic.append_line(self._path, line)
        elif _without_seconds(columns, lines[number]) != _without_seconds(columns, line):
            # Another device or version came to another result: what came after the old row
            # is no longer what happened.
            self.rewritten = True
            self._write([*lines[:number], line])

    def _columns(self, later: Sequence[str]) -> list[str]:
        """What any row or `later` names; the last column of a row is the last of all."""
        *names, last = self._rows[0]
        for name in itertools.chain(*self._rows, later):
            if name not in (*names, last):
                names.append(name)
        return [*names, last]

    def _lines(self) -> list[str]:
        try:
            return atomic.read_lines(self._path)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"{self._path} cannot be read: {reason}") from None

    def _write(self, lines: list[str]) -> None:
        atomic.write_text(self._path, "\n".join(lines) + "\n")


def _line(columns: list[str], row: Row) -> str:
    return ",".join(_number(key, row.get(key)) for key in columns)


def _parsed(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _without_seconds(columns: list[str], line: str) -> list[tuple[str, str]]:
    pairs = itertools.zip_longest(columns, _parsed(line), fillvalue="")
    return [(key, value) for key, value in pairs if key != "seconds"]


def _number(key: str, value: float | None) -> str:
    """A number as it stands there: whole, a time to the millisecond, or all digits of a float32."""
    if value is None:
        return ""
    if key == "epoch":
        return str(int(value))
    if key == "seconds":
        return f"{value:.3f}"
    return str(np.float32(value))


def history(run: Run) -> dict[str, list[float]]:
    """metrics.csv by column; a number that is missing is NaN."""
    rows = run.metrics()
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name, float("nan")) for row in rows] for name in names}


def measures(row: Mapping[str, float]) -> dict[str, float]:
    """What an epoch measured, of its row in the table."""
    return {name: row[name] for name in row if name not in ("epoch", "seconds", "learning_rate")}
