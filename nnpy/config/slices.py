"""The inside of Python's square brackets as text: `":, -1"` ↔ `(slice(None), -1)`.

`x[:, -1]` of a tensor is `ops.get_item: {key: ":, -1"}` in a config. Only what such brackets
may hold is read: whole numbers, slices of them, `...`, `None` for a new axis, and lists of
whole numbers or truth values. Nothing is ever run.
"""

from __future__ import annotations

import ast
import operator
from typing import Any

_MAX_LENGTH = 2_000  # characters; a longer list of positions is an array


def parse(text: str) -> Any:
    """The key that the text stands for.

    Raises ValueError, with what is wrong, for anything else.
    """
    shown = text if len(text) <= 40 else text[:39] + "…"
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"'{shown}' is too long a slice")
    try:
        tree = ast.parse(f"x[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    # `0] + y[1` is Python too, but more than one pair of brackets.
    if not isinstance(tree, ast.Subscript) or not isinstance(tree.value, ast.Name):
        raise ValueError(f"'{shown}' is not a slice such as ':, 0'")
    try:
        if isinstance(tree.slice, ast.Tuple):
            return tuple(_item(each) for each in tree.slice.elts)
        return _item(tree.slice)
    except TypeError:
        message = f"'{shown}' may hold whole numbers, slices of them, '...', None and lists"
        raise ValueError(message) from None


def text(key: Any) -> str:
    """The text that `parse` reads back as `key`; TypeError where there is none."""
    if isinstance(key, tuple):
        inner = ", ".join(_text(each) for each in key)
        return inner + "," if len(key) == 1 else inner or "()"
    return _text(key)


def _item(node: ast.expr) -> Any:
    match node:
        case ast.Slice():
            return slice(*(_bound(each) for each in (node.lower, node.upper, node.step)))
        case ast.Constant() if node.value is None or node.value is Ellipsis:
            return node.value
        case ast.List():
            return [_member(each) for each in node.elts]
    return _number(node)


def _text(item: Any) -> str:
    if item is Ellipsis:
        return "..."
    if isinstance(item, slice):
        ends = ["" if each is None else _whole(each) for each in (item.start, item.stop)]
        return ":".join(ends) + ("" if item.step is None else f":{_whole(item.step)}")
    if isinstance(item, list):
        return f"[{', '.join(_text(each) for each in item)}]"
    return str(item) if item is None or isinstance(item, bool) else _whole(item)


def _whole(value: Any) -> str:
    return str(operator.index(value))


def _member(node: ast.expr) -> Any:
    if isinstance(node, ast.List):
        return [_member(each) for each in node.elts]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return node.value
    return _number(node)


def _bound(node: ast.expr | None) -> int | None:
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return None
    return _number(node)


def _number(node: ast.expr) -> int:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 2**63:
        return node.value
    raise TypeError
