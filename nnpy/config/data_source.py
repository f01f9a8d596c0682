"""The source of the data, by the one rule of the language: its name, or its name with arguments.

    data: {source: {idx: {path: digits}}}     # is, in full
    data: {name: idx, path: digits}

Which arguments a source takes, it says itself (`nnpy.data.registry`).
"""

from __future__ import annotations

from nnpy.config.checker import Checker
from nnpy.config.yaml.nodes import Node
from nnpy.data import registry
from nnpy.errors import did_you_mean

# Every argument that a source may take is a setting of the data section as well.
ARGUMENTS = tuple(
    dict.fromkeys(each.name for source in registry.SOURCES.values() for each in source.parameters)
)


def in_full(node: Node | None, checker: Checker) -> Node | None:
    """The data section with its `source` written as `name` and that source's arguments."""
    if node is None or not node.is_map or "source" not in node.value:
        return node
    items, keys = dict(node.value), dict(node.keys)
    source, mark = items.pop("source"), keys.pop("source", None)
    named = checker.name_and_arguments(source, "data set", "data.source")
    if named is None:
        return Node(items, node.mark, keys, node.origin)
    name, name_mark, arguments = named
    for key in ("name", *ARGUMENTS):
        if key in items and items[key].origin != "--set":
            message = f"the source says it already: leave out data.{key}"
            checker.error(keys.get(key) or items[key], f"data.{key}", message)
    items["name"], keys["name"] = Node(name, name_mark, origin=source.origin), mark
    known = registry.SOURCES.get(name)
    if known is None:
        message = f"unknown data set '{name}'" + (
            did_you_mean(name, registry.NAMES) or f"; known are {', '.join(registry.NAMES)}"
        )
        checker.error(name_mark, "data.source", message)
        items.pop("name")
    elif arguments is not None:
        path = f"data.source.{name}"
        taken = checker.arguments(arguments, known.parameters, path, where=name_mark)
        for key, value in taken.items():
            if value is not None and key not in items:  # there only by --set, which wins
                items[key], keys[key] = arguments.value[key], arguments.keys.get(key)
    return Node(items, node.mark, keys, node.origin)


def check(node: Node | None, name: str | None, checker: Checker) -> None:
    """Reports settings that the named source does not take, and those that it cannot go without."""
    source = registry.SOURCES.get(name or "")
    if source is None:
        return
    given = node.value if node is not None and node.is_map else {}
    takes = {each.name: each for each in source.parameters}
    for key in ARGUMENTS:
        value = given.get(key)
        if value is not None and value.value is not None and key not in takes:
            mark = node.keys.get(key) if node is not None else None
            checker.error(mark or value, f"data.{key}", f"'{name}' takes no {key}: leave it out")
    for key, parameter in takes.items():
        missing = given.get(key) is None or given[key].value is None
        if parameter.required and missing and checker.sound(f"data.{key}"):
            message = f"'{name}' needs data.{key}: {parameter.doc}"
            where = given.get("name") or node
            checker.error(where, f"data.{key}", message)
