"""A column of a table once it is known what it is: its values, or the codes of its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nnpy.data.table.words import LEADING_ZERO, MISSING_NUMBERS, NUMBER, SPACES

if TYPE_CHECKING:
    import numpy as np


class Kind(StrEnum):
    """What a column is."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"  # a category of two words such as yes and no; the second is 1
    DATE = "date"  # as a number: days since 1970
    ID = "id"  # every value is another: nothing to be learnt from
    TEXT = "text"
    EMPTY = "empty"


# What a model can learn from as it is.
LEARNABLE = (Kind.NUMBER, Kind.CATEGORY, Kind.BOOLEAN)


@dataclass(frozen=True)
class Form:
    """How the cells of a column are written. The same is read in training and later."""

    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ("",)  # the cells that say nothing, spaces round them cut off
    lower: bool = False  # whether Yes and YES are yes
    numeric: bool = False  # a category of numbers: 1, 1.0 and "1" are the same label

    def number(self, cell: Any) -> float:
        """A cell as a number, NaN where it says nothing. Raises ValueError where it is none."""
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            value = float(cell)
        else:
            text = as_text(cell).strip(SPACES)
            if text in self.missing:
                return float("nan")
            value = parse(text, self.decimal, self.thousands)
        if value in (float("inf"), float("-inf")):
            raise ValueError("infinity")
        return value

    def label(self, cell: Any) -> str | None:
        """A cell as a label, None where it says nothing."""
        text = as_text(cell).strip(SPACES)
        if text in self.missing:
            return None
        if self.numeric:
            return canonical(text)
        return text.lower() if self.lower else text


@dataclass
class Column:
    """A column with its values: `values` (n,) float64 with NaN where they are missing for a number
    or a date; `codes` (n,) int32 into `labels`, -1 where they are missing, for all others.
    """

    name: str
    kind: Kind
    reason: str  # why it is that, for people
    form: Form = field(default_factory=Form)
    values: np.ndarray | None = None
    codes: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_labels(self) -> Column:
        """The column as a category: numbers become labels, in the order of the numbers."""
        import numpy as np

        if self.values is None:
            return self
        known = ~np.isnan(self.values)
        found, inverse = np.unique(self.values[known], return_inverse=True)
        codes = np.full(len(self.values), -1, np.int32)
        codes[known] = inverse
        labels = tuple(number_label(each) for each in found.tolist())
        form = Form(missing=self.form.missing, numeric=True)
        return Column(self.name, Kind.CATEGORY, self.reason, form, None, codes, labels, self.notes)


def as_text(cell: Any) -> str:
    """A cell of any type as the text that a CSV file would have: true, 5, 0.5, nothing."""
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, bool) or type(cell).__name__ in ("bool_", "bool"):
        return "true" if cell else "false"
    return number_label(cell) if isinstance(cell, float) else str(cell)


def parse(text: str, decimal: str = ".", thousands: str = "") -> float:
    """The number of a text. Raises ValueError where it is none."""
    if thousands:
        text = text.replace(thousands, "")
    if decimal != ".":
        if "." in text:
            raise ValueError(f"a point in a number with decimal {decimal}")
        text = text.replace(decimal, ".")
    if not NUMBER.fullmatch(text):
        raise ValueError("no number")
    return float(text)


def canonical(text: str) -> str:
    """`1.0` and `+1` as `1`; what is no number, or has leading zeros, as it is."""
    if not NUMBER.fullmatch(text) or LEADING_ZERO.fullmatch(text):
        return text
    return number_label(float(text))


def number_label(value: float) -> str:
    """A number as a label: whole ones without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


NUMBER_FORM = Form(missing=tuple(sorted(MISSING_NUMBERS)))
