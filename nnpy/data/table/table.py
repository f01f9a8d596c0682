"""A table read: its columns decided, what is asked for, which rows are for what.

`nnpy.data.sources.table` makes a data set of it. Importing this module imports NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nnpy.data.table import fit as fitting
from nnpy.data.table import kinds
from nnpy.data.table import target as targets
from nnpy.data.table.column import LEARNABLE, Column, Kind
from nnpy.data.table.encode import Encoded, encode
from nnpy.data.table.read import Files, open_files
from nnpy.data.table.record import CLASSES, NUMBERS, Record
from nnpy.data.table.target import Answers
from nnpy.data.table.words import shown
from nnpy.errors import DataError, did_you_mean

MOST_WITHOUT_TARGET = 0.5  # the share of rows above which a missing target is a mistake


@dataclass(frozen=True)
class Options:
    """What a config says of a table."""

    target: tuple[str, ...]
    features: tuple[str, ...] | None = None  # None: every column that can be learnt from
    ignore: tuple[str, ...] = ()
    task: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    header: bool | None = None
    kept: tuple[str, ...] = ()  # columns that rows are split by: no features


@dataclass(frozen=True)
class Table:
    """The rows of a table in memory, by column."""

    files: Files
    features: tuple[Column, ...]
    kept: Mapping[str, Column]
    answers: Answers
    ignored: Mapping[str, str]  # column → why it is no feature
    rows: Mapping[str, np.ndarray]  # split → the rows (int64) that have a target
    notes: tuple[str, ...]

    def fit(self, rows: np.ndarray) -> tuple[Record, list[str]]:
        """What the rows that are trained on say, and what is to be told of it."""
        found = self.answers
        return fitting.fit(
            self.features,
            rows,
            target=found.columns,
            task=found.task,
            classes=found.classes,
            ignored=self.ignored,
        )

    def encode(self, record: Record, rows: np.ndarray) -> Encoded:
        """The vectors of some rows."""
        return encode(record, {each.name: each for each in self.features}, rows)

    def answers_as(self, record: Record) -> np.ndarray:
        """The target of each row as a record numbers it. Raises DataError for another class."""
        found = self.answers
        if found.task != CLASSES:
            return found.y
        form = record.target[0].form
        labels = [form.label(label) or "" for label in found.classes]
        strange = [label for label in labels if label not in record.classes]
        if strange:
            raise DataError(
                f"the target has {shown(strange)}; the model knows {shown(record.classes, 10)}"
            )
        places = [record.classes.index(label) for label in labels]
        return np.array([*places, -1], np.int32)[found.y]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return {each.path.name: each.bytes.digest for each in self.files.files if each.bytes}


def read_table(paths: Mapping[str, Path], options: Options, budget: int | None = None) -> Table:
    """The table of some files by split, `train` among them; at most about `budget` bytes of text
    are held at once. Raises DataError."""
    files = open_files(
        paths, delimiter=options.delimiter, encoding=options.encoding, header=options.header
    )
    _check_names(files, options)
    dialect = files.files[0].dialect
    reading = kinds.Reading(
        missing=options.missing,
        decimal=options.decimal,
        types=options.types,
        asked={*options.target, *(options.features or ()), *options.kept},
        skipped=_skipped(files, options),
        semicolons=dialect is not None and dialect.delimiter == ";",
        unnamed=files.unnamed,
        place=files.place,
    )
    columns = {
        column.name: column
        for frame in files.frames(budget)
        for column in kinds.columns(frame, reading)
    }
    found = targets.answers([columns[name] for name in options.target], options.task)
    rows, notes = _rows(files, found)
    if found.task == CLASSES:
        _check_classes(found, rows)
    none = {*options.target, *options.kept}
    features = [each for name, each in columns.items() if name not in none]
    usable = {each.name: each for each in features if _is_usable(each, options)}
    ignored = {each.name: each.reason for each in features if each.name not in usable}
    ignored |= dict.fromkeys(reading.skipped, "as ignore and features say")
    ignored |= {name: "rows are split by it" for name in options.kept if name not in options.target}
    notes = [*files.notes, *_told(columns, usable, ignored, found, options), *notes]
    kept = {name: columns[name] for name in options.kept}
    return Table(files, tuple(usable.values()), kept, found, ignored, rows, tuple(notes))


def split_values(column: Column) -> np.ndarray:
    """A column that rows are split by, as what is compared: numbers, days, or words."""
    if column.values is not None:
        return column.values
    if column.codes is None:
        raise DataError(f"column '{column.name}': {column.reason}: rows cannot be split by it")
    return np.array([*column.labels, ""])[column.codes]


def _check_names(files: Files, options: Options) -> None:
    said = {
        "target": options.target,
        "features": options.features or (),
        "ignore": options.ignore,
        "types": tuple(options.types),
        "column": options.kept,
    }
    if not options.target:
        raise DataError(
            f"target: say which column is to be answered; there are {shown(files.names, 20)}"
        )
    for what, names in said.items():
        for name in names:
            if name not in files.names:
                hint = did_you_mean(name, files.names) or f"; there are {shown(files.names, 20)}"
                raise DataError(f"{what}: {files.files[0].path.name} has no column '{name}'{hint}")
    for name in options.target:
        if name in (options.features or ()):
            raise DataError(f"'{name}' is the target: it cannot be a feature too")
        if name in options.ignore:
            raise DataError(f"'{name}' is the target: it cannot be ignored")


def _skipped(files: Files, options: Options) -> set[str]:
    """The columns that are not looked at."""
    kept = {*options.target, *options.kept}
    if options.features is not None:
        kept |= {*options.features} - {*options.ignore}
        return {*files.names} - kept
    return {*options.ignore} - kept


def _is_usable(column: Column, options: Options) -> bool:
    if column.values is None and column.codes is None:
        return False
    asked = column.name in options.types or column.name in (options.features or ())
    return column.kind in LEARNABLE or (column.kind is not Kind.EMPTY and asked)


def _rows(files: Files, found: Answers) -> tuple[dict[str, np.ndarray], list[str]]:
    """The rows of each split that have a target."""
    rows, notes = {}, []
    for split, part in files.rows().items():
        known = found.known[part]
        rows[split] = np.flatnonzero(known) + part.start
        without = len(known) - len(rows[split])
        if without > MOST_WITHOUT_TARGET * len(known):
            raise DataError(
                f"{without:,} of {len(known):,} rows for {split} have no "
                f"{shown(each.name for each in found.columns)}: is that the right target?"
            )
        if without:
            notes.append(f"{without:,} rows without a target left out ({split})")
        if not len(rows[split]):
            raise DataError(f"there are no rows for {split}")
    return rows, notes


def _check_classes(found: Answers, rows: Mapping[str, np.ndarray]) -> None:
    """A class that only a file of its own has for validation or test cannot be learnt."""
    trained = np.unique(found.y[rows["train"]])
    for split, own in rows.items():
        strange = np.setdiff1d(found.y[own], trained)
        if len(strange):
            names = [found.classes[i] for i in strange.tolist()]
            count = int(np.isin(found.y[own], strange).sum())
            raise DataError(
                f"{count:,} rows for {split} have the class {shown(names)}, which no row that is "
                "trained on has"
            )


def _told(
    columns: Mapping[str, Column],
    usable: Mapping[str, Column],
    ignored: Mapping[str, str],
    found: Answers,
    options: Options,
) -> list[str]:
    """What was decided, and how to have it otherwise."""
    names = ", ".join(each.name for each in found.columns)
    told = f"target {names}: {found.task} ({found.why}"
    other = "classes" if found.task == NUMBERS else "numbers"
    told += f"; task: {other} takes them as {other})" if not found.certain else ")"
    if found.task == CLASSES and len(found.classes) == 2:
        told += f"; {found.classes[1]} is 1, {found.classes[0]} is 0"
    notes = [told]
    kinds_of: dict[str, list[str]] = {}
    for each in usable.values():
        kinds_of.setdefault(each.kind, []).append(each.name)
    parts = [f"{len(names):,} {kind} ({_some(names)})" for kind, names in kinds_of.items()]
    if parts:
        notes.append(f"columns: {'; '.join(parts)}")
    for name, why in ignored.items():
        if name in columns and name not in options.kept:
            other = "" if columns[name].kind is Kind.EMPTY else f"; features or types takes {name}"
            notes.append(f"column {name} left out: {why}{other}")
    for name, each in columns.items():
        kind = each.reason if each.form.decimal != "." or each.form.thousands else ""
        if "leading zeros" in each.reason:
            kind = each.reason
        notes += [f"column {name}: {note}" for note in (*([kind] if kind else []), *each.notes)]
    return notes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
