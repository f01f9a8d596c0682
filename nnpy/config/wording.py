"""What a parameter takes and what was written instead, in the words of an error message."""

from __future__ import annotations

from collections.abc import Mapping

from nnpy.catalog.entries import Parameter
from nnpy.config.yaml.nodes import Node

WORDS = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
    "dict": "a mapping",
    "null": "null",
    "dtype": "a dtype such as float32",
    "shape": "a shape such as [28, 28]",
    "tensor": "a list of numbers",
    "callable": "the name of a function",
    "slices": "a slice such as ':, 0'",
    "cell": "a recurrent cell",
}


def with_article(word: str) -> str:
    return f"an {word}" if word[0] in "aeio" else f"a {word}"


def describe(parameter: Parameter) -> str:
    """What a parameter takes, in words: `an integer ≥ 1 or null`."""
    if parameter.choices and set(parameter.types) <= {"str", "null"}:
        return "one of " + ", ".join(parameter.choices)
    types = [each for each in parameter.types if not (each == "int" and "float" in parameter.types)]
    if {*types} - {"callable", "null"}:  # a function is a last resort
        types = [each for each in types if each != "callable"]
    words = [WORDS.get(each, with_article(each)) for each in types if each != "null"]
    text = " or ".join(words)
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        opening = "more than" if parameter.exclusive_minimum else "from"
        closing = "below" if parameter.exclusive_maximum else "to"
        if parameter.exclusive_minimum:
            closing = f"and {closing}" if closing == "below" else "and at most"
        text += f" {opening} {low:g} {closing} {high:g}"
    elif low is not None:
        text += f" {'>' if parameter.exclusive_minimum else '≥'} {low:g}"
    elif high is not None:
        text += f" {'<' if parameter.exclusive_maximum else '≤'} {high:g}"
    return text + (" or null" if "null" in parameter.types else "")


def show(node: Node) -> str:
    """A value as an error message names it, short."""
    value = node.value
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= 50 else text[:48] + "…"
