"""CSV files of numbers from anywhere, read as what they must be."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

from nnpy.errors import RunError, printable
from nnpy.storage import atomic

_MOST_COLUMNS = 10_000


def read_numbers(path: Path, limit: int, most: int) -> list[dict[str, float]]:
    """The whole rows of a CSV file, by column; an empty cell is left out, no file has no rows.

    At most `limit` bytes and `most` rows are read. Raises `RunError` that says what is wrong
    where.
    """
    try:
        lines = csv.reader(atomic.read_lines(path, limit))
        names = next(lines, [])
        if len(names) > _MOST_COLUMNS or len(set(names)) < len(names):
            raise ValueError(f"expected up to {_MOST_COLUMNS:,} columns, none twice")
        rows = []
        for number, cells in enumerate(itertools.islice(lines, most + 1), 2):
            if number > most + 1:
                raise ValueError(f"it has more than {most:,} rows")
            if len(cells) != len(names):
                raise ValueError(f"line {number} has {len(cells)} cells, not {len(names)}")
            rows.append(
                {
                    name: _number(cell, name, number)
                    for name, cell in zip(names, cells, strict=True)
                    if cell
                }
            )
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, csv.Error) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    return rows


def _number(cell: str, name: str, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        shown = printable(cell[:40])
        column = printable(name[:40])
        raise ValueError(f"line {line}, {column}: expected a number, got '{shown}'") from None
