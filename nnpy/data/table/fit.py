"""What the training rows say: means, medians, vocabularies. Importing this imports NumPy.

Only rows that are trained on are looked at. All sums are float64, deviations are taken from the
mean (not from the mean of squares), so that a column around 1e8 is standardized as well as one
around 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nnpy.data.table.column import LEARNABLE, Column, Kind
from nnpy.data.table.record import (
    MOST_CATEGORIES,
    CategoryFeature,
    Feature,
    NumberFeature,
    Record,
    TargetColumn,
)
from nnpy.data.table.words import shown
from nnpy.devices.host import cores_here
from nnpy.errors import DataError

ONE_HOT = 32  # values up to which a category has a place for each
_SAME = 1e-12  # of two numbers, the difference below which rounding alone may have made it
RARE = 2  # training rows below which a label has no place of its own


def fit(
    columns: Sequence[Column],
    rows: np.ndarray,
    *,
    target: Sequence[Column],
    task: str,
    classes: Sequence[str],
    ignored: Mapping[str, str],
) -> tuple[Record, list[str]]:
    """The record of the training rows `rows` (n,) int, and what is to be told of it.

    `columns` are the features in the order of the file, `ignored` names those that are none
    already. Raises DataError where no feature is left.
    """
    numbers: list[Feature] = []
    one_hot: list[Feature] = []
    embedded: list[Feature] = []
    left, notes = dict(ignored), []
    constant: list[str] = []
    with ThreadPoolExecutor(cores_here()) as pool:
        found = list(pool.map(lambda column: _feature(column, rows), columns))
    for column, feature in zip(columns, found, strict=True):
        if feature is None:
            constant.append(column.name)
            left[column.name] = "it has one value only in the training rows"
        elif isinstance(feature, NumberFeature):
            numbers.append(feature)
        else:
            (embedded if feature.embedded else one_hot).append(feature)
            notes += _told(feature, column, rows)
    if constant:
        notes.append(f"left out, for they never change: {shown(constant)}")
    features = (*numbers, *one_hot, *embedded)
    if not features:
        raise DataError(
            "no column is left to learn from: "
            + "; ".join(f"{name}: {why}" for name, why in [*left.items()][:5])
        )
    targets = tuple(TargetColumn(each.name, each.form) for each in target)
    return Record(features, targets, task, tuple(classes), left), notes


def _feature(column: Column, rows: np.ndarray) -> Feature | None:
    return _number(column, rows) if column.values is not None else _category(column, rows)


def _number(column: Column, rows: np.ndarray) -> NumberFeature | None:
    """None for a column that has one value only."""
    assert column.values is not None
    known = column.values[rows]
    low, high = float(known.min()), float(known.max())
    flag = math.isnan(low)
    if flag:
        known = known[~np.isnan(known)]
        if not len(known):
            return None
        low, high = float(known.min()), float(known.max())
    mean, deviation = float(known.mean()), 1.0
    if high - low <= _SAME * max(abs(low), abs(high)):
        if not flag:
            return None
        mean = low  # what is known is that it is there, or not
    else:
        deviation = float(known.std(mean=np.array([mean])))
    filled = float(np.median(known)) if flag else mean
    is_date = column.kind is Kind.DATE
    return NumberFeature(column.name, column.form, mean, deviation, filled, flag, is_date)


def _category(column: Column, rows: np.ndarray) -> CategoryFeature | None:
    assert column.codes is not None
    codes = column.codes[rows]
    counts = np.bincount(codes + 1, minlength=len(column.labels) + 1)
    missing, counts = int(counts[0]), counts[1:]
    seen = int((counts > 0).sum()) + (missing > 0)
    if seen < 2:
        return None
    embedded = seen > ONE_HOT
    kept = np.flatnonzero(counts >= RARE)
    if len(kept) > MOST_CATEGORIES:
        most = np.argsort(-counts[kept], kind="stable")[:MOST_CATEGORIES]
        kept = np.sort(kept[most])
    if not len(kept):  # every label is rare: no less is known of any of them
        kept = np.flatnonzero(counts)[:MOST_CATEGORIES]
    rest = int(counts.sum() - counts[kept].sum())
    if embedded and not rest and len(kept) > 1:  # the rarest trains the place of the unseen
        kept = np.delete(kept, int(np.argmin(counts[kept])))
        rest = 1
    return CategoryFeature(
        column.name,
        column.form,
        tuple(column.labels[i] for i in kept.tolist()),
        tuple(counts[kept].tolist()),
        missing if missing >= RARE else 0,
        slot=not embedded and (rest > 0 or 0 < missing < RARE),
        embedded=embedded,
    )


def _told(feature: CategoryFeature, column: Column, rows: np.ndarray) -> list[str]:
    assert column.codes is not None
    counts = np.bincount(column.codes[rows] + 1, minlength=len(column.labels) + 1)[1:]
    seen = int((counts > 0).sum())
    few = seen - len(feature.labels)
    notes = []
    if feature.embedded:
        notes.append(
            f"'{column.name}' has {seen:,} values in the training rows: embedded"
            + (f"; the {few:,} rarest share one place with the unseen" if few > 0 else "")
        )
    return notes


def unusable(columns: Sequence[Column], wanted: Sequence[str] = ()) -> dict[str, str]:
    """The columns that are no features as they are, and why."""
    return {
        each.name: each.reason
        for each in columns
        if each.kind not in LEARNABLE and each.name not in wanted
    }
