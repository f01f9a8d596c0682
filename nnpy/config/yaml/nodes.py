"""Values that remember where they were written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nnpy.errors import Problem


@dataclass(frozen=True)
class Mark:
    """A place in a text: `line` and `column` count from 1, `length` is in characters."""

    file: str
    line: int
    column: int
    length: int
    text: str = field(repr=False)  # the whole line
    note: str = ""  # inside a block: where it is used

    def problem(self, path: str, message: str, code: str = "", suggestion: str = "") -> Problem:
        if self.note:
            message = f"{message} ({self.note})"
        place = (self.file, self.line, self.column, self.length, self.text)
        return Problem(message, path, *place, code, suggestion)


@dataclass
class Node:
    """A value and where it came from.

    `value` is a scalar, a `list[Node]` or a `dict[str | int, Node]`; a dict's `keys` holds
    the place of each key. `mark` is None for a value that no text holds (a default, or one
    given from Python).
    """

    value: Any
    mark: Mark | None = None
    keys: dict[Any, Mark | None] = field(default_factory=dict, repr=False)
    origin: str = "default"

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    def plain(self) -> Any:
        """The value without its places: dicts, lists and scalars."""
        if self.is_map:
            return {key: node.plain() for key, node in self.value.items()}
        if self.is_list:
            return [node.plain() for node in self.value]
        return self.value

    def copy(self) -> Node:
        """A tree of its own, so that an override at one alias leaves the others alone."""
        value = self.value
        if self.is_map:
            value = {key: node.copy() for key, node in value.items()}
        elif self.is_list:
            value = [node.copy() for node in value]
        return Node(value, self.mark, dict(self.keys), self.origin)


def from_plain(value: Any, origin: str = "default") -> Node:
    """Dicts, lists and scalars from Python → nodes without places."""
    if isinstance(value, dict):
        items = {key: from_plain(item, origin) for key, item in value.items()}
        return Node(items, None, dict.fromkeys(items), origin)
    if isinstance(value, list | tuple):
        return Node([from_plain(item, origin) for item in value], None, {}, origin)
    return Node(value, None, {}, origin)
