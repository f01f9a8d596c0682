"""JSON files from anywhere, read as what they must be: size, types and ranges.

    SUMMARY = record({"epochs": optional(whole), "test": optional(mapping(number))})
    summary = read(path, SUMMARY, limit=1 << 20)

A kind is a function that takes a value and the name of its place, and raises `WrongKind` that
says what was expected there. What no kind describes is kept, as long as it is plain text,
numbers and not too deep: a newer nnpy may have written it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from nnpy.errors import RunError, printable
from nnpy.storage.regular import read_regular

Kind = Callable[[Any, str], None]

_DEPTH = 20
_LONGEST = 100_000  # characters of a text
_MOST = 1 << 53  # greater whole numbers are not exact everywhere, nor meant


class WrongKind(ValueError):
    """A value is not what it must be."""

    def __init__(self, place: str, expected: str, value: Any) -> None:
        where = f"{printable(place)[:100]}: " if place else ""
        super().__init__(f"{where}expected {expected}, got {_shown(value)}")


def read(path: str | os.PathLike[str], kind: Kind, limit: int) -> dict[str, Any]:
    """The JSON object in a file of at most `limit` bytes; {} when there is no such file.

    Raises `RunError` that says what is wrong where.
    """
    try:
        content = json.loads(read_regular(path, limit).decode())
        plain(content, "")
        kind(content, "")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise RunError(f"{path} cannot be read: it is nested too deeply") from None
    except ValueError as error:  # no UTF-8, no JSON, or not what it must be
        raise RunError(f"{path} cannot be read: {error}") from None
    return content


# -- kinds ----------------------------------------------------------------------------------


def plain(value: Any, place: str, depth: int = 0) -> None:
    """Anything that JSON has, of sane sizes."""
    if isinstance(value, str):
        text(value, place)
    elif isinstance(value, int):
        if abs(value) > _MOST:
            raise WrongKind(place, f"a whole number up to {_MOST:,}", value)
    elif isinstance(value, dict | list):
        if depth == _DEPTH:
            raise WrongKind(place, f"at most {_DEPTH} levels", value)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            text(str(key), place)
            plain(each, _below(place, key), depth + 1)


def text(value: Any, place: str) -> None:
    """A text that a terminal, a file and a page can hold."""
    if not isinstance(value, str):
        raise WrongKind(place, "a text", value)
    if len(value) > _LONGEST:
        raise WrongKind(place, f"at most {_LONGEST:,} characters", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WrongKind(place, "valid Unicode text", value) from None


def number(value: Any, place: str) -> None:
    """A number; NaN and infinity are numbers too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongKind(place, "a number", value)


def whole(value: Any, place: str) -> None:
    """A whole number, 0 or greater."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise WrongKind(place, "a whole number, 0 or greater", value)


def optional(kind: Kind) -> Kind:
    """null, or what `kind` takes."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            kind(value, place)

    return check


def one_of(*texts: str) -> Kind:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or value not in texts:
            raise WrongKind(place, " or ".join(texts), value)

    return check


def either(one: Kind, other: Kind) -> Kind:
    """What `one` takes or what `other` takes; the error is of `other`."""

    def check(value: Any, place: str) -> None:
        try:
            one(value, place)
        except WrongKind:
            other(value, place)

    return check


def mapping(kind: Kind, most: int = 10_000) -> Kind:
    """An object whose values are all of one kind."""

    def check(value: Any, place: str) -> None:
        _mapping(value, place, most)
        for key, each in value.items():
            kind(each, _below(place, key))

    return check


def sequence(kind: Kind, most: int = 10_000) -> Kind:
    """An array whose elements are all of one kind."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise WrongKind(place, "a list", value)
        if len(value) > most:
            raise WrongKind(place, f"at most {most:,} elements", value)
        for index, each in enumerate(value):
            kind(each, f"{place}[{index}]")

    return check


def record(fields: Mapping[str, Kind], required: tuple[str, ...] = ()) -> Kind:
    """An object whose fields, where they are there, are each of its kind; others may be there."""

    def check(value: Any, place: str) -> None:
        _mapping(value, place, 10_000)
        for name in required:
            if name not in value:
                raise WrongKind(place, f"an object with {name!r}", value)
        for name, kind in fields.items():
            if name in value:
                kind(value[name], _below(place, name))

    return check


def _mapping(value: Any, place: str, most: int) -> None:
    if not isinstance(value, dict):
        raise WrongKind(place, "a JSON object", value)
    if len(value) > most:
        raise WrongKind(place, f"at most {most:,} fields", value)


def _below(place: str, key: object) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if place else str(key)


def _shown(value: Any) -> str:
    match value:
        case dict():
            return f"an object of {len(value):,} fields"
        case list():
            return f"a list of {len(value):,}"
        case str() if len(value) > 40:
            return f"a text of {len(value):,} characters"
        case int() if not isinstance(value, bool) and abs(value) > _MOST:
            return "a greater one"
    return printable(ascii(value))
