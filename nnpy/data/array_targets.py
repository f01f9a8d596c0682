"""What arrays of answers ask for: classes, labels or numbers, decided by their values and told.

Words and truth values are classes. Whole numbers are classes where they are few for the number of
rows, or count from 0 without a gap; rows of one 1 among zeros are classes too, rows of any number
of them are labels. Everything else is a number. `task` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnpy.data.targets import Target, Task
from nnpy.errors import DataError

_MOST_WHOLE = 100  # different whole numbers up to which they may be classes
_MOST_CLASSES = 65_536


def decide(
    name: str,
    splits: Mapping[str, np.ndarray],
    task: str | None,
    classes: Sequence[str] | None,
    place: str,
) -> tuple[Target, dict[str, np.ndarray]]:
    """The target that the arrays of each split answer, and these as `Target` says they are stored.

    `classes` are the names of the classes, labels or numbers, where they are known. Raises
    DataError for arrays that answer nothing, or not what `task` says.
    """
    flat = {split: _columns(y, f"{place} ({split})") for split, y in splits.items()}
    train = flat["train"]
    shapes = {y.shape[1:] for y in flat.values()}
    if len(shapes) > 1:
        raise DataError(f"{place}: the targets of the splits have different shapes")
    kind, why, certain = _decided(train) if task is None else (Task(task), "as task says", True)
    if kind is Task.CLASSES:
        names, stored = _classes(flat, classes, place)
    else:
        names = _names(classes, train.shape[1] if train.ndim == 2 else 1, name or "y", place)
        stored = {split: _numbers(y, kind, f"{place} ({split})") for split, y in flat.items()}
    other = "numbers" if kind is Task.CLASSES else "classes"
    override = f"; task: {other} in the source takes it so" if not certain else ""
    return Target(name, kind, names, certain, why=f"{why}{override}"), stored


def _columns(y: np.ndarray, place: str) -> np.ndarray:
    """(n,) or (n, k) with k > 1."""
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    if y.ndim not in (1, 2) or 0 in y.shape:
        raise DataError(
            f"{place}: targets of the shape {y.shape} are not known here: expected one value for "
            "each example, (n,), or several, (n, k)"
        )
    return y


def _decided(y: np.ndarray) -> tuple[Task, str, bool]:
    if y.dtype.kind in "USb" and y.ndim == 1:
        return Task.CLASSES, "words" if y.dtype.kind != "b" else "true or false", True
    if y.dtype.kind in "US":
        raise DataError("targets in several columns must be numbers, not words")
    if y.ndim == 2:
        if not ((y == 0) | (y == 1)).all():
            return Task.NUMBERS, f"{y.shape[1]} columns of numbers", True
        if (y.sum(axis=1) == 1).all():
            return Task.CLASSES, "one 1 in each row", False
        return Task.LABELS, f"{y.shape[1]} columns of 0 and 1", True
    known = y[np.isfinite(y)] if y.dtype.kind == "f" else y
    different = np.unique(known)
    whole = bool((different == np.floor(different)).all())
    count = len(different)
    if whole and count == 2:
        return Task.CLASSES, "two different numbers", True
    if not whole:
        return Task.NUMBERS, "numbers with decimals", True
    in_a_row = count > 0 and different[0] == 0 and different[-1] == count - 1
    if y.dtype.kind in "iu" and in_a_row and count <= max(2, len(y) // 2):
        return Task.CLASSES, f"whole numbers from 0 to {count - 1}", count <= _MOST_WHOLE // 5
    share = 0.05 if len(y) > 1000 else 0.1
    if count <= min(_MOST_WHOLE, share * len(y)):
        return Task.CLASSES, f"{count} different whole numbers in {len(y):,} rows", False
    return Task.NUMBERS, f"{count:,} different whole numbers", False


def _classes(
    flat: Mapping[str, np.ndarray], classes: Sequence[str] | None, place: str
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """The names of the classes, sorted as their values are, and the number of each row's class."""
    train = flat["train"]
    if train.ndim == 2:
        if not all(_is_one_hot(y) for y in flat.values()):
            raise DataError(f"{place}: task: classes needs one value for each example, or one-hot")
        names = _names(classes, train.shape[1], "", place)
        return names, {split: y.argmax(axis=1).astype(np.int32) for split, y in flat.items()}
    if train.dtype.kind == "f" and not np.isfinite(train).all():
        raise DataError(f"{place}: some classes are not a number")
    values = np.unique(train)
    words = [_word(value) for value in values]
    if classes is not None and values.dtype.kind in "iufb":
        numbers = values.astype(np.int64)
        if (numbers == values).all() and numbers[0] >= 0 and numbers[-1] < len(classes):
            values, words = np.arange(len(classes)), list(classes)
        elif len(classes) == len(values):
            words = list(classes)
        else:
            raise DataError(
                f"{place} has {len(values)} classes, {words[0]} to {words[-1]}, but there are "
                f"{len(classes)} names"
            )
    elif classes is not None:
        strange = [each for each in words if each not in classes]
        if strange:
            raise DataError(f"{place} has the class {strange[0]}, which is not among classes")
        order = {each: index for index, each in enumerate(classes)}
        stored = {
            split: np.asarray([order.get(_word(each), -1) for each in y.tolist()], np.int32)
            for split, y in flat.items()
        }
        _check_known(stored, flat, place)
        return tuple(classes), stored
    if len(values) < 2:
        raise DataError(f"{place}: every row is {words[0]}: expected two classes at least")
    if len(values) > _MOST_CLASSES:
        raise DataError(f"{place} has {len(values):,} classes: if they are numbers, task: numbers")
    stored = {}
    for split, y in flat.items():
        found = np.searchsorted(values, y).clip(0, len(values) - 1)
        stored[split] = np.where(values[found] == y, found, -1).astype(np.int32)
    _check_known(stored, flat, place)
    return tuple(words), stored


def _check_known(
    stored: Mapping[str, np.ndarray], flat: Mapping[str, np.ndarray], place: str
) -> None:
    for split, numbers in stored.items():
        if (numbers < 0).any():
            first = flat[split][int(np.argmax(numbers < 0))]
            raise DataError(
                f"{place}: {int((numbers < 0).sum()):,} examples of the {split} set have a class "
                f"such as {_word(first)}, which no example to train on has"
            )


def _is_one_hot(y: np.ndarray) -> bool:
    return y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all())


def _numbers(y: np.ndarray, kind: Task, place: str) -> np.ndarray:
    if y.dtype.kind in "US":
        raise DataError(f"{place} holds words: task: {kind} needs numbers")
    y = y[:, None] if y.ndim == 1 else y
    if kind is Task.LABELS:
        if not ((y == 0) | (y == 1)).all():
            raise DataError(f"{place}: task: labels needs 0 and 1 only")
        return np.ascontiguousarray(y, np.uint8)
    return np.ascontiguousarray(y, np.float64)


def _names(classes: Sequence[str] | None, count: int, stem: str, place: str) -> tuple[str, ...]:
    if classes is not None and len(classes) == count:
        return tuple(classes)
    if classes is not None and stem == "":
        raise DataError(f"{place} has {count} columns, but there are {len(classes)} names")
    if count == 1:
        return (stem,)
    return tuple(f"{stem}_{i}" if stem else str(i) for i in range(count))


def _word(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.generic):
        value = value.item()
        return _word(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
