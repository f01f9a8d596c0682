"""How numbers and names are said on the page."""

from __future__ import annotations

from collections.abc import Sequence

from nnpy.evaluation.statistics import Estimate

MOST_ROWS = 200


def interval(estimate: Estimate) -> str:
    return f"{estimate.low:.4f} to {estimate.high:.4f} ({estimate.method})"


def shape_words(shape: Sequence[int | None]) -> str:
    return " × ".join("?" if size is None else str(size) for size in shape) or "one number"


def count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def words(name: str) -> str:
    """A metric's name as people say it: `val_accuracy` is the validation accuracy."""
    spoken = f"validation {name[4:]}" if name.startswith("val_") else name
    return spoken.replace("_", " ") if spoken.replace(" ", "_").isidentifier() else spoken
