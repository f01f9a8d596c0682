"""What a training would see, as plain data: sizes, ranges, classes, columns. Imports NumPy.

Statistics are of the training rows alone, the only ones that a training may learn from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnpy.data import duplicates, suspicions
from nnpy.data.dataset import Dataset, Part
from nnpy.data.standardize import of_target
from nnpy.data.targets import Target, Task

_PIECE = 1 << 24  # bytes that are looked at at once


def look(dataset: Dataset) -> dict[str, Any]:
    """The facts of a data set, what its source notes, and what is worth a second look."""
    same = duplicates.of_dataset(dataset)
    found = {
        "source": dataset.info.name,
        "place": dataset.source,
        "splits": {name: len(split) for name, split in dataset.splits().items()},
        "held_out": None if dataset.held_out is None else dataset.held_out.digest,
        "inputs": [_input(dataset, name, part) for name, part in _parts(dataset).items()],
        "targets": [_target(dataset, each) for each in dataset.info.targets],
        "columns": [] if dataset.describe is None else [*dataset.describe(dataset)],
        "duplicates": None if same is None else same.as_dict(),
        "notes": list(dict.fromkeys(dataset.notes)),
    }
    told = {*dataset.notes}
    found["suspicious"] = [each for each in suspicions.of(dataset, found, same) if each not in told]
    return found


def _parts(dataset: Dataset) -> Mapping[str, Part]:
    info = dataset.info
    return info.inputs or {"": Part(info.shape, info.dtype, info.scale)}


def _input(dataset: Dataset, name: str, part: Part) -> dict[str, Any]:
    """One of the arrays that the model takes."""
    x = dataset.train.x
    array = x[name] if isinstance(x, Mapping) else x
    told: dict[str, Any] = {"name": name, "shape": list(part.shape), "dtype": str(array.dtype)}
    told["scale"] = part.scale
    others = {}
    for split, each in dataset.splits().items():
        if split != "train":
            of = each.x[name] if isinstance(each.x, Mapping) else each.x
            others[split] = _spread(of)[0]
    spread, low, high = _spread(array)
    constant = low == high
    return told | spread | {"constant": int(constant.sum()), "splits": others}


def _spread(array: Any) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Least, greatest, mean and deviation of all values, and both ends of each place."""
    low = high = None
    count, total, square = 0, 0.0, 0.0
    for piece in pieces(array):
        values = np.asarray(piece, np.float64)
        least, most = values.min(axis=0), values.max(axis=0)
        low = least if low is None else np.minimum(low, least)
        high = most if high is None else np.maximum(high, most)
        count += values.size
        total += float(values.sum())
        square += float(np.square(values).sum())
    assert low is not None and high is not None
    mean = total / count
    deviation = max(0.0, square / count - mean * mean) ** 0.5
    ends = {"min": float(low.min()), "max": float(high.max()), "mean": mean, "deviation": deviation}
    return ends, np.atleast_1d(low), np.atleast_1d(high)


def pieces(array: Any) -> Iterator[Any]:
    """Some rows of an array at a time, so that one on the disk does not fill the memory."""
    step = max(1, _PIECE // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield array[start : start + step]


def _target(dataset: Dataset, target: Target) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": target.name,
        "task": str(target.task),
        "words": target.words,
        "why": target.why,
    }
    if target.task in (Task.CLASSES, Task.LABELS) and target.classes:
        counts = {name: class_counts(split.y, target) for name, split in dataset.splits().items()}
        told["classes"] = [
            {"name": name, **{split: int(each[i]) for split, each in counts.items()}}
            for i, name in enumerate(target.classes)
        ]
    if target.task is Task.NUMBERS:
        y = np.asarray(of_target(dataset.train.y, target), np.float64)
        flat = y.reshape(len(y), -1)
        names = target.classes if len(target.classes) == flat.shape[1] else [""] * flat.shape[1]
        told["numbers"] = [
            {
                "name": name,
                "min": float(column.min()),
                "max": float(column.max()),
                "mean": float(column.mean()),
                "deviation": float(column.std()),
            }
            for name, column in zip(names, flat.T, strict=True)
        ]
    return told


def class_counts(y: Any, target: Target) -> np.ndarray:
    """How many examples of a split have each class or label."""
    y = np.asarray(of_target(y, target))
    if target.task is Task.LABELS:
        found: np.ndarray = y.astype(np.int64).sum(axis=0)
        return found
    return np.bincount(y.reshape(-1).astype(np.int64), minlength=len(target.classes))
