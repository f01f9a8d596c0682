"""Plain values and nodes → YAML text as a person would write it."""

from __future__ import annotations

import io
from typing import Any

import yaml

from nnpy.config.yaml.nodes import Node
from nnpy.config.yaml.scalars import NUMBER


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


# What `parse` reads as a number must be quoted when it is text. What YAML 1.1 reads as one, or
# as a truth value, is quoted as well: other programs read our files too.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))


def dump(value: Any, *, width: int = 96) -> str:
    """Plain values → YAML that `parse` reads back to the same values.

    Sections are written a key a line; a mapping or list inside them that fits on one line
    is written on one line, as a person would.
    """
    node = _Dumper(io.StringIO(), sort_keys=False).represent_data(value)
    _choose_style(node, 0, width)
    return yaml.serialize(node, Dumper=_Dumper, width=10_000, allow_unicode=True)


def _choose_style(node: yaml.Node, depth: int, width: int, in_list: bool = False) -> None:
    if isinstance(node, yaml.MappingNode):
        children = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    else:
        return
    is_list = isinstance(node, yaml.SequenceNode)
    for child in children:
        _choose_style(child, depth + 1, width, in_list=is_list)
    short = len(_flow(node)) + 4 * depth <= width
    # A layer stays `- Dense: {...}`, a list of layers a line each, a section a key a line.
    is_step = in_list and not is_list and len(children) == 1
    holds_steps = is_list and any(not isinstance(child, yaml.ScalarNode) for child in children)
    is_section = depth == 0 or (depth == 1 and not is_list)
    node.flow_style = not children or (short and not (is_section or holds_steps or is_step))


def _flow(node: yaml.Node) -> str:
    """Roughly the text of a node on one line, to see whether it fits."""
    if isinstance(node, yaml.MappingNode):
        inner = ", ".join(f"{_flow(key)}: {_flow(value)}" for key, value in node.value)
        return "{" + inner + "}"
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(_flow(child) for child in node.value) + "]"
    return str(node.value)


def with_origins(tree: Node) -> str:
    """YAML with each value on a line of its own, and behind it where it comes from."""
    lines = _lines(tree)
    width = min(60, max(len(text) for text, _ in lines))
    return "\n".join(f"{text:<{width}}  # {origin}" if origin else text for text, origin in lines)


def _lines(node: Node) -> list[tuple[str, str]]:
    """The lines of a value in block style, each with its origin."""
    if not node.value or not (node.is_map or node.is_list):
        return [(_scalar_text(node.value), node.origin)]
    lines: list[tuple[str, str]] = []
    if node.is_list:
        for each in node.value:
            (text, origin), *rest = _lines(each)
            lines += [(f"- {text}", origin), *((f"  {text}", origin) for text, origin in rest)]
        return lines
    for key, each in node.value.items():
        inner = _lines(each)
        if each.value and (each.is_map or each.is_list):
            lines.append((f"{_scalar_text(key)}:", ""))
            lines += [(f"  {text}", origin) for text, origin in inner]
        else:
            lines.append((f"{_scalar_text(key)}: {inner[0][0]}", inner[0][1]))
    return lines


def _scalar_text(value: Any) -> str:
    return (
        yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=10_000, allow_unicode=True)
        .removesuffix("\n")
        .removesuffix("\n...")
        .removesuffix("...")
        .strip()
    )
