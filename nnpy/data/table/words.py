"""The words of tables that mean something: nothing at all, yes or no, an identifier."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nnpy.text import plain

# What is cut off at both ends of a cell. Written out, for Python's and polars' own lists differ.
SPACES = " \t\n\r\x0b\x0c\u00a0\u2007\u202f\u3000\ufeff"

# Words that mean "missing" among numbers. Among categories only an empty cell does: NA is
# Namibia, None may be an answer. `data.source.table.missing` says otherwise.
MISSING_NUMBERS = frozenset(
    ("", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "-", "?", "#N/A", "<NA>")
)

# Lower-case words of two-valued columns: (what is 0, what is 1).
BOOLEANS = (
    ("no", "yes"),
    ("false", "true"),
    ("n", "y"),
    ("f", "t"),
    ("off", "on"),
    ("0", "1"),
)

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
LEADING_ZERO = re.compile(r"[+-]?0[0-9]+")
# 1.234,5 and 1234,5; the thousands in groups of three, or not at all.
DECIMAL_COMMA = r"^[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]+)?$"
# 1,234.5 and 1234.5
THOUSANDS_COMMA = r"^[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?$"
# 2024-01-31, 2024-01-31T23:59:59.5+01:00
ISO_DATE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
# 31/01/2024, 1.2.24, 2024/01/31: dates, but which number is the month is not known
OTHER_DATE = (
    r"^(?:[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{2})"
    r"|[0-9]{4}[/.][0-9]{1,2}[/.][0-9]{1,2})$"
)

_ID_WORDS = re.compile(r"(?:^|[\W_])(?:id|uuid|guid|key|index|idx|nr|no|number)s?$", re.IGNORECASE)
_ID_CAMEL = re.compile(r"[a-z](?:Id|ID|Nr|No)$")


def is_id_name(name: str) -> bool:
    """Whether a column is called as identifiers are: id, user_id, PassengerId, Sample Number."""
    return bool(_ID_WORDS.search(name) or _ID_CAMEL.search(name))


def shown(values: Iterable[object], limit: int = 5) -> str:
    """`a, b, c, … (12 in all)`: some values in quotes, made fit to be read."""
    listed = [str(each) for each in values]
    text = ", ".join(f"'{plain(each, 40)}'" for each in listed[:limit])
    return text + (f", … ({len(listed):,} in all)" if len(listed) > limit else "")
