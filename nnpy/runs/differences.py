"""What differs between two trees of plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """A place at which the runs differ, with the value of each (None: absent)."""

    path: str
    values: tuple[Any, ...]


def differences(values: Sequence[Any], path: str = "") -> list[Difference]:
    """Where some trees of dicts, lists and scalars differ, as deep as their forms agree.

    Dicts of one key are objects as configs write them (`{Dense: {...}}`): with different keys
    they are different things, and not compared within.
    """
    there = [value for value in values if value is not ABSENT]
    if all(isinstance(value, Mapping) for value in there) and len(there) > 1:
        keys = list(dict.fromkeys(key for value in there for key in value))
        things = all(len(value) == 1 for value in there) and len(keys) > 1 and path
        if not things:
            return [
                difference
                for key in keys
                for difference in differences(
                    [v.get(key, ABSENT) if v is not ABSENT else ABSENT for v in values],
                    f"{path}.{key}" if path else str(key),
                )
            ]
    if all(isinstance(value, list | tuple) for value in there) and len(there) > 1:
        longest = max(map(len, there))
        return [
            difference
            for i in range(longest)
            for difference in differences(
                [v[i] if v is not ABSENT and i < len(v) else ABSENT for v in values],
                f"{path}[{i}]",
            )
        ]
    if len(there) == len(values) and all(_same(there[0], value) for value in there[1:]):
        return []
    return [Difference(path, tuple(None if v is ABSENT else v for v in values))]


def _same(one: Any, other: Any) -> bool:
    """Equality in which 1, 1.0 and True are three things only where YAML writes them so."""
    both_nan = one != one and other != other
    return bool(both_nan or (one == other and isinstance(one, bool) == isinstance(other, bool)))
