"""The rows of a file as a trained model takes them: CSV by Python alone, Parquet by polars."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnpy.data.table import dialect as dialects
from nnpy.data.table import scan
from nnpy.data.table.encode import Encoded, encode, from_cells
from nnpy.data.table.read import PARQUET
from nnpy.data.table.record import Record
from nnpy.errors import DataError

SUFFIXES = (".csv", ".tsv", ".txt", *PARQUET)
MOST = 10_000_000  # rows


def read_rows(
    path: Path,
    record: Record,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> tuple[Encoded, list[str]]:
    """The vectors of the rows of a CSV or Parquet file, and what is to be told of them.

    Columns go by name: their order does not matter, what the training did not have is left out.
    Raises DataError for a column that is missing, and for a cell or a row that is none.
    """
    cells = read_cells(path, delimiter=delimiter, encoding=encoding, header=header)
    if not next(iter(cells.values()), []):
        raise DataError(f"{path} has no rows")
    try:
        columns, notes = from_cells(record, cells)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    found = encode(record, columns)
    return found, [*notes, *found.notes]


def read_cells(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> dict[str, Sequence[Any]]:
    """The cells of a CSV or Parquet file by column. Raises DataError."""
    if path.suffix.lower() in PARQUET:
        return _parquet(path)
    return _csv(path, delimiter, encoding, header)


def _csv(
    path: Path, delimiter: str | None, encoding: str | None, header: bool | None
) -> dict[str, Sequence[Any]]:
    found = dialects.of_file(path, delimiter=delimiter, encoding=encoding, header=header)
    rows: list[list[str]] = []
    try:
        with path.open(encoding=found.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=found.delimiter, strict=True)
            for row in reader:
                if reader.line_num <= found.skip or not row:
                    continue
                if len(row) != len(found.names):
                    raise scan.bad_length(path, reader.line_num, len(row), found)
                rows.append(row)
                if len(rows) > MOST:
                    raise DataError(f"{path} has more than {MOST:,} rows: part it into files")
    except UnicodeError as error:
        if found.encoding == "utf-8":
            with path.open("rb") as content:
                raise dialects.not_utf8(path, content.read(dialects.SAMPLE)) from None
        reason = dialects.why(error)
        raise DataError(f"{path} is not in the encoding {found.encoding} ({reason})") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return {
        name: [row[index].removeprefix("\ufeff") for row in rows]
        for index, name in enumerate(found.names)
    }


def _parquet(path: Path) -> dict[str, Sequence[Any]]:
    from nnpy.data.table.read import open_files

    (frame,) = open_files({"rows": path}).frames()
    return {name: frame[name].to_list() for name in frame.columns}
