"""YAML text → nodes that remember where they were written, and plain values → YAML text.

Values are those of the core schema of YAML 1.2 (`scalars`), with the merge key `<<` of YAML
1.1; a key that stands twice is an error. Nothing here can be made to run code, and what a
small file can cost is bounded: no recursion over the text, limits on size, depth and on what
aliases expand to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from nnpy.config.yaml import scalars
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import ConfigError, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 60
MAX_NODES = 100_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str | bytes, file: str, *, origin: str | None = None) -> Node:
    """One YAML document → its tree of nodes (`value` None for an empty document).

    `origin` names where the values come from (default: `file:line`). Raises ConfigError,
    with all duplicate keys at once, for what is not YAML or not safe.
    """
    if isinstance(text, bytes):
        text = _decode(text, file)
    if len(text) > MAX_BYTES:
        raise ConfigError([Problem(f"larger than {MAX_BYTES:,} characters", file=file)])
    composer = _Composer(text, file, origin)
    try:
        try:
            root = composer.compose(_Loader)
        except yaml.scanner.ScannerError as error:
            if "nesting depth" not in (error.problem or ""):
                raise
            # libyaml has a limit of its own since 0.2.6, 1000 levels, and reads so far ahead
            # that it meets it before we see the 61st: PyYAML's own scanner does not.
            composer = _Composer(text, file, origin)
            root = composer.compose(yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(error, composer)]) from None
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, str) else chr(error.character)
        raise ConfigError([_character_problem(character, text, file)]) from None
    except UnicodeEncodeError as error:  # half a character, from a command line that is not UTF-8
        raise ConfigError([_character_problem(text[error.start], text, file)]) from None
    if composer.problems:
        raise ConfigError(composer.problems)
    if _expanded_size(root) > MAX_NODES:
        message = f"aliases expand to more than {MAX_NODES:,} values"
        raise ConfigError([Problem(message, file=file)])
    return root.copy()


class _Composer:
    """Builds nodes from the parser's events with a stack of its own: depth costs no recursion."""

    def __init__(self, text: str, file: str, origin: str | None) -> None:
        self.text, self.file, self.origin = text, file, origin
        self.lines = text.splitlines() or [""]
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}

    def mark(self, start: Any, end: Any) -> Mark:
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        same = end.line == start.line
        stop = end.column if same else len(line.rstrip())
        return Mark(self.file, start.line + 1, start.column + 1, max(1, stop - start.column), line)

    def compose(self, loader: Any) -> Node:
        root = Node(None, Mark(self.file, 1, 1, 1, self.lines[0]), {}, self._origin(1))
        documents = 0
        # The open collections: the node, its children so far, the anchor it gets at its end
        # (only then, so that a collection cannot hold itself).
        stack: list[tuple[Node, list[Node], str | None]] = []
        for event in yaml.parse(self.text, Loader=loader):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    mark = self.mark(event.start_mark, event.end_mark)
                    raise ConfigError(
                        [mark.problem("", "a second YAML document; a config has only one")]
                    )
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(stack) >= MAX_DEPTH:
                    mark = self.mark(event.start_mark, event.end_mark)
                    message = f"nested more than {MAX_DEPTH} levels deep"
                    raise ConfigError([mark.problem("", message)])
                stack.append((self._collection(event), [], event.anchor))
            elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                if isinstance(event, yaml.AliasEvent):
                    node = self._alias(event)
                elif isinstance(event, yaml.ScalarEvent):
                    node, anchor = self._scalar(event), event.anchor
                    if anchor:
                        self.anchors[anchor] = node
                else:
                    node, children, anchor = stack.pop()
                    self._fill(node, children)
                    if anchor:
                        self.anchors[anchor] = node
                if stack:
                    stack[-1][1].append(node)
                else:
                    root = node
        return root

    def _origin(self, line: int) -> str:
        return self.origin or f"{self.file}:{line}"

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            mark = self.mark(event.start_mark, event.end_mark)
            raise ConfigError([mark.problem("", f"undefined alias '*{event.anchor}'")])
        return node

    def _collection(self, event: Any) -> Node:
        mark = self.mark(event.start_mark, event.end_mark)
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._refuse_tag(event.tag, ("map",) if is_map else ("seq",), mark)
        return Node({} if is_map else [], mark, {}, self._origin(mark.line))

    def _scalar(self, event: Any) -> Node:
        mark = self.mark(event.start_mark, event.end_mark)
        return Node(self._scalar_value(event, mark), mark, {}, self._origin(mark.line))

    def _fill(self, node: Node, children: list[Node]) -> None:
        """Puts a closed collection's children in; a mapping's come as key, value, key, …"""
        if node.is_list:
            node.value.extend(children)
            return
        merged: list[Node] = []
        for key_node, value in zip(children[::2], children[1::2], strict=True):
            key, mark = key_node.value, key_node.mark
            assert mark is not None
            if isinstance(key, dict | list):
                self.problems.append(mark.problem("", "a key must be a word or a number"))
                continue
            if not isinstance(key, str | int) or isinstance(key, bool):
                key = mark.text[mark.column - 1 : mark.column - 1 + mark.length]
            if key == "<<":
                merged.extend(value.value if value.is_list else [value])
            elif key in node.value:
                first = node.keys[key]
                where = f" (first on line {first.line})" if first else ""
                self.problems.append(mark.problem("", f"duplicate key '{key}'{where}"))
            else:
                node.value[key], node.keys[key] = value, mark
        for source in merged:
            if not source.is_map:
                assert source.mark is not None
                self.problems.append(source.mark.problem("", "'<<' merges mappings only"))
                continue
            for key, value in source.value.items():
                if key not in node.value:
                    node.value[key], node.keys[key] = value, source.keys[key]

    def _refuse_tag(self, tag: str | None, allowed: tuple[str, ...], mark: Mark) -> None:
        if tag and tag != "!" and tag.removeprefix("tag:yaml.org,2002:") not in allowed:
            raise ConfigError([mark.problem("", f"the YAML tag '{tag}' is not allowed here")])

    def _scalar_value(self, event: Any, mark: Mark) -> Any:
        self._refuse_tag(event.tag, ("str", "int", "float", "bool", "null"), mark)
        text = event.value
        kind = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if kind == "!" or not (kind or event.implicit[0]):  # in quotes, or told to be text
            return text
        try:
            return scalars.tagged(text, kind) if kind else scalars.value_of(text)
        except ValueError:
            message = f"{_shorten(text)} is not a valid {kind or 'int'}"
            raise ConfigError([mark.problem("", message)]) from None


def _expanded_size(root: Node) -> int:
    """How many nodes the tree has once each alias is a copy, counted without copying."""
    sizes: dict[int, int] = {}
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in sizes:
            continue
        children: Iterator[Node] | list[Node] = []
        if node.is_map:
            children = list(node.value.values())
        elif node.is_list:
            children = node.value
        if ready or not children:
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children)
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in children)
    return sizes[id(root)]


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem("not UTF-8 text", file=file, line=line, column=1)
        raise ConfigError([problem]) from None


def _syntax_problem(error: yaml.MarkedYAMLError, composer: _Composer) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = f"invalid YAML: {error.problem or error.context}"
    if mark is None:
        return Problem(message, file=composer.file)
    line = min(mark.line, len(composer.lines) - 1)
    text = composer.lines[line]
    return Problem(message, "", composer.file, line + 1, mark.column + 1, source=text)


def _character_problem(character: str, text: str, file: str) -> Problem:
    """A character that YAML does not allow, such as a control character."""
    before = text[: text.find(character)]
    column = len(before) - (before.rfind("\n") + 1) + 1
    message = f"invalid YAML: the character U+{ord(character):04X} is not allowed"
    return Problem(message, file=file, line=before.count("\n") + 1, column=column)


def _shorten(text: str, limit: int = 40) -> str:
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
