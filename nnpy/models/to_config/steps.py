"""Steps of a network until their names and their `from:` are settled, and their text then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnpy.catalog.naming import scope_name, snake_case
from nnpy.errors import ModelError


class Reference(str):
    """The name of a tensor, in an argument of a call."""

    __slots__ = ()


@dataclass
class Step:
    """A line of the list of layers; `source` None is the step above."""

    key: str
    arguments: dict[str, Any]
    name: str
    source: Any = None
    last: dict[str, Any] = field(default_factory=dict)  # what stands after the name


def written(steps: list[Step], first: str | None) -> list[Any]:
    """The list of layers, without what nnpy adds by itself: names, and `from:` the step above."""
    sources = []
    previous = first
    for step in steps:
        same = isinstance(step.source, str) and step.source == previous
        sources.append(None if step.source is None or same else as_text(step.source))
        previous = step.name
    used = {name for each in sources for name in _names_in(each)}
    used |= {step.arguments["layer"] for step in steps if step.key == "reuse"}
    automatic: Counter[str] = Counter()
    found: list[Any] = []
    for step, source in zip(steps, sources, strict=True):
        arguments = dict(step.arguments)
        base = scope_name(snake_case(step.key.rpartition(".")[2]), "layer")
        chosen = f"{base}_{automatic[base]}" if automatic[base] else base
        if step.key == "reuse" or step.name != chosen or step.name in used:
            arguments["name"] = step.name
        else:
            automatic[base] += 1
        arguments |= step.last
        if source is not None:
            arguments["from"] = source
        found.append({step.key: arguments} if arguments else step.key)
    return found


def as_text(source: Any) -> Any:
    """What stands under `from:` or `outputs:`."""
    if isinstance(source, Mapping):
        if "array" in source and not holds_tensor(source):  # an array among tensors
            return source
        return {key: as_text(each) for key, each in source.items()}
    if isinstance(source, list):
        return [as_text(each) for each in source]
    if isinstance(source, Reference):
        return str(source)
    if source is None or isinstance(source, str):
        raise ModelError(f"a list of tensors that holds {source!r} cannot be expressed in a config")
    return source


def holds_tensor(value: Any) -> bool:
    return any(True for _ in references(value))


def references(value: Any) -> Iterator[Reference]:
    """Every name of a tensor in a value."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from references(each)
    elif isinstance(value, Reference):
        yield value


def takes_other_tensors(layers: Iterable[Any]) -> bool:
    """Whether a step of a written list names what it takes."""
    return any("from" in next(iter(each.values())) for each in layers if isinstance(each, dict))


def _names_in(source: Any) -> Iterator[str]:
    if isinstance(source, dict):
        source = list(source.values())
    if isinstance(source, list):
        for each in source:
            yield from _names_in(each)
    elif isinstance(source, str):
        yield source
        name = source.partition("/")[0]
        while "." in name:  # `lstm.1.0` is an output of `lstm`
            yield name
            name = name.rpartition(".")[0]
        yield name
