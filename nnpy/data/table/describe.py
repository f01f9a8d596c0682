"""What each column of a table is, in words, for people who look at their data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnpy.data.table.column import Column, Kind
from nnpy.data.table.dates import day_of

if TYPE_CHECKING:
    from nnpy.data.table.record import Record
    from nnpy.data.table.table import Table

_SHOWN = 4  # labels


def describe(table: Table, rows: np.ndarray, record: Record) -> Iterator[dict[str, Any]]:
    """Each column of the file in its order: its kind, what it is used as, and its values.

    Values are those of `rows` (n,) int, the training rows.
    """
    targets = {each.name: each for each in table.answers.columns}
    features = {each.name: each for each in table.features}
    left = {**table.ignored, **record.ignored}
    for name in table.files.names:
        if name in targets:
            yield _told(targets[name], rows, "target", "")
        elif name in table.kept:
            yield _told(table.kept[name], rows, "splits the rows", "")
        elif name in features and name not in left:
            yield _told(features[name], rows, "input", features[name].reason)
        else:
            why = left.get(name, "")
            column = features.get(name)
            told = _told(column, rows, "left out", why) if column else _unknown(name, why)
            yield told


def _unknown(name: str, why: str) -> dict[str, Any]:
    return {"name": name, "kind": "", "used": "left out", "why": why, "missing": 0, "values": why}


def _told(column: Column, rows: np.ndarray, used: str, why: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "kind": str(column.kind),
        "used": used,
        "why": why,
        "missing": 0,
        "values": why,
    }
    if column.values is not None:
        values = column.values[rows]
        known = values[~np.isnan(values)]
        told["missing"] = len(values) - len(known)
        if len(known):
            low, high, mean = float(known.min()), float(known.max()), float(known.mean())
            told |= {"min": low, "max": high, "mean": mean, "deviation": float(known.std())}
            told["values"] = f"{low:g} to {high:g}, mean {mean:.4g}"
            if column.kind is Kind.DATE:
                told["values"] = f"{day_of(low)} to {day_of(high)}"
    elif column.codes is not None:
        codes = column.codes[rows]
        counts = np.bincount(codes + 1, minlength=len(column.labels) + 1)
        told["missing"], counts = int(counts[0]), counts[1:]
        order = np.argsort(-counts, kind="stable")
        seen = [int(i) for i in order if counts[i]]
        told["different"] = len(seen)
        told["labels"] = {column.labels[i]: int(counts[i]) for i in seen[:100]}
        shown = ", ".join(f"{column.labels[i]} {counts[i]:,}" for i in seen[:_SHOWN])
        told["values"] = shown + (f", … ({len(seen):,} in all)" if len(seen) > _SHOWN else "")
    if used == "left out" and why:
        told["values"] = why
    return told
