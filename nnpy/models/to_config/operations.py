"""Which function of `keras.ops` makes an operation, and with which of its arguments.

A functional model records the class of an operation (`LayerNorm`), what its constructor was
given (`axis`, `epsilon`) and what it was called with. A config names the function
(`ops.layer_normalization`). Keras keeps no table of the two, but each function says it in one
line of its own: `LayerNorm(axis=axis, epsilon=epsilon).symbolic_call(x, gamma, beta)`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from nnpy.catalog import catalog
from nnpy.models.calls import function_of


@dataclass(frozen=True)
class Function:
    """A function of `keras.ops` and how it makes its operation.

    `constructor` are the function's parameters behind the positional arguments of the class,
    and `constructor_names` those behind its arguments by name; `call` and `call_names` say the
    same of the call. `variadic` is the parameter `*operands`, if there is one.
    """

    name: str
    constructor: tuple[str, ...] = ()
    constructor_names: tuple[tuple[str, str], ...] = ()
    call: tuple[str, ...] = ()
    call_names: tuple[tuple[str, str], ...] = ()
    variadic: str | None = None

    def argument(self, operation: Any, key: str) -> str:
        """The function's name for an argument that the operation's `get_config` calls `key`."""
        names = dict(self.constructor_names)
        places = list(inspect.signature(type(operation).__init__).parameters)[1:]
        names |= dict(zip(places, self.constructor, strict=False))
        return names.get(key, key)

    def operand(self, operation: Any, place: int | str) -> str:
        """The function's name for what the operation is called with, by position or by name."""
        if isinstance(place, int):
            if place < len(self.call):
                return self.call[place]
            names = list(inspect.signature(operation.call).parameters)
            place = names[place] if place < len(names) else f"argument {place + 1}"
        return dict(self.call_names).get(place, place)


@cache
def of_class(name: str) -> Function | None:
    """The function that makes operations of that class, or None."""
    found = _functions().get(name, [])
    plain = name.lower()
    same = [each for each in found if each.name.rpartition(".")[2].replace("_", "") == plain]
    return next(iter(same or found), None)


@cache
def _functions() -> dict[str, list[Function]]:
    """Class → the functions that make it."""
    known: dict[str, list[Function]] = {}
    for name in catalog.load().names("op"):
        try:
            function = function_of(name)
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (AttributeError, OSError, TypeError, SyntaxError):  # a Keras without its source
            continue
        variadic = next(
            (
                each.name
                for each in inspect.signature(function).parameters.values()
                if each.kind is each.VAR_POSITIONAL
            ),
            None,
        )
        for made, called in _calls(tree):
            kind = made.func.id if isinstance(made.func, ast.Name) else ""
            known.setdefault(kind, []).append(
                Function(
                    name,
                    tuple(_names(made.args)),
                    tuple(_named(made.keywords)),
                    tuple(_names(called.args)),
                    tuple(_named(called.keywords)),
                    variadic,
                )
            )
    return known


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, ast.Call]]:
    """`Made(…).symbolic_call(…)` or `Made(…)(…)`, as the two calls that it is."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        inner = node.func
        if isinstance(inner, ast.Attribute) and inner.attr == "symbolic_call":
            inner = inner.value
        if isinstance(inner, ast.Call):
            yield inner, node


def _names(arguments: list[ast.expr]) -> Iterator[str]:
    for each in arguments:
        inner = each.value if isinstance(each, ast.Starred) else each
        yield inner.id if isinstance(inner, ast.Name) else ast.unparse(inner)


def _named(keywords: list[ast.keyword]) -> Iterator[tuple[str, str]]:
    for each in keywords:
        if each.arg is not None and isinstance(each.value, ast.Name):
            yield each.arg, each.value.id
