"""A plain scalar → its value, by the core schema of YAML 1.2.

PyYAML reads YAML 1.1, where `0100` is 64, `12:30` is 750, `1_000` is a number, and `yes`, `no`,
`on` and `off` are truth values. Here a number is what everybody reads as one, and the rest is
text; `why_text` says so where a number or a truth value was wanted.
"""

from __future__ import annotations

import math
import re

_NULL = re.compile(r"(?:~|null|Null|NULL)?\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z")
_NAN = re.compile(r"\.(?:nan|NaN|NAN)\Z")
NUMBER = re.compile(
    "|".join(each.pattern for each in (_DECIMAL, _OCTAL, _HEXADECIMAL, _FLOAT, _INFINITE, _NAN))
)

# What YAML 1.1 took for truth values.
_OLD_TRUE = ("y", "yes", "on")
_OLD_FALSE = ("n", "no", "off")

Scalar = None | bool | int | float | str


def value_of(text: str) -> Scalar:
    """The value of a scalar without quotes. Raises ValueError for an integer of absurd length."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text):
        return True
    if _FALSE.match(text):
        return False
    number = number_of(text)
    return text if number is None else number


def number_of(text: str) -> int | float | None:
    """The number that a text is, or None. Raises ValueError for one of absurd length."""
    if _DECIMAL.match(text):
        return int(text)
    if _OCTAL.match(text):
        return int(text, 8)
    if _HEXADECIMAL.match(text):
        return int(text, 16)
    if _FLOAT.match(text):
        return float(text)
    if _INFINITE.match(text):
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if _NAN.match(text) else None


def tagged(text: str, kind: str) -> Scalar:
    """The value of a scalar with a tag, `!!int 7`; `kind` is int, float, bool, null or str.

    Raises ValueError where the text is not of that kind.
    """
    if kind == "str":
        return text
    value = value_of(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = {"int": int, "float": float, "bool": bool, "null": type(None)}[kind]
    if not isinstance(value, wanted) or (kind == "int" and isinstance(value, bool)):
        raise ValueError(text)
    return value


def why_text(text: str, *, number: bool, truth: bool) -> str:
    """Why a text is not the number or the truth value that it seems to be, or nothing."""
    if truth and text.lower() in _OLD_TRUE + _OLD_FALSE:
        return f"in YAML 1.2 {text} is text: write {str(text.lower() in _OLD_TRUE).lower()}"
    if truth and (_TRUE.match(text) or _FALSE.match(text)):
        return "it is text that looks like a truth value: write it without quotes"
    if not number:
        return ""
    try:
        if number_of(text.strip()) is not None:
            return "it is text that looks like a number: write it without quotes"
    except ValueError:
        return ""
    bare = text.replace("_", "").replace(",", "")
    if bare != text and re.fullmatch(r"[-+]?[0-9][0-9_,]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?", text):
        return f"a number has no '{'_' if '_' in text else ','}': write {bare}"
    if re.fullmatch(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?", text):
        return "in YAML 1.2 a number in base 60 is text: write it in decimal"
    parts = re.fullmatch(r"(\d+(?:\.\d*)?) ?([*/]) ?(\d+(?:\.\d*)?)", text)
    if parts and float(parts[3]):
        low, high = float(parts[1]), float(parts[3])
        value = low * high if parts[2] == "*" else low / high
        return f"it is not worked out: write {value:.8g}"
    if re.fullmatch(r"[-+]?0b[01_]+", text):
        return f"in YAML 1.2 a binary number is text: write {int(text.replace('_', ''), 2)}"
    return ""
