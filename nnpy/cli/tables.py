"""Tables of text for a terminal or a pipe."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence

from nnpy.text import columns_of, plain


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, numeric: Collection[int] = ()
) -> str:
    """Columns two blanks apart; those in `numeric` are set right. Foreign text is made plain."""
    lines = [[plain(cell, 60) for cell in line] for line in [head, *rows]]
    widths = [max(columns_of(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            _pad(cell, width, i in numeric)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The same as CSV, without a last line end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _pad(cell: str, width: int, right: bool) -> str:
    blanks = " " * (width - columns_of(cell))
    return blanks + cell if right else cell + blanks
