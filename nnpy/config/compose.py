"""A config file, what it extends, and the overrides → one tree of nodes.

What stands later wins: the base file, the file, `--set`. Sections merge key by key; an object
of the same name merges its arguments, one of another name takes its place; so does a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from nnpy.config.checker import Checker
from nnpy.config.wording import show
from nnpy.config.yaml import parse
from nnpy.config.yaml.nodes import Mark, Node, from_plain
from nnpy.errors import ConfigError, Problem, UsageError, did_you_mean
from nnpy.runs.folder import Run
from nnpy.storage.regular import read_regular

MAX_EXTENDS = 20
_MOST = 4 * parse.MAX_BYTES  # bytes; the limit is one of characters

IsObject = Callable[[str], bool]  # whether a key is the name of an object of Keras


class Names(Protocol):
    """What the overrides need to know of Keras's names, and of the settings' defaults."""

    # "training.optimizer" → the object that stands there, "training.metrics" → the list
    defaults: dict[str, Any]

    def is_object(self, name: str) -> bool:
        """Whether it is the name of an object of Keras."""

    def takes(self, name: str, argument: str) -> bool:
        """Whether an object of that name takes the argument."""


def read_file(path: Path) -> Node:
    """The nodes of a config file. Raises UsageError when it cannot be read."""
    try:
        text = read_regular(path, _MOST)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file{_nearby(path)}") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; expected a config file") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    root = parse.parse(text, str(path))
    if root.value is None:
        raise ConfigError([Problem("the file is empty; a config needs `model:`", file=str(path))])
    return root


def _nearby(path: Path) -> str:
    folder = path.parent
    names = [each.name for each in folder.glob("*.y*ml")] if folder.is_dir() else []
    return did_you_mean(path.name, names)


# -- one file on top of another -----------------------------------------------------------


def extend(path: Path, is_object: IsObject) -> Node:
    """A file's tree on top of those that it extends."""
    chain: list[Path] = []
    layers: list[Node] = []
    node = read_file(path)
    while True:
        chain.append(path.resolve())
        layers.append(node)
        base = node.value.pop("extends", None) if node.is_map else None
        if base is None:
            break
        if not isinstance(base.value, str):
            raise _error(base, f"expected the name of a config file, got {show(base)}")
        home, path = Run.around(chain[-1]), path.parent / base.value
        if home and home.folder not in path.resolve().parents:
            raise _error(base, "the config of a run is complete: it cannot extend other files")
        try:
            node = read_file(path)
        except UsageError as error:
            raise _error(base, str(error)) from None
        if path.resolve() in chain:
            raise _error(
                base, f"'{base.value}' extends this file in turn: extends must not form a loop"
            )
        if len(chain) >= MAX_EXTENDS:
            raise _error(base, f"more than {MAX_EXTENDS} files extend each other")
        if not node.is_map:
            raise _error(base, f"{path} is not a mapping")
    tree = layers.pop()
    while layers:
        tree = merge(tree, layers.pop(), is_object)
    return tree


def _error(node: Node, message: str) -> ConfigError:
    assert node.mark is not None
    return ConfigError([node.mark.problem("extends", message)])


def merge(base: Node, over: Node, is_object: IsObject, depth: int = 0) -> Node:
    """`over` on top of `base`; only a mapping merges, and only with a mapping."""
    if not (base.is_map and over.is_map):
        return over
    if depth >= 2:  # above that are the sections
        names = [str(next(iter(each.value))) for each in (base, over) if len(each.value) == 1]
        if any(is_object(name) for name in names) and set(base.value) != set(over.value):
            return over
    items, keys = dict(base.value), dict(base.keys)
    for key, each in over.value.items():
        # Of another source of data the arguments are others: it takes the first one's place.
        other = (
            depth == 1 and key == "source" and key in items and not _same_source(items[key], each)
        )
        merges = key in items and not other
        items[key] = merge(items[key], each, is_object, depth + 1) if merges else each
        keys[key] = over.keys.get(key)
    return Node(items, over.mark, keys, over.origin)


def _same_source(base: Node, over: Node) -> bool:
    return base.is_map and over.is_map and set(base.value) == set(over.value)


# -- overrides ----------------------------------------------------------------------------


def override(root: Node, overrides: Iterable[str], names: Names, checker: Checker) -> Node:
    """The tree with the value of each `a.b.c=value` in its place.

    A place in a list is written `model.1` or `model[1]`; the name of the object that stands at
    a place may be left out before its argument: `training.optimizer.learning_rate`.
    """
    for text in overrides:
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text}: expected KEY=VALUE, such as training.epochs=10")
        if key.strip() == "extends":
            raise UsageError(f"--set {text}: only a file can extend another")
        message = put(root, key, _value(text, len(key) + 1), names)
        if message:
            checker.error(Mark("--set", 1, 1, len(key), text), key, message)
            checker.sound.spoil(key.strip())
    return root


def put(root: Node, path: str, value: Node, names: Names) -> str | None:
    """Sets the value at a path, written as for `--set`; says what is in its way, if anything."""
    path = re.sub(r"\[\s*(\d+)\s*\]", r".\1", path.strip())
    return _put(root, path.split("."), value, names)


def _value(text: str, start: int) -> Node:
    # The key is blanked out, so that columns are those of what the user typed.
    node = parse.parse(" " * start + text[start:], "--set", origin="--set")

    def typed(mark: Mark | None) -> Mark | None:
        return mark and Mark("--set", 1, mark.column, mark.length, text)

    def visit(node: Node) -> None:
        node.mark = typed(node.mark)
        node.keys = {key: typed(mark) for key, mark in node.keys.items()}
        for child in node.value.values() if node.is_map else node.value if node.is_list else ():
            visit(child)

    visit(node)
    return node


def _put(root: Node, words: list[str], value: Node, names: Names) -> str | None:
    """Sets one value below `root`; the message of what stands in its way, if anything."""
    node = root
    trail: tuple[str, ...] = ()
    in_list = False
    while words:
        if node.is_list:
            key, words = words[0], words[1:]
            if not key.isdecimal() or int(key) >= len(node.value):
                last = len(node.value) - 1
                return (
                    f"'{key}' is not a position from 0 to {last}"
                    if last >= 0
                    else (f"'{key}' is not a position: the list is empty")
                )
            if not words:
                node.value[int(key)] = value
                return None
            node, in_list = node.value[int(key)], True
            continue
        name, rest = _key(node, words)
        if in_list or len(trail) >= 2:  # above that are the sections
            name, rest = _object(node, str(name), words, names) or (name, rest)
        words = rest
        if isinstance(node.value, str) and node.value == name:
            node.value = {name: Node({}, node.mark, {}, "--set")}  # a name → with arguments
            node.keys = {name: node.mark}
        elif node.value is None or (isinstance(node.value, str) and names.is_object(str(name))):
            node.value, node.keys = {}, {}
        elif not node.is_map:
            return f"'{name}' cannot be set: {show(node)} stands there"
        elif (
            (in_list or len(trail) >= 2)
            and name not in node.value
            and len(node.value) == 1
            and names.is_object(str(name))
        ):
            node.value, node.keys = {}, {}  # another object takes its place
        if not words:
            node.value[name], node.keys[name] = value, value.mark
            return None
        trail, in_list = (*trail, str(name)), False
        if name not in node.value:
            default = names.defaults.get(".".join(trail))
            holder: Node = Node({}, value.mark, {}, "--set")
            if isinstance(default, list) and words[0].isdecimal():
                holder = from_plain(default)
            elif isinstance(default, str) and _is_argument(default, words[0], names):
                holder = Node(default, value.mark, {}, "default")
            node.value[name], node.keys[name] = holder, value.mark
        node = node.value[name]
    return None


def _object(node: Node, word: str, words: list[str], names: Names) -> tuple[str, list[str]] | None:
    """The object that stands at `node`, where the next word is not its name but an argument."""
    if names.is_object(word):
        return None
    if isinstance(node.value, str):
        standing = node.value
    elif node.is_map and len(node.value) == 1 and word not in node.value:
        standing, inner = next(iter(node.value.items()))
        if inner.is_map and word in inner.value:  # of a block: the catalog does not know it
            return str(standing), words
        standing = str(standing)
    else:
        return None
    if standing == word:  # of own code: the catalog does not know it
        return None
    return (standing, words) if _is_argument(standing, word, names) else None


def _is_argument(standing: str, word: str, names: Names) -> bool:
    """Whether a word that is no object's name must be an argument of what stands there."""
    if names.is_object(word):
        return False
    # A class is not among settings and outputs: the word is an argument of it, if a wrong one.
    return names.takes(standing, word) or standing[:1].isupper()


def _key(node: Node, words: list[str]) -> tuple[str | int, list[str]]:
    """The next key: a name may hold dots (`ops.multiply`), a class is a number."""
    if node.is_map:
        for count in range(len(words), 0, -1):
            name = ".".join(words[:count])
            if name in node.value:
                return name, words[count:]
        if words[0].isdecimal() and (int(words[0]) in node.value or not node.value):
            return int(words[0]), words[1:]
    if words[0] == "ops" and len(words) > 1:
        return ".".join(words[:2]), words[2:]
    return words[0], words[1:]
