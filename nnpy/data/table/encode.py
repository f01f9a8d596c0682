"""A record and rows → vectors, by NumPy alone. The same arithmetic in training and later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnpy.data.table.column import Column, Form, Kind
from nnpy.data.table.dates import days, days_of
from nnpy.data.table.record import CLASSES, CategoryFeature, NumberFeature, Record
from nnpy.data.table.words import shown
from nnpy.devices.host import cores_here
from nnpy.errors import DataError, did_you_mean

_FEW = 4  # blocks up to which threads would cost more than they save
_BLOCK = 8192  # rows that are made at once: they stay in the processor's cache


@dataclass(frozen=True)
class Encoded:
    """The vectors of some rows, and what of them the training did not know."""

    x: np.ndarray  # (n, width) float32
    unseen: Mapping[str, int] = field(default_factory=dict)  # column → rows with a new label
    missing: Mapping[str, int] = field(default_factory=dict)  # … without a value, never so before

    @property
    def notes(self) -> list[str]:
        """What is to be told of them."""
        told = [
            f"'{name}': {count:,} rows have a value that the training rows hardly had, or never"
            for name, count in self.unseen.items()
        ]
        return told + [
            f"'{name}': {count:,} rows have no value, which no training row lacked"
            for name, count in self.missing.items()
        ]


def encode(
    record: Record, columns: Mapping[str, Column], rows: np.ndarray | None = None
) -> Encoded:
    """The vectors of the rows `rows` (n,) int of some columns; of all rows without them."""
    first = next(iter(columns.values()))
    count = len(_cells(first)) if rows is None else len(rows)
    x = np.empty((count, record.width), np.float32)
    steps: list[Callable[[slice, Any], None]] = []
    unseen: dict[str, int] = {}
    missing: dict[str, int] = {}
    at = 0
    for feature in record.features:
        column = columns[feature.name]
        place = slice(at, at + feature.width)
        at += feature.width
        if isinstance(feature, NumberFeature):
            steps.append(_number(feature, column, rows, x[:, place], missing))
        else:
            steps.append(_category(feature, column, rows, x[:, place], unseen, missing))

    def make(part: slice) -> None:
        wanted = part if rows is None else rows[part]
        for step in steps:
            step(part, wanted)

    parts = [slice(at, min(at + _BLOCK, count)) for at in range(0, count, _BLOCK)]
    if len(parts) < _FEW:
        for part in parts:
            make(part)
    else:
        with ThreadPoolExecutor(cores_here()) as pool:
            list(pool.map(make, parts))
    return Encoded(x, unseen, missing)


def _cells(column: Column) -> np.ndarray:
    found = column.values if column.values is not None else column.codes
    assert found is not None
    return found


def _number(
    feature: NumberFeature,
    column: Column,
    rows: np.ndarray | None,
    out: np.ndarray,
    missing: dict[str, int],
) -> Callable[[slice, Any], None]:
    values = _cells(column)
    none = np.isnan(values)
    filled = (feature.filled - feature.mean) / feature.deviation
    complete = not none.any()
    if not complete and not feature.flag:
        _add(missing, feature.name, none if rows is None else none[rows])

    def step(part: slice, rows: Any) -> None:
        scaled = values[rows] - feature.mean
        scaled /= feature.deviation
        if not complete:
            scaled[none[rows]] = filled
        out[part, 0] = scaled
        if feature.flag:
            out[part, 1] = none[rows]

    return step


def _category(
    feature: CategoryFeature,
    column: Column,
    rows: np.ndarray | None,
    out: np.ndarray,
    unseen: dict[str, int],
    missing: dict[str, int],
) -> Callable[[slice, Any], None]:
    codes = _cells(column)
    known = {*feature.labels}
    labels = [feature.form.label(label) for label in column.labels]
    new = np.array([*(label not in known for label in labels), False])
    to = _codes(feature, labels)
    if new.any():
        _add(unseen, feature.name, new[codes if rows is None else codes[rows]])
    if not feature.missing:
        _add(missing, feature.name, (codes if rows is None else codes[rows]) < 0)
    table = _rows_of(feature)

    def step(part: slice, rows: Any) -> None:
        found = to[codes[rows]]
        if feature.embedded:
            out[part, 0] = found
        else:
            out[part] = table[found]

    return step


def _add(counts: dict[str, int], name: str, mask: np.ndarray) -> None:
    if count := int(np.count_nonzero(mask)):
        counts[name] = count


def _codes(feature: CategoryFeature, labels: Sequence[str | None]) -> np.ndarray:
    """The column's codes → those of the record; the last entry is for -1, what is missing."""
    first = 1 if feature.embedded else 0
    places: dict[str | None, int] = {
        label: first + index for index, label in enumerate(feature.labels)
    }
    unseen = 0 if feature.embedded else feature.size - 1 if feature.slot else feature.size
    missing = first + len(feature.labels) if feature.missing else unseen
    return np.array([*(places.get(label, unseen) for label in labels), missing], np.intp)


def _rows_of(feature: CategoryFeature) -> np.ndarray:
    """The vector of each code (size + 1, size) float32; the last is that of the unseen."""
    counts = np.array([*feature.counts, *([feature.missing] if feature.missing else [])], float)
    mean = np.zeros((1, feature.width))
    if not feature.slot and not feature.embedded:
        mean[0] = counts / counts.sum()
    return np.concatenate([np.eye(feature.width), mean]).astype(np.float32)


# -- raw rows --------------------------------------------------------------------------------------


def from_cells(
    record: Record, cells: Mapping[str, Sequence[Any]], *, target: bool = False
) -> tuple[dict[str, Column], list[str]]:
    """Raw cells by column name (texts, or numbers as they are) as columns, and what is to be told.

    Columns go by name; what the record does not know is left out and told. Raises DataError for
    a column that is missing, and for a cell that is no number where one is needed, with its row.
    """
    wanted = [(each.name, each.form, _kind_of(each)) for each in record.features]
    if target:
        kind = Kind.CATEGORY if record.task == CLASSES else Kind.NUMBER
        wanted += [(each.name, each.form, kind) for each in record.target]
    names = [name for name, _, _ in wanted]
    missing = [name for name in names if name not in cells]
    if missing:
        raise DataError(
            f"the rows lack column{'s' if len(missing) > 1 else ''} {shown(missing)}"
            + did_you_mean(missing[0], [each for each in cells if each not in names])
        )
    known = {*names, *record.ignored, *(each.name for each in record.target)}
    extra = [name for name in cells if name not in known]
    notes = [f"left out, for the training had no such column: {shown(extra)}"] if extra else []
    lengths = {len(cells[name]) for name in names}
    if len(lengths) > 1:
        raise DataError("the columns have different numbers of rows")
    return {name: _column(name, form, kind, cells[name]) for name, form, kind in wanted}, notes


def _kind_of(feature: NumberFeature | CategoryFeature) -> Kind:
    if isinstance(feature, CategoryFeature):
        return Kind.CATEGORY
    return Kind.DATE if feature.is_date else Kind.NUMBER


def _column(name: str, form: Form, kind: Kind, cells: Sequence[Any]) -> Column:
    if kind is not Kind.CATEGORY:
        read = form.number if kind is Kind.NUMBER else lambda cell: _days(form, cell)
        values = np.empty(len(cells))
        for row, cell in enumerate(cells):
            try:
                values[row] = read(cell)
            except ValueError:
                what = "a date such as 2024-01-31" if kind is Kind.DATE else "a number"
                if form.decimal != ".":
                    what += f" with decimal {form.decimal}"
                raise DataError(
                    f"column '{name}', row {row + 1:,}: {shown([cell])} is not {what}"
                ) from None
        return Column(name, kind, "", form, values)
    places: dict[str, int] = {}
    codes = np.empty(len(cells), np.int32)
    for row, cell in enumerate(cells):
        label = form.label(cell)
        codes[row] = -1 if label is None else places.setdefault(label, len(places))
    return Column(name, kind, "", form, None, codes, tuple(places))


def _days(form: Form, cell: Any) -> float:
    if hasattr(cell, "isoformat"):
        return days_of(cell)
    label = form.label(cell)
    return float("nan") if label is None else days(label)
