"""A CSV file looked at as bytes: its digest, its delimiters and quotes, and its bad rows.

polars fills rows that are too short with nulls and says nothing. But it refuses rows that are too
long, so that the number of all delimiters of a file tells whether any row is short: one pass of
counting bytes. Only where the number is wrong is each row looked at, to name the line.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnpy.data.table.dialect import DELIMITERS, Dialect, not_utf8
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

_PIECE = 1 << 22  # bytes
_LONGEST = 1 << 24  # characters of a cell


@dataclass(frozen=True)
class Bytes:
    """What the bytes of a file say."""

    digest: str  # SHA-256
    size: int
    delimiters: int  # all of them, those in quotes too
    quotes: bool  # whether there is any quote


def look(path: Path, delimiter: str) -> Bytes:
    """One pass over the file. Raises DataError when it cannot be read."""
    import numpy as np

    digest, size, delimiters, quotes = hashlib.sha256(), 0, 0, False
    try:
        with open_regular(path) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                delimiters += int(
                    np.count_nonzero(np.frombuffer(piece, np.uint8) == ord(delimiter))
                )
                quotes = quotes or b'"' in piece
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    return Bytes(digest.hexdigest(), size, delimiters, quotes)


def bad_row(path: Path, shown: Path, dialect: Dialect) -> DataError | None:
    """The error for the first row that has too few or too many cells, or an open quote.

    `path` is read (UTF-8), `shown` is told. None where every row is right.
    """
    width = len(dialect.names)
    csv.field_size_limit(_LONGEST)
    rows = csv.reader(_lines(path, shown), delimiter=dialect.delimiter, strict=True)
    line = 0
    try:
        for row in rows:
            if rows.line_num > dialect.skip and row and len(row) != width:
                return bad_length(shown, line + 1, len(row), dialect)
            line = rows.line_num
    except csv.Error as error:
        if "unexpected end" in str(error) or "limit" in str(error):
            return DataError(
                f'{shown}, line {line + 1:,}: a quote (") is opened here and never closed'
            )
        return DataError(
            f'{shown}, line {rows.line_num:,}: text follows the quote (") that closes the one '
            f"opened in line {line + 1:,}: is that never closed? A quote within a quoted cell is "
            'written twice ("")'
        )
    return None


def bad_length(path: Path, line: int, found: int, dialect: Dialect) -> DataError:
    """The error for a row of `found` cells that is of another length than the names."""
    width = len(dialect.names)
    kind = "too few" if found < width else "too many"
    word = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
    hint = ""
    if found > width and dialect.delimiter == ",":
        hint = '; a comma within a cell must be quoted: "1,5"'
    cells = "cell" if found == 1 else "cells"
    return DataError(
        f"{path}, line {line:,}: {kind} cells: {found:,} {cells} where there are {width:,} "
        f"columns (parted by {word}){hint}"
    )


def _lines(path: Path, shown: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, their ends kept. Raises DataError where it is none."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, offset = "", 0
    with open_regular(path) as file:
        while piece := file.read(_PIECE):
            try:
                rest += decoder.decode(piece)
            except UnicodeDecodeError:
                raise not_utf8(shown, piece, offset) from None
            offset += len(piece)
            lines = rest.splitlines(keepends=True) if rest.isascii() else _parted(rest)
            rest = lines.pop() if lines else ""
            yield from lines
    if rest:
        yield rest


def _parted(text: str) -> list[str]:
    """Lines as CSV has them: `str.splitlines` also parts at U+2028 and its like."""
    parts = text.split("\n")
    return [*(part + "\n" for part in parts[:-1]), parts[-1]]
