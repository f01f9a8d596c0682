"""A table: CSV or Parquet files, of which each row is an example.

What a row becomes is learnt from the training rows, so the width of its vector is known once these
are chosen. NumPy and polars are imported when a file is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.data import duplicates
from nnpy.data.dataset import DataInfo, Dataset, Progress, Split
from nnpy.data.targets import Target, Task
from nnpy.errors import DataError

if TYPE_CHECKING:
    from nnpy.data.table.record import Record
    from nnpy.data.table.table import Options, Table

TYPES = ("number", "category", "date")


def _file(name: str, doc: str) -> Parameter:
    return Parameter(name, types=("str", "null"), doc=doc, is_path=True)


def _columns(name: str, doc: str, *, required: bool = False) -> Parameter:
    types = ("str", "list") if required else ("str", "list", "null")
    return Parameter(name, required=required, types=types, items=("str",), doc=doc)


PARAMETERS = (
    _file("path", "The file, CSV or Parquet; a part is held out for validation and for the test."),
    _file("train", "Instead of path: the file of the training rows."),
    _file("validation", "The file of the validation rows, with the columns of train."),
    _file("test", "The file of the test rows, with the columns of train."),
    _columns("target", "The column that is to be answered, or several.", required=True),
    _columns("features", "The columns to learn from; null: all that can be learnt from."),
    _columns("ignore", "Columns that are left out."),
    Parameter(
        "task",
        types=("str", "null"),
        choices=("classes", "labels", "numbers"),
        doc="What the target is: one of several classes, labels of which any may hold at once "
        "(a column each), or numbers; null: decided by its values.",
    ),
    Parameter(
        "types",
        types=("dict", "null"),
        doc="What a column is, {column: number, category or date}, whatever it looks like.",
    ),
    Parameter("delimiter", types=("str", "null"), doc="What parts the cells; null: found out."),
    Parameter(
        "decimal",
        types=("str", "null"),
        choices=(".", ","),
        doc="The decimal sign of numbers; null: found out for each column.",
    ),
    Parameter(
        "encoding",
        types=("str", "null"),
        doc="Of the text; null: UTF-8, or as its first bytes say.",
    ),
    Parameter(
        "missing",
        types=("str", "int", "float", "list", "null"),
        items=("str", "int", "float", "null"),
        doc="Cells that say nothing, besides empty ones; null: NA, NaN, null, ? and their like "
        "among numbers, none among words.",
    ),
    Parameter(
        "header",
        types=("bool", "null"),
        doc="Whether the first line has the names of the columns; null: found out.",
    ),
)

_TELLING = 4  # columns from which the same row twice is no chance

# The table that was read last, for as long as nobody took it: `info` is asked before `read`.
_LAST: dict[Any, Table] = {}
_INFO: dict[Any, DataInfo] = {}


def info(path: str | None = None, **arguments: Any) -> DataInfo:
    """The facts of a table. It is read whole: what a column is, is decided over all rows."""
    paths, options = _paths(path, arguments), _options(arguments)
    key = _key(paths, options)
    if key not in _INFO:
        table = _table(paths, options, None)
        _LAST.clear()
        _LAST[key] = table
        _INFO.clear()
        _INFO[key] = _described(table)
    return _INFO[key]


def learnt_info(learnt: Mapping[str, Any]) -> DataInfo:
    """The facts of the tables that a record is of, without any table."""
    from nnpy.data.table.record import Record

    record = Record.from_dict(learnt)
    return replace(_info(*_of(record), {}), embedded=record.embedded)


def read(
    path: str | None = None,
    progress: Progress | None = None,
    budget: int | None = None,
    *,
    split_by: Sequence[str] = (),
    learnt: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Dataset:
    """A table as a data set. `x` are the numbers of the rows until `finish` has made vectors.

    Columns in `split_by` are `Split.columns`, and no features. With `learnt`, a record, nothing is
    learnt from these rows.
    """
    from nnpy.data.table.record import Record

    paths, options = _paths(path, arguments), _options(arguments)
    record = Record.from_dict(learnt) if learnt else None
    options = replace(options, kept=tuple(split_by))
    if record is not None:
        options = _as_learnt(options, record)
    table = _LAST.pop(_key(paths, options), None) or _table(paths, options, budget)
    splits = {name: _split(table, rows, record) for name, rows in table.rows.items()}
    return Dataset(
        info=_described(table) if record is None else _info(*_of(record), _counts(table)),
        train=splits["train"],
        validation=splits.get("validation"),
        test=splits.get("test"),
        digests=table.digests,
        source=", ".join(map(str, paths.values())),
        notes=table.notes,
        finish=partial(_finish, table, record),
    )


def _paths(path: str | None, arguments: Mapping[str, Any]) -> dict[str, Path]:
    """The files by split."""
    given = {name: arguments.get(name) for name in ("train", "validation", "test")}
    if path is not None and given["train"] is not None:
        raise DataError("data.source.table: path and train say the same: leave one out")
    given["train"] = given["train"] or path
    if given["train"] is None:
        raise DataError("data.source.table: say the file with path, or with train")
    return {name: Path(each).expanduser() for name, each in given.items() if each is not None}


def _options(arguments: Mapping[str, Any]) -> Options:
    from nnpy.data.table.column import as_text
    from nnpy.data.table.table import Options

    def names(key: str) -> tuple[str, ...] | None:
        value = arguments.get(key)
        return (value,) if isinstance(value, str) else None if value is None else tuple(value)

    missing = arguments.get("missing")
    if missing is not None and not isinstance(missing, list | tuple):
        missing = [missing]
    types = arguments.get("types") or {}
    for column, kind in types.items():
        if kind not in TYPES:
            raise DataError(f"types: {column} is {kind!r}: expected {', '.join(TYPES)}")
    return Options(
        target=names("target") or (),
        features=names("features"),
        ignore=names("ignore") or (),
        types=types,
        missing=None if missing is None else tuple(sorted({*map(as_text, missing)})),
        task=arguments.get("task"),
        delimiter=arguments.get("delimiter"),
        decimal=arguments.get("decimal"),
        encoding=arguments.get("encoding"),
        header=arguments.get("header"),
    )


def _as_learnt(options: Options, record: Record) -> Options:
    """How a table is read whose rows are to become the vectors of a record."""
    from nnpy.data.table.record import CategoryFeature

    types = {
        each.name: "category"
        if isinstance(each, CategoryFeature)
        else "date"
        if each.is_date
        else "number"
        for each in record.features
    }
    features = tuple(each.name for each in record.features)
    return replace(options, features=features, ignore=(), task=record.task, types=types)


def _table(paths: Mapping[str, Path], options: Options, budget: int | None) -> Table:
    from nnpy.data.table.table import read_table
    from nnpy.devices.host import free_memory

    return read_table(paths, options, budget or free_memory() // 2)


def _key(paths: Mapping[str, Path], options: Options) -> Any:
    """What a reading of these files depends on; an error where one is not there."""
    files = []
    for split, path in paths.items():
        try:
            found = path.stat()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
        files.append((split, str(path), found.st_mtime_ns, found.st_size))
    return (*files, repr(options))


def _described(table: Table) -> DataInfo:
    """The facts of a table whose vectors are not made yet: their width is not known."""
    found = table.answers
    known = _info(found.task, found.classes, 0, _counts(table))
    return replace(known, targets=(replace(known.targets[0], certain=found.certain),))


def _of(record: Record) -> tuple[str, tuple[str, ...], int]:
    return record.task, record.classes, record.width


def _counts(table: Table) -> dict[str, int]:
    return {name: len(rows) for name, rows in table.rows.items()}


def _info(task: str, classes: tuple[str, ...], width: int, counts: Mapping[str, int]) -> DataInfo:
    return DataInfo(
        name="table",
        shape=(width,) if width else (),
        dtype="float32",
        classes=classes if task == Task.CLASSES else (),
        train=counts.get("train", 0),
        validation=counts.get("validation", 0),
        test=counts.get("test", 0),
        scale=1.0,
        targets=(Target(task=Task(task), classes=classes),),
    )


def _split(table: Table, rows: Any, record: Record | None) -> Split:
    from nnpy.data.table.table import split_values

    y = table.answers.y if record is None else table.answers_as(record)
    columns = {name: split_values(each)[rows] for name, each in table.kept.items()}
    return Split(rows, y[rows], columns)


def _finish(table: Table, record: Record | None, dataset: Dataset) -> Dataset:
    """The splits as vectors, by what the training rows say."""
    from nnpy.data.table.describe import describe

    notes: list[str] = []
    rows = dataset.train.x
    if record is None:
        record, notes = table.fit(rows)
    known = record
    made: dict[str, Any] = {}
    for name, split in dataset.splits().items():
        encoded = table.encode(record, split.x)
        made[name] = replace(split, x=encoded.x)
        notes += [f"{name}: {note}" for note in encoded.notes if name != "train"]
    dataset = replace(
        dataset,
        info=replace(dataset.info, shape=(record.width,), embedded=record.embedded),
        preprocessing=record.as_dict(),
        finish=None,
        describe=lambda _: describe(table, rows, known),
        **made,
    )
    if len(record.features) >= _TELLING:
        notes += duplicates.notes_of(dataset)
    return replace(dataset, notes=(*dataset.notes, *notes))
