"""A parameter of a Keras object, read from its signature and its docstring."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.catalog.hints import (
    BOUNDS,
    CHOICES,
    CHOICES_ELSE,
    DOCS,
    ITEMS,
    OPERANDS,
    SPATIAL,
    TUPLES,
    TYPES,
)

_CONVENTIONS = (
    (r"(.*_)?initializer", "initializer null"),
    (r"(.*_)?regularizer", "regularizer null"),
    (r"(.*_)?constraint", "constraint null"),
    (r"(.*_)?activation", "activation null"),
    (r"(.*_)?dtype", "dtype null"),
    (r"on_.*", "callable null"),
)

_BY_DOC = (
    (r"\bint(eger)?s?\b", "int"),
    (r"\bfloat(s|ing)?\b|\bscalar", "float"),
    (r"\bbool(ean)?s?\b", "bool"),
    (r"\bstr(ing)?s?\b", "str"),
    (r"\b(tuple|list|sequence|array|iterable)s?\b", "list"),
    (r"\bdict(ionary|s)?\b", "dict"),
    (r"\btensors?\b|`?KerasTensor", "tensor"),
    (r"\bcallable\b|\bfunction\b", "callable"),
)

_ANNOUNCES = (
    r"[Oo]ne of\b",
    r"[Ee]ither\b",
    r"[Cc]an be\b",
    r"\b[Vv]alues:",
    r"\b[Vv]alues are\b",
    r"\bSupports\b",
    r"\b[Mm]ethods are\b",
    r"\b[Oo]ptions are\b",
    r"^[Ss]tring,",
)


def describe(kind: str, owner: str, parameter: inspect.Parameter, doc: str) -> Parameter:
    """A parameter of `owner` as the catalog tells it."""
    name = parameter.name
    variadic = parameter.kind is parameter.VAR_POSITIONAL
    required = parameter.default is parameter.empty and not variadic
    types = _operand_types(owner, parameter) if kind == "op" else _types(owner, parameter, doc)
    # What operations say of their choices is not whole.
    listed_choices = "str" in types and (kind != "op" or name in ("data_format", "padding"))
    choices = _choices(owner, parameter, doc) if listed_choices else None
    listed = _named(ITEMS, owner, name) if "list" in types and kind != "op" else None
    digit = re.search(r"(\d)D(Transpose)?$", owner)
    return Parameter(
        name=name,
        required=required,
        variadic=variadic,
        default=_plain(parameter.default),
        types=types,
        items=(listed,) if listed else (),
        length=int(digit[1]) if digit and listed and name in SPATIAL.split() else None,
        as_tuple=f"{owner}.{name}" in TUPLES.split(),
        choices=choices,
        ignore_case=bool(choices) and _ignores_case(owner, name, doc),
        doc=first_sentence(doc) or DOCS.get(name, ""),
        **_bounds(owner, name, types),
    )


def _ignores_case(owner: str, name: str, doc: str) -> bool:
    if name == "data_format":
        return not owner.startswith("Adaptive")
    return "case-insensitive" in doc


def _named(table: Mapping[str, str], owner: str, name: str, *, only: bool = False) -> str | None:
    """The value of a table whose keys are names, or `Class.name`, with spaces between them.

    With `only`, what is said of `Class.name`, not of every argument of that name.
    """
    for wanted in (f"{owner}.{name}", *(() if only else (name,))):
        for names, value in table.items():
            if wanted in names.split():
                return value
    return None


def _plain(value: Any) -> Any:
    """A default as JSON gives it back, or None."""
    if value is inspect.Parameter.empty:
        return None
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return None


def _operand_types(owner: str, parameter: inspect.Parameter) -> tuple[str, ...]:
    """What an operation's parameter takes; only what is certain, for most take tensors too."""
    name, default = parameter.name, parameter.default
    if (owner, name) == ("get_item", "key"):
        return ("int", "list", "slices", "tensor")
    if isinstance(default, bool) and name != "unroll":
        return ("bool",)
    if name == "dtype":
        return ("dtype", "null") if default is None else ("dtype",)
    if name == "axis":
        return ("int", "list", "null")
    if name == "data_format":
        return ("str", "null")
    if isinstance(default, str) and name != "window":
        return ("str",)
    if name in OPERANDS.split():
        return ("tensor", "float", "bool", "list") + (("null",) if default is None else ())
    return ("any",)


def _types(owner: str, parameter: inspect.Parameter, doc: str) -> tuple[str, ...]:
    name, default = parameter.name, parameter.default
    if isinstance(default, bool):
        return ("bool",)
    if told := _named(TYPES, owner, name):
        types = set(told.split())
        general = _named(TYPES, owner, name, only=True) is None
        if general and (default is parameter.empty or isinstance(default, int | float | tuple)):
            types -= {"null"}
        return tuple(sorted(types))
    for pattern, found in _CONVENTIONS:
        if re.fullmatch(pattern, name):
            return tuple(found.split())
    # Only the first sentence tells the type; later ones speak of other things.
    lead = re.split(r"(?<=[.;])\s", doc, maxsplit=1)[0]
    types = {found for pattern, found in _BY_DOC if re.search(pattern, lead, re.IGNORECASE)}
    if isinstance(default, int):
        # Keras writes 1 for 1.0 too: unless the docstring says integer, it may be either.
        types |= {"int"} if "int" in types else {"int", "float"}
    elif isinstance(default, float):
        types = types - {"int"} | {"float"}
    elif isinstance(default, str):
        types |= {"str"}
    elif isinstance(default, tuple | list):
        types |= {"list"}
    elif default is None and types:
        types |= {"null"}
    if len(types) > 1:
        types -= {"tensor", "callable"}  # a config has no tensors; a function is a last resort
    return tuple(sorted(types)) or ("any",)


def _choices(owner: str, parameter: inspect.Parameter, doc: str) -> tuple[str, ...] | None:
    """The strings that a parameter takes, where its docstring lists them."""
    name, default = parameter.name, parameter.default
    if told := _named(CHOICES, owner, name):
        return tuple(told.split())
    for announces in _ANNOUNCES:  # from these words to the end of the sentence
        match = re.search(rf"{announces}(.*?)(?:\.\s|$)", doc)
        found = re.findall(r"[\"'](\w+)`?[\"'`]", match.group(1)) if match else []
        if len(found) > 1 and (not isinstance(default, str) or default in found):
            return tuple(dict.fromkeys(found))
    told = CHOICES_ELSE.get(name)
    return tuple(told.split()) if told else None


def _bounds(owner: str, name: str, types: tuple[str, ...]) -> dict[str, Any]:
    """`>= 0 <= 1` in `BOUNDS` as the fields of a parameter."""
    told = _named(BOUNDS, owner, name)
    if not told or not {"int", "float", "list"} & {*types}:
        return {}
    fields: dict[str, Any] = {}
    for sign, number in re.findall(r"([<>]=?) (-?\d+)", told):
        side = "minimum" if sign.startswith(">") else "maximum"
        fields[side] = int(number)
        if "=" not in sign:
            fields[f"exclusive_{side}"] = True
    return fields


def documented(owner: Any, section: str = "Args") -> dict[str, str]:
    """Parameter → its text in a section of a docstring.

    Keras puts pieces with an indentation of their own into its docstrings, and Python 3.13 takes
    the common one away: what counts is how far a line stands in from the section's title.
    """
    lines = (owner.__doc__ or "").expandtabs().splitlines()
    titles = {section + ":", section.replace("Args", "Arguments") + ":"}
    start = next((i for i, line in enumerate(lines) if line.strip() in titles), None)
    if start is None:
        return {}
    base = _indent(lines[start])
    known = _parameter_names(owner)
    found: dict[str, list[str]] = {}
    texts: list[str] = []
    for line in lines[start + 1 :]:
        depth = _indent(line) - base
        if line.strip() and depth <= 0:
            break
        match = re.match(r" +\*{0,2}`?(\w+(?:`?, `?\w+)*)`?:\s*(.*)$", line)
        names = re.findall(r"\w+", match.group(1)) if match else []
        # Deeper ones are of such a piece; or they belong to the text of the one before.
        if match and (depth <= 4 or (depth <= 8 and set(names) <= known)):
            texts = [match.group(2)]
            for name in names:
                found[name] = texts
        else:
            texts.append(line.strip())
    return {name: " ".join(text for text in texts if text) for name, texts in found.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _parameter_names(owner: Any) -> set[str]:
    """What the callable, or the classes that a class stands on, can be given."""
    names: set[str] = set()
    for each in inspect.getmro(owner) if inspect.isclass(owner) else [owner]:
        try:
            names |= set(
                inspect.signature(each.__init__ if inspect.isclass(each) else each).parameters
            )
        except (TypeError, ValueError):
            continue
    return names


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    paragraph = inspect.cleandoc(text).split("\n\n", maxsplit=1)[0]
    line = " ".join(paragraph.split())
    # "Optional integer." says too little: the sentence after it belongs to it.
    match = re.match(r"(.{24,}?[^.\s]{2}\.)(?=\s+[A-Z`\"{(]|$)", line)
    return match.group(1) if match else line
