"""Dates as numbers: days since 1970, parts of days as fractions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def days(text: str) -> float:
    """An ISO date, with a time or without, as days since 1970 (UTC where no zone is said).

    Raises ValueError where it is none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH).total_seconds() / 86_400


def days_of(moment: date | datetime) -> float:
    """A date of Python as days since 1970."""
    return days(moment.isoformat())


def day_of(value: float) -> str:
    """The day that a number of days since 1970 is, as 2024-01-31."""
    try:
        return str((_EPOCH + timedelta(days=value)).date())
    except OverflowError:
        return f"{value:g}"
