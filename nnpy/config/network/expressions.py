"""Arithmetic in `${…}`: worked out, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnpy.errors import did_you_mean

_NUMBER_LIMIT = 2**63
_EXPRESSION_LIMIT = 200  # characters; bounds the nesting too


def calculate(expression: str, values: Mapping[str, Any]) -> int | float:
    """Numbers, names, `+ - * / // %` and parentheses; raises ValueError for anything else.

    Read by Python's parser and worked out here: nothing is ever run.
    """
    import ast  # not needed by a config without arithmetic

    shown = expression if len(expression) <= 40 else expression[:39] + "…"
    if len(expression) > _EXPRESSION_LIMIT:
        raise ValueError(f"'{shown}' is too long an expression")

    def bounded(number: Any) -> int | float:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"'{shown}' uses a value that is not a number")
        if not abs(number) < _NUMBER_LIMIT:
            raise ValueError(f"'{shown}' evaluates to a number that is too large")
        return number

    def value(node: ast.AST) -> int | float:
        match node:
            case ast.Constant():
                return bounded(node.value)
            case ast.Name():
                if node.id not in values:
                    raise ValueError(
                        f"unknown parameter '{node.id}'{did_you_mean(node.id, values)}"
                    )
                return bounded(values[node.id])
            case ast.UnaryOp(op=ast.USub()):
                return -value(node.operand)
            case ast.BinOp():
                left, right = value(node.left), value(node.right)
                match node.op:
                    case ast.Add():
                        return bounded(left + right)
                    case ast.Sub():
                        return bounded(left - right)
                    case ast.Mult():
                        return bounded(left * right)
                    case ast.Div() | ast.FloorDiv() | ast.Mod() if right == 0:
                        raise ValueError(f"'{shown}' divides by zero")
                    case ast.Div():
                        return bounded(left / right)
                    case ast.FloorDiv():
                        return bounded(left // right)
                    case ast.Mod():
                        return bounded(left % right)
        raise ValueError(f"'{shown}' may contain only numbers, names, + - * / // % and parentheses")

    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"'{shown}' is not a valid expression") from None
    return value(tree.body)
