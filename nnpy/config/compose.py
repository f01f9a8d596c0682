"""A config file, what it extends, and the overrides → one tree of nodes.

What stands later wins: the base file, the file, `--set`. Sections merge key by key; an object
of the same name merges its arguments, one of another name takes its place; so does a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from nnpy.config.checker import show
from nnpy.config.yaml import parse
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import ConfigError, Problem, UsageError, did_you_mean
from nnpy.runs.folder import Run
from nnpy.storage.regular import read_regular

MAX_EXTENDS = 20
_MOST = 4 * parse.MAX_BYTES  # bytes; the limit is one of characters

IsObject = Callable[[str], bool]  # whether a key is the name of an object of Keras


def read_file(path: Path) -> Node:
    """The nodes of a config file. Raises UsageError when it cannot be read."""
    try:
        text = read_regular(path, _MOST)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file{_nearby(path)}") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; name a config file in it") from None
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
            raise _error(base, "a run's config is whole: it extends nothing outside its folder")
        try:
            node = read_file(path)
        except UsageError as error:
            raise _error(base, str(error)) from None
        if path.resolve() in chain:
            raise _error(base, f"'{base.value}' extends this file in its turn: a loop")
        if len(chain) >= MAX_EXTENDS:
            raise _error(base, f"more than {MAX_EXTENDS} files extend one another")
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
        items[key] = merge(items[key], each, is_object, depth + 1) if key in items else each
        keys[key] = over.keys.get(key)
    return Node(items, over.mark, keys, over.origin)


# -- overrides ----------------------------------------------------------------------------


def override(root: Node, overrides: Iterable[str], is_object: IsObject) -> Node:
    """The tree with the value of each `a.b.c=value` in its place."""
    problems = []
    for text in overrides:
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text}: expected KEY=VALUE, such as training.epochs=10")
        if key.strip() == "extends":
            raise UsageError(f"--set {text}: only a file can extend another")
        value = _value(text, len(key) + 1)
        message = _put(root, key.strip().split("."), value, is_object)
        if message:
            problems.append(Problem(message, key, "--set", 1, 1, len(key), source=text))
    if problems:
        raise ConfigError(problems)
    return root


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


def _put(node: Node, words: list[str], value: Node, is_object: IsObject) -> str | None:
    """Sets one value below `node`; the message of what stands in its way, if anything."""
    depth = 0
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
            else:
                node = node.value[int(key)]
            continue
        name, words = _key(node, words)
        if isinstance(node.value, str) and node.value == name:
            node.value = {name: Node({}, node.mark, {}, "--set")}  # a name → with arguments
            node.keys = {name: node.mark}
        elif node.value is None or (isinstance(node.value, str) and is_object(str(name))):
            node.value, node.keys = {}, {}
        elif not node.is_map:
            return f"'{name}' cannot be set: {show(node)} stands there"
        elif (
            depth >= 2 and name not in node.value and len(node.value) == 1 and is_object(str(name))
        ):
            node.value, node.keys = {}, {}  # another object takes its place
        if not words:
            node.value[name], node.keys[name] = value, value.mark
            return None
        if name not in node.value:
            node.value[name], node.keys[name] = Node({}, value.mark, {}, "--set"), value.mark
        node, depth = node.value[name], depth + 1
    return None


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
