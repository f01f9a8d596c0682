"""Values that YAML has no word for: arrays, tuples, and objects within the user's own arguments.

weights: {array: [0.5, 1.0], dtype: float32}
sizes: {tuple: [3, 3]}
norm: {function: my_function}
inner: {Dense: {units: 3}}
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.catalog.kinds import ARGUMENT_KINDS
from nnpy.config.arrays import KEYS, Array, digest
from nnpy.config.yaml.nodes import Node

if TYPE_CHECKING:
    from nnpy.config.checker import Checker


_FUNCTION = Parameter("function", types=("callable",))


def is_array(node: Node) -> bool:
    """Whether a node says an array."""
    return node.is_map and "array" in node.value and set(node.value) <= set(KEYS)


def array(node: Node, path: str, checker: Checker) -> Array | None:
    """The array that a node says; what is wrong with it is reported.

    A file is named relative to the config. From here on the node names it as found, so that
    the resolved config finds it from anywhere.
    """
    given = node.value["array"]
    texts = {}
    for key in ("dtype", "name", "sha256"):
        item = node.value.get(key)
        if item is not None and not isinstance(item.value, str):
            checker.error(item, f"{path}.{key}", "expected text")
            return None
        texts[key] = item.value if item is not None else None
    if texts["dtype"] is not None and texts["dtype"] not in checker.catalog.dtypes:
        checker.error(node.value["dtype"], f"{path}.dtype", f"unknown dtype '{texts['dtype']}'")
        return None
    if not isinstance(given.value, str):
        if not _is_regular(given.plain()):
            message = "expected numbers in lists of equal lengths, or the name of an .npz file"
            checker.error(given, f"{path}.array", message)
            return None
        return Array(given.plain(), texts["dtype"])
    mark = given.mark
    folder = Path(mark.file).parent if mark and mark.file not in ("--set", "given") else Path()
    place = folder / given.value
    name = texts["name"] or "arr_0"  # as NumPy calls an array without a name
    try:
        found = digest(place, name)
    except ValueError as error:
        checker.error(given, f"{path}.array", str(error))
        return None
    if texts["sha256"] not in (None, found):
        message = f"the array '{name}' in {place} is not the one that was meant: its digest differs"
        checker.error(node.value["sha256"], f"{path}.sha256", message)
        return None
    node.value["array"] = Node(str(place), mark, {}, given.origin)
    return Array(None, texts["dtype"], place, name, found)


def free(node: Node, path: str, checker: Checker) -> Any:
    """A value of which nothing is known, such as an argument of the user's own code."""
    if is_array(node):
        return array(node, path, checker)
    if node.is_list:
        return [free(each, f"{path}[{index}]", checker) for index, each in enumerate(node.value)]
    if not node.is_map:
        return node.plain()
    if len(node.value) == 1:
        name, inner = next(iter(node.value.items()))
        if name == "tuple" and inner.is_list:
            return tuple(free(inner, path, checker))
        if name == "function" and isinstance(inner.value, str):
            return checker.value(inner, _FUNCTION, f"{path}.function")
        kinds = _kinds_of(str(name), checker)
        if kinds and inner.is_map:
            return checker.object(node, kinds, path)
    return {key: free(each, f"{path}.{key}", checker) for key, each in node.value.items()}


def _kinds_of(name: str, checker: Checker) -> tuple[str, ...]:
    """The kinds of objects that a class's name may mean; a word in small letters is a word."""
    if not re.match(r"[A-Z]", name):
        return ()
    if name == "Model":
        return ("layer",)
    return tuple(
        kind for kind in ARGUMENT_KINDS if kind != "cell" and checker.catalog.find(kind, name)
    )


def _is_regular(values: Any) -> bool:
    """Whether nested lists hold numbers or truth values only, and are of equal lengths."""
    if not isinstance(values, list):
        return isinstance(values, bool | int | float)
    lengths = {len(each) if isinstance(each, list) else -1 for each in values}
    return len(lengths) <= 1 and all(_is_regular(each) for each in values)


def short_form(node: Node) -> Node:
    """What Keras writes of an object, `{class_name: L2, config: {l2: 0.1}}` → `{L2: {l2: 0.1}}`."""
    name, arguments = node.value["class_name"], node.value["config"]
    return Node({name.value: arguments}, node.mark, {name.value: name.mark}, node.origin)


def policy(node: Node) -> Node:
    """What Keras writes of a dtype policy → its name."""
    config = node.value["config"].value if {"class_name", "config"} <= {*node.value} else None
    given = {key: each.value for key, each in config.items()} if isinstance(config, dict) else {}
    if {"mode", "source_name"} <= {*given}:
        return Node(f"{given['mode']}_from_{given['source_name']}", node.mark)
    return Node(given["name"], node.mark) if "name" in given else node


def is_shape(node: Node) -> bool:
    return node.is_list and all(
        each.value is None
        or (isinstance(each.value, int) and not isinstance(each.value, bool) and each.value >= 0)
        for each in node.value
    )
