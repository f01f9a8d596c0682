"""What a table asks for: classes, labels or numbers, decided by its target columns and told.

The rule is AutoGluon's: words and two different values are classes; so are whole numbers of which
there are few for the number of rows; everything else is a number. `task` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnpy.data.table.column import Column, Kind
from nnpy.data.table.record import CLASSES, LABELS, NUMBERS
from nnpy.data.table.words import shown
from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np

MOST_WHOLE = 100  # different whole numbers up to which they may be classes
_LARGE = 1000  # rows
_MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Answers:
    """The target of each row. `y` is, for classes, their numbers (n,) int32; for labels (n, k)
    uint8 of 0 and 1; for numbers (n, k) float64 in the user's units."""

    task: str
    classes: tuple[str, ...]  # of the classes, or the names of the columns
    y: np.ndarray
    known: np.ndarray  # (n,) bool: the rows that have it
    columns: tuple[Column, ...]
    certain: bool
    why: str


def answers(columns: Sequence[Column], task: str | None) -> Answers:
    """What the target columns ask for. Raises DataError where they are no such `task`."""
    for column in columns:
        if (column.values is None and column.codes is None) or column.kind is Kind.DATE:
            raise DataError(f"target '{column.name}': {column.reason}: that cannot be answered")
    if task is None:
        task, why, certain = _decided(columns)
    else:
        why, certain = "as task says", True
    if task == CLASSES:
        return _classes(columns, why, certain)
    numbers = [_numbers(each, task) for each in columns]
    return _several(columns, numbers, task, why, certain)


def _decided(columns: Sequence[Column]) -> tuple[str, str, bool]:
    """The task, why it is that, and whether there is no doubt."""
    import numpy as np

    if len(columns) > 1:
        if all(_is_binary(each) for each in columns):
            return LABELS, f"{len(columns)} columns of two values each: any of them at once", True
        words = [each.name for each in columns if each.values is None]
        if words:
            raise DataError(
                f"target: several columns must be numbers, or labels of two values each, but "
                f"{shown(words)} holds other words; name one column"
            )
        return NUMBERS, f"{len(columns)} columns of numbers", True
    column = columns[0]
    if column.values is None:
        count = len(column.labels)
        return CLASSES, f"{'two' if count == 2 else f'{count:,}'} different words", True
    values = column.values[~np.isnan(column.values)]
    different = np.unique(values)
    if len(different) == 2:
        return CLASSES, "two different numbers", True
    whole = bool((values == np.floor(values)).all())
    share = 0.05 if len(values) > _LARGE else 0.1
    if whole and len(different) <= min(MOST_WHOLE, share * len(values)):
        return CLASSES, f"{len(different):,} different whole numbers in {len(values):,} rows", False
    if whole:
        return NUMBERS, f"{len(different):,} different whole numbers", False
    return NUMBERS, "numbers", True


def _is_binary(column: Column) -> bool:
    import numpy as np

    if column.values is None:
        return column.kind is Kind.BOOLEAN
    found = np.unique(column.values[~np.isnan(column.values)])
    return len(found) <= 2 and set(found.tolist()) <= {0.0, 1.0}


def _classes(columns: Sequence[Column], why: str, certain: bool) -> Answers:
    if len(columns) > 1:
        raise DataError(
            f"task: classes needs one target column, got {shown(each.name for each in columns)}; "
            "for labels of two values each say task: labels"
        )
    column = columns[0].as_labels()
    assert column.codes is not None
    known = column.codes >= 0
    if len(column.labels) < 2:
        raise DataError(
            f"target '{column.name}': every row is {shown(column.labels)}: "
            "expected two classes at least"
        )
    rows = int(known.sum())
    if len(column.labels) > min(_MOST_CLASSES, max(20, rows // 2)):
        raise DataError(
            f"target '{column.name}' has {len(column.labels):,} different values in {rows:,} rows: "
            "too many to be classes; if they are numbers, say task: numbers"
        )
    return Answers(CLASSES, column.labels, column.codes, known, (column,), certain, why)


def _numbers(column: Column, task: str) -> np.ndarray:
    """A target column as numbers (n,) float64, NaN where it is missing."""
    import numpy as np

    if column.values is not None and not (task == LABELS and not _is_binary(column)):
        return column.values
    if column.kind is Kind.BOOLEAN or (task == LABELS and len(column.labels) == 2):
        assert column.codes is not None
        return np.where(column.codes < 0, np.nan, column.codes)
    if task == LABELS:
        raise DataError(
            f"target '{column.name}' is no label: expected two values, 0 and 1 or words"
        )
    raise DataError(
        f"target '{column.name}' holds words such as {shown(column.labels[:1])}: task: numbers "
        "needs numbers"
    )


def _several(
    columns: Sequence[Column], numbers: list[np.ndarray], task: str, why: str, certain: bool
) -> Answers:
    import numpy as np

    y = np.stack(numbers, axis=1)
    known = ~np.isnan(y).any(axis=1)
    if task == LABELS:
        y = np.where(known[:, None], y, 0).astype(np.uint8)
    names = tuple(each.name for each in columns)
    return Answers(task, names, y, known, tuple(columns), certain, why)
