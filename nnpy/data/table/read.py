"""The files of a table: every column as text, some columns at a time, so that memory is bounded.

files = open_files({"train": Path("people.csv")})
for frame in files.frames(budget=2 << 30):   # polars: the rows of all files, one after another
    frame.columns
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnpy.data.table import dialect as dialects
from nnpy.data.table import scan
from nnpy.data.table.dialect import Dialect
from nnpy.data.table.polars_needed import polars
from nnpy.data.table.words import shown
from nnpy.devices.host import free_memory
from nnpy.errors import DataError, did_you_mean
from nnpy.storage.regular import open_regular

PARQUET = (".parquet", ".pq")
_CELL = 24  # bytes that a cell of text takes in memory, besides its characters
_ROW = 8  # characters of a cell, where nothing is known of them
_VALUE = 8  # bytes of a value of Parquet
_PIECE = 1 << 22


@dataclass
class File:
    """One file of a table. `rows`, `digest` and some notes are known once it was read."""

    split: str  # train, validation or test
    path: Path
    names: tuple[str, ...]
    size: int  # bytes
    dialect: Dialect | None = None  # None for Parquet
    utf8: Path | None = None  # where a CSV file lies as UTF-8, if not at `path`
    bytes: scan.Bytes | None = None
    rows: int = 0
    quoted: int = 0  # delimiters within cells
    blank: Any = None  # a polars mask of the rows that have no cell at all
    notes: list[str] = field(default_factory=list)


@dataclass
class Files:
    """The files of a table, with the columns of the first."""

    files: list[File]

    @property
    def names(self) -> tuple[str, ...]:
        return self.files[0].names

    @property
    def unnamed(self) -> tuple[str, ...]:
        """The columns whose name is empty in the first file."""
        first = self.files[0].dialect
        return first.unnamed if first else ()

    @property
    def notes(self) -> list[str]:
        """What is to be told of each file."""
        return [f"{file.path.name}: {note}" for file in self.files for note in file.notes]

    def rows(self) -> dict[str, slice]:
        """Which rows of the frames each split's file has, once they were read."""
        found, at = {}, 0
        for file in self.files:
            found[file.split] = slice(at, at + file.rows)
            at += file.rows
        return found

    def place(self, row: int) -> str:
        """A row of the frames in words: `row 5`, or `row 5 of test.csv`; the first one is 1."""
        for split, part in self.rows().items():
            if part.start <= row < part.stop:
                file = next(each for each in self.files if each.split == split)
                of = f" of {file.path.name}" if len(self.files) > 1 else ""
                return f"row {row - part.start + 1:,}{of}"
        return f"row {row + 1:,}"

    def frames(self, budget: int | None = None) -> Iterator[Any]:
        """Polars frames of some columns each, with all rows.

        Columns of CSV files are text, cells without content null; those of Parquet have the
        file's types. A frame takes at most about `budget` bytes, where one column does. Raises
        DataError for a row with too few or too many cells, before the last frame.
        """
        groups = self._groups(budget)
        for group in groups:
            parts = [_part(file, group, last=group is groups[-1]) for file in self.files]
            yield parts[0] if len(parts) == 1 else _stacked(parts)

    def _groups(self, budget: int | None) -> list[list[str]]:
        names = list(self.names)
        if budget is None:
            return [names]
        text = sum(file.size * (1 if file.dialect else 4) for file in self.files)
        values = sum(file.rows * _VALUE for file in self.files if not file.dialect)
        column = max(1, text // len(names) * (1 + _CELL // _ROW), values)
        at_once = max(1, budget // column)
        return [names[at : at + at_once] for at in range(0, len(names), at_once)]


def open_files(
    paths: Mapping[str, Path],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> Files:
    """The files by split, their columns known and held against those of the first.

    Columns go by name: their order may differ. Raises DataError for a file that cannot be read,
    and for a column of the first that another does not have.
    """
    files = [
        _open(split, path, delimiter=delimiter, encoding=encoding, header=header)
        for split, path in paths.items()
    ]
    first = files[0]
    for other in files[1:]:
        missing = [name for name in first.names if name not in other.names]
        if missing:
            raise DataError(
                f"{other.path} lacks {_columns(missing)} of {first.path}"
                + did_you_mean(missing[0], other.names)
            )
        if extra := [name for name in other.names if name not in first.names]:
            other.notes.append(f"{_columns(extra)} left out: not in {first.path.name}")
    return Files(files)


def _open(
    split: str, path: Path, *, delimiter: str | None, encoding: str | None, header: bool | None
) -> File:
    try:
        with open_regular(path) as opened:
            size = opened.seek(0, 2)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected a CSV or Parquet file") from None
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: {reason}; expected a CSV or Parquet file") from None
    if _is_parquet(path):
        names, rows = _parquet(path)
        return File(split, path, names, size, rows=rows)
    found = dialects.of_file(path, delimiter=delimiter, encoding=encoding, header=header)
    file = File(split, path, found.names, size, found, notes=list(found.notes))
    if found.encoding not in ("utf-8", "utf-8-sig", "ascii"):
        file.utf8 = _as_utf8(path, found.encoding)
    return file


def _parquet(path: Path) -> tuple[tuple[str, ...], int]:
    """The columns and the number of rows that a Parquet file declares: a few bytes may say any."""
    pl = polars()
    with _reading(f"{path} is no whole Parquet file"):
        lazy = pl.scan_parquet(path, glob=False)
        names, rows = tuple(lazy.collect_schema()), lazy.select(pl.len()).collect().item()
    if len(names) > dialects.MAX_COLUMNS:
        raise DataError(f"{path} has {len(names):,} columns: at most {dialects.MAX_COLUMNS:,}")
    if rows * _VALUE > free_memory():
        raise DataError(
            f"{path} declares {rows:,} rows: one column of them takes more than the memory that "
            "is free"
        )
    return names, rows


@contextlib.contextmanager
def _reading(what: str) -> Iterator[None]:
    """What polars says of a file, as a DataError."""
    pl = polars()
    try:
        with _silent():
            yield
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise DataError(f"{what}: {_first_line(error)}") from None
    except pl.exceptions.PanicException as error:  # of a damaged file; it is no Exception
        raise DataError(f"{what}: it is damaged ({_first_line(error)})") from None


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Of a damaged file polars writes pages to standard error, past Python."""
    try:
        before, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:
        yield
        return
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nothing)


def _is_parquet(path: Path) -> bool:
    with open_regular(path) as file:
        return file.read(4) == b"PAR1" or path.suffix.lower() in PARQUET


def _as_utf8(path: Path, encoding: str) -> Path:
    """The file written anew as UTF-8, for as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="nnpy-table-")
    atexit.register(folder.cleanup)
    to, decoder = Path(folder.name) / "table.csv", codecs.getincrementaldecoder(encoding)()
    try:
        with open_regular(path) as source, to.open("w", encoding="utf-8", newline="") as target:
            while piece := source.read(_PIECE):
                target.write(decoder.decode(piece))
            target.write(decoder.decode(b"", True))
    except UnicodeError as error:
        raise DataError(
            f"{path} is not in the encoding {encoding}: {dialects.why(error)}"
        ) from None
    return to


def _part(file: File, names: Sequence[str], *, last: bool) -> Any:
    """Some columns of one file."""
    pl = polars()
    if file.dialect is None:
        with _reading(f"{file.path} cannot be read"):
            frame = pl.read_parquet(file.path, columns=list(names), glob=False)
        file.rows = frame.height
        file.bytes = file.bytes or scan.look(file.path, ",")
        return frame
    frame = _csv(file, names)
    assert file.bytes is not None
    height = frame.height
    if file.bytes.quotes:
        count = pl.all().str.count_matches(file.dialect.delimiter, literal=True).sum()
        file.quoted += sum(frame.select(count).row(0))
    blank = 0
    # An empty line is a row of nulls to polars: so is its first cell, or that of a later group.
    if file.blank is None and frame.to_series(0).null_count():
        file.blank = _blank(file, frame)
    if file.blank is not None and (blank := int(file.blank.sum())):
        frame = frame.filter(~file.blank)
    file.rows = frame.height
    if last:
        wanted = height * (len(file.names) - 1) + file.quoted + file.dialect.before
        # Where lines are empty, those of too few cells are not told by the number.
        if (file.bytes.delimiters != wanted or blank) and (wrong := _bad_row(file)):
            raise wrong
        if blank:
            file.notes.append(f"{blank:,} empty line{'s' if blank > 1 else ''} left out")
    return frame


def _csv(file: File, names: Sequence[str]) -> Any:
    pl = polars()
    assert file.dialect is not None
    order = {name: index for index, name in enumerate(file.names)}
    columns = sorted(order[name] for name in names)
    with ThreadPoolExecutor(1) as pool:
        path, mark = file.utf8 or file.path, file.dialect.delimiter
        looked = None if file.bytes else pool.submit(scan.look, path, mark)
        try:
            frame = pl.read_csv(path, columns=columns, **_how(file))
        except (pl.exceptions.PolarsError, OSError, ValueError) as error:
            raise _why_not(file, error) from None
        except pl.exceptions.PanicException as error:
            raise _why_not(file, error) from None
        if looked is not None:
            file.bytes = looked.result()
    frame.columns = [file.names[index] for index in columns]
    return frame.select(names)


def _how(file: File) -> dict[str, Any]:
    """How polars reads the file: all columns as text, by names of its own."""
    pl = polars()
    assert file.dialect is not None
    schema = {f"column_{index + 1}": pl.String for index in range(len(file.names))}
    return {
        "has_header": False,
        "schema": schema,
        "skip_lines": file.dialect.skip,
        "separator": file.dialect.delimiter,
        "glob": False,  # a name may have brackets
    }


def _blank(file: File, frame: Any) -> Any:
    """Which rows have no cell with content. Where the frame has not all columns, they are looked
    at a part of the rows at a time."""
    pl = polars()
    mask = pl.all_horizontal(pl.all().is_null()).alias("blank")
    if len(frame.columns) == len(file.names):
        return frame.select(mask)["blank"]
    with _reading(f"{file.path} cannot be read"):
        rows = pl.scan_csv(file.utf8 or file.path, **_how(file))
        return rows.select(mask).collect(engine="streaming")["blank"]


def _bad_row(file: File) -> DataError | None:
    assert file.dialect is not None
    return scan.bad_row(file.utf8 or file.path, file.path, file.dialect)


def _why_not(file: File, error: BaseException) -> DataError:
    """What is wrong with a file that polars refuses: where, and how to mend it."""
    assert file.dialect is not None
    if "not found in CSV file" in str(error):
        return DataError(
            f"{file.path}, line {file.dialect.skip + 1:,}: the lines below the names are empty for "
            "too long: remove them"
        )
    return _bad_row(file) or DataError(
        f"{file.path} cannot be read as CSV: {_first_line(error)}; a quote in the middle of a "
        'cell must stand in a quoted cell and be written twice ("")'
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]


def _stacked(parts: list[Any]) -> Any:
    """The rows of all files; a column whose types differ between Parquet and CSV is text."""
    pl = polars()
    names = parts[0].columns
    parts = [part.select(names) for part in parts]
    for name in names:
        types = {str(part.schema[name]): part.schema[name] for part in parts}
        if len(types) > 1 and not all(each.is_numeric() for each in types.values()):
            parts = [part.with_columns(pl.col(name).cast(pl.String)) for part in parts]
    return pl.concat(parts, how="vertical_relaxed", rechunk=False)


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {shown(names)}"
