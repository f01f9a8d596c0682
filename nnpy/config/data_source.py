"""The source of the data, by the one rule of the language: its name, or its name with arguments.

    data: {source: {idx: {path: digits}}}     # is, in full
    data: {name: idx, path: digits}

Which arguments a source takes, it says itself (`nnpy.data.registry`). They are its own, and may
bear the names of settings of `data:`; only its `path` is a setting as well.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.config.checker import Checker
from nnpy.config.settings import SHORT_FORMS, DataSettings, parameters
from nnpy.config.yaml.nodes import Mark, Node, from_plain
from nnpy.data import registry
from nnpy.data.targets import INPUT
from nnpy.errors import did_you_mean


def in_full(node: Node | None, checker: Checker) -> tuple[Node | None, dict[str, Any]]:
    """The data section with its `source` written as `name` and `path`, and the other arguments.

    Paths are made absolute. Reports what the source does not take, or cannot go without.
    """
    if node is None or not node.is_map:
        return node, {}
    items, keys = dict(node.value), dict(node.keys)
    _own_arguments_told(items, keys, checker)
    arguments: dict[str, Any] = {}
    if "source" in items:
        source, mark = items.pop("source"), keys.pop("source", None)
        named = checker.name_and_arguments(source, "data set", "data.source")
        if named is None:
            return Node(items, node.mark, keys, node.origin), {}
        name, name_mark, given = named
        for key in ("name", "path"):
            if key in items and items[key].origin != "--set":
                message = f"the source says it already: leave out data.{key}"
                checker.error(keys.get(key) or items[key], f"data.{key}", message)
        items["name"], keys["name"] = Node(name, name_mark, origin=source.origin), mark
        if name not in registry.SOURCES:
            message = f"unknown data set '{name}'" + (
                did_you_mean(name, registry.NAMES) or f"; known are {', '.join(registry.NAMES)}"
            )
            checker.error(name_mark, "data.source", message)
            items.pop("name")
        else:
            known = registry.SOURCES[name].parameters
            arguments = _read(name, given, known, items, keys, name_mark, checker)
    else:
        arguments = _defaults(_parameters_of(items))
    find_path(items.get("path"))
    whole = Node(items, node.mark, keys, node.origin)
    _check_path(whole, checker)
    return whole, arguments


def _read(
    name: str,
    given: Node | None,
    known: Sequence[Parameter],
    items: dict[Any, Node],
    keys: dict[Any, Mark | None],
    mark: Mark | None,
    checker: Checker,
) -> dict[str, Any]:
    """The arguments of a source, defaults filled in; its path goes to `items`."""
    place = f"data.source.{name}"
    if given is None:  # a path that is missing is told as that of the short form
        known_by_name = [each for each in known if each.name != "path"]
        taken = checker.arguments(Node({}, mark), known_by_name, place, where=mark)
        return {**_defaults(known), **taken}
    for each in known:
        if each.is_path and each.name in given.value:
            find_path(given.value[each.name])
    is_set = "path" in items  # by --set, which wins
    wanted = [
        replace(each, required=False) if is_set and each.name == "path" else each for each in known
    ]
    taken = checker.arguments(given, wanted, place, where=mark)
    if taken.pop("path", None) is not None and not is_set:
        items["path"], keys["path"] = given.value["path"], given.keys.get("path")
    return {**_defaults(known), **taken}


def _defaults(known: Sequence[Parameter]) -> dict[str, Any]:
    return {each.name: each.default for each in known if each.name != "path"}


def _parameters_of(items: dict[Any, Node]) -> tuple[Parameter, ...]:
    """What the source that a data section names takes."""
    name = items["name"].value if "name" in items else None
    source = registry.SOURCES.get(name) if isinstance(name, str) else None
    return source.parameters if source is not None else ()


def _own_arguments_told(
    items: dict[Any, Node], keys: dict[Any, Mark | None], checker: Checker
) -> None:
    """Reports arguments of the named source that stand among the settings of `data:`."""
    name = items["name"].value if "name" in items else None
    settings = {each.name for each in parameters(DataSettings)} | {*SHORT_FORMS["data"]}
    for each in _parameters_of(items):
        mistaken = (
            each.name == "target"
            and each.name in items
            and (items["target"].value not in (None, INPUT))
        )
        if mistaken or (each.name in items and each.name not in settings):
            message = f"it is an argument of the source: source: {{{name}: {{{each.name}: …}}}}"
            checker.error(keys.get(each.name) or items[each.name], f"data.{each.name}", message)
            checker.sound.spoil("data.source")
            items.pop(each.name)


def find_path(path: Node | None) -> None:
    """Makes a path absolute: it is relative to the file that says it.

    What is given on the command line or from Python is relative to the working folder.
    """
    if path is None or not isinstance(path.value, str) or not path.value:
        return
    if Path(path.value).is_absolute() or path.value.startswith("~"):
        return
    file = Path(path.mark.file) if path.mark and path.origin != "--set" else Path()
    found = (file.parent / path.value).absolute()
    # The config of a run that was made when it was the working folder's.
    if file.name == "config.yaml" and not found.exists() and Path(path.value).exists():
        found = Path(path.value).absolute()
    path.value = os.path.normpath(found)


def _check_path(node: Node, checker: Checker) -> None:
    """Reports a path that the named source does not take, and one that it cannot go without."""
    given = node.value
    name = given["name"].value if "name" in given else None
    if name not in registry.NAMES or not checker.sound("data.name", "data.source"):
        return
    parameter = next((each for each in _parameters_of(given) if each.name == "path"), None)
    missing = given.get("path") is None or given["path"].value is None
    if parameter is None and not missing:
        mark = node.keys.get("path") or given["path"]
        checker.error(mark, "data.path", f"'{name}' takes no path: leave it out")
    elif parameter is not None and parameter.required and missing and checker.sound("data.path"):
        message = f"'{name}' needs data.path: {parameter.doc}"
        checker.error(given.get("name") or node, "data.path", message)


def write(node: Node, settings: DataSettings) -> None:
    """Puts into the complete data section what was decided, and the source with its arguments."""
    for part in ("validation", "test"):
        share = getattr(settings, part).split
        if node.value[part].value["split"].value != share:
            node.value[part].value["split"] = Node(share, origin="auto")
    if not settings.arguments:
        return
    path = node.value.pop("path")
    name = node.value.pop("name")
    arguments = {key: from_plain(value) for key, value in settings.arguments.items()}
    takes_path = any(each.name == "path" for each in registry.SOURCES[str(name.value)].parameters)
    inner = {"path": path, **arguments} if takes_path else arguments
    source = Node({name.value: Node(inner, name.mark)}, name.mark)
    node.value = {"source": source, **node.value}
