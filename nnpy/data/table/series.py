"""What is asked of a polars series."""

from __future__ import annotations

from typing import Any

from nnpy.data.table.polars_needed import polars

LONG = 10_000  # rows from which a column of few different cells is looked at by these


def few_cells(series: Any) -> tuple[Any, Any, Any] | None:
    """The different cells of a long column that has few, which of them each row has, and how many
    rows each of them."""
    import numpy as np

    pl = polars()
    if len(series) < LONG or series.head(4096).n_unique() > 1024:
        return None
    cells = series.drop_nulls().unique(maintain_order=True)
    if len(cells) * 8 > len(series):
        return None
    back = series.cast(pl.Enum(cells)).to_physical().cast(pl.Int32)
    if back.null_count():
        back = back.fill_null(len(cells))
        cells = cells.extend(cells.clear(1))
    rows = back.to_numpy()
    return cells, rows, np.bincount(rows, minlength=len(cells))


def begins_as_number(text: Any) -> bool:
    """Whether one of the first cells is a number: else it is not worth trying."""
    head = text.drop_nulls().head(100) if text.null_count() else text.head(100)
    return head.cast(polars().Float64, strict=False).null_count() < max(1, len(head))


def all_match(text: Any, pattern: str) -> bool:
    """Whether every cell with content matches."""
    return bool(text.str.contains(pattern).all())


def without(series: Any, mask: Any) -> Any:
    """The series with null where `mask` is true."""
    return series.zip_with(~mask.fill_null(False), series.clear(len(series)))
