"""A record of a script's model → the text of its config, with a comment for what is missing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nnpy.config.yaml.dump import dump
from nnpy.config.yaml.nodes import Node
from nnpy.config.yaml.parse import parse

ARRAYS = "arrays.npz"  # stands in a record for the name of the file beside the config

_WIDTH = 96
_ORDER = ("code", "data", "model", "training")


def config_text(title: str, content: Mapping[str, Any], notes: Iterable[Mapping[str, Any]]) -> str:
    """The YAML text of a config; each note (`path`, `text`) stands as a comment at its place.

    A note stands above the key that it is about; where there is no such key, below the section
    that would hold it, or above everything.
    """
    ordered = {key: content[key] for key in _ORDER if content.get(key) not in (None, {})}
    text = dump(ordered)
    lines = text.splitlines()
    tree = parse(text, "config")
    above: dict[int, list[str]] = {}
    for note in notes:
        place, indent = _place(tree, tuple(note["path"]), lines)
        above.setdefault(place, []).extend(_comment(note["text"], indent))
    found = _comment(title, 0)
    for number, line in enumerate(lines):
        found += [*above.get(number, []), line]
    found += above.get(len(lines), [])
    return "\n".join(found) + "\n"


def _place(tree: Node, path: Sequence[str], lines: Sequence[str]) -> tuple[int, int]:
    """Before which line (from 0) a comment on `path` stands, and how far it is indented."""
    if not path:
        return 0, 0
    node, depth = tree, 0
    line = -1
    for key in path:
        if not node.is_map or key not in node.value:
            break
        mark = node.keys.get(key)
        line = (mark.line if mark is not None else line + 1) - 1
        node, depth = node.value[key], depth + 1
    if depth == len(path):
        return line, _indent(lines[line])
    if depth == 0:  # a section that is not there: where it would stand
        later = _ORDER[_ORDER.index(path[0]) + 1 :] if path[0] in _ORDER else ()
        keys = [tree.keys.get(key) for key in later]
        return next((each.line - 1 for each in keys if each is not None), len(lines)), 0
    end = line + 1
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end])):
        end += 1
    return end, 2


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _comment(text: str, indent: int) -> list[str]:
    lead = f"{' ' * indent}# "
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent=lead, subsequent_indent=lead
    )
