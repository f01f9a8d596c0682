"""Blocks: a piece of network under a name, with parameters, used like a layer.

    blocks:
      residual:
        parameters: {filters: , stride: 1}      # no value: required; a value: the default
        layers:                                 # `input` is what the block is given
          - Conv2D: {filters: $filters, strides: $stride, kernel_size: 3, padding: same}
          - Conv2D: {filters: "${filters * 4}", kernel_size: 1, name: wide}

A definition is text with holes: each use fills them in and is then read like any other
layers, so that a mistake inside a block is found at its own line, and names where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from nnpy.config.checker import BROKEN, Checker
from nnpy.config.network.expressions import calculate
from nnpy.config.unknown import unknown_key
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import did_you_mean

RESERVED = ("from", "name", "repeat")  # what every use of a block takes
MAX_STEPS = 10_000  # of a model once its blocks are expanded
MAX_VALUES = 200_000  # of all those steps together
MAX_NESTING = 20  # of a block in a block

_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
HOLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{(.*)\})\Z")


@dataclass(frozen=True)
class Block:
    """A definition: its parameters (None where required) and its layers, with holes."""

    name: str
    parameters: dict[str, Node | None]
    layers: Node
    mark: Mark | None = field(default=None, repr=False)


class TooLarge(Exception):
    """The blocks expand to more than any model needs."""


class Budget:
    """What may still be spent on expanding blocks, so that a small file costs little.

    `used` are the names of the blocks that were expanded.
    """

    def __init__(self) -> None:
        self.steps, self.values = MAX_STEPS, MAX_VALUES
        self.used: set[str] = set()

    def spend(self, *, steps: int = 0, values: int = 0) -> None:
        self.steps -= steps
        self.values -= values
        if self.steps < 0:
            raise TooLarge(f"the blocks expand to more than {MAX_STEPS:,} layers")
        if self.values < 0:
            raise TooLarge(f"the blocks expand to more than {MAX_VALUES:,} values")


def definitions(node: Node | None, checker: Checker) -> dict[str, Block]:
    """The `blocks:` section; a definition in a wrong form is reported and left out."""
    blocks: dict[str, Block] = {}
    if node is None or node.value is None:
        return blocks
    if not node.is_map:
        checker.error(node, "blocks", f"expected a mapping of blocks, got {show(node)}")
        return blocks
    for name, item in node.value.items():
        block = _definition(str(name), item, node.keys.get(name), checker)
        if block is not None:
            blocks[block.name] = block
    return blocks


def _definition(name: str, node: Node, mark: Mark | None, checker: Checker) -> Block | None:
    path = f"blocks.{name}"
    if not _NAME.match(name) or name in ("reuse", "Model", "input"):
        checker.error(mark, path, f"a block cannot be named '{name}': expected a word")
        return None
    if checker.catalog.find("layer", name):
        checker.error(mark, path, f"'{name}' is already the name of a layer; choose another name")
        return None
    if not node.is_map:
        message = f"expected a mapping with `layers:` and `parameters:`, got {show(node)}"
        checker.error(node, path, message)
        return None
    known = ("parameters", "layers")
    for key in node.value:
        if key not in known:
            unknown_key(checker, node, key, path, known)
    layers = node.value.get("layers")
    if layers is None:
        checker.error(mark, path, "missing key 'layers'")
        return None
    if not layers.is_list or not layers.value:
        got = "an empty one" if layers.is_list else show(layers)
        checker.error(layers, f"{path}.layers", f"expected a list of layers, got {got}")
        return None
    parameters = _parameters(node.value.get("parameters"), f"{path}.parameters", checker)
    used = set(_names_in(layers))
    for each in parameters:
        if each not in used:
            where = node.value["parameters"].keys.get(each)
            message = f"the block never uses its parameter '{each}'"
            checker.error(where, f"{path}.parameters", message)
    return Block(name, parameters, layers, mark)


def _parameters(node: Node | None, path: str, checker: Checker) -> dict[str, Node | None]:
    if node is None or node.value is None:
        return {}
    if not node.is_map:
        message = f"expected a mapping of names and defaults, got {show(node)}"
        checker.error(node, path, message)
        return {}
    parameters: dict[str, Node | None] = {}
    for key, value in node.value.items():
        name = str(key)
        if not _NAME.match(name):
            checker.error(node.keys.get(key), path, f"'{name}' is not a word")
        elif name in RESERVED:
            message = f"every block already has the argument '{name}'; choose another name"
            checker.error(node.keys.get(key), path, message)
        else:
            parameters[name] = None if value.value is None else value
    return parameters


def bind(
    block: Block, arguments: Node, checker: Checker, path: str, where: Mark | None
) -> dict[str, Node] | None:
    """The value of each parameter at one use; None after a mistake."""
    wrong = False
    given = arguments.value
    for key in given:
        if key not in block.parameters:
            known, owner = (*block.parameters, *RESERVED), f" of the block '{block.name}'"
            unknown_key(checker, arguments, key, path, known, word="parameter", owner=owner)
            wrong = True
    values = {}
    for name, default in block.parameters.items():
        value = given.get(name, default)
        if value is None:
            if not wrong:
                message = f"missing parameter '{name}' of the block '{block.name}'"
                checker.error(where, path, message)
            wrong = True
        else:
            values[name] = value
    return None if wrong else values


@dataclass(frozen=True)
class Filling:
    """One use of a block: the values of its parameters, and what its marks say of the use."""

    values: Mapping[str, Node]
    note: str
    checker: Checker
    budget: Budget

    def fill(self, node: Node, path: str) -> Node:
        """A copy of a block's text with its holes filled."""
        self.budget.spend(values=1)
        mark = self._noted(node.mark)
        if node.is_map:
            keys = {key: self._noted(each) for key, each in node.keys.items()}
            items = {key: self.fill(each, f"{path}.{key}") for key, each in node.value.items()}
            return Node(items, mark, keys, node.origin)
        if node.is_list:
            members = [self.fill(each, f"{path}[{index}]") for index, each in enumerate(node.value)]
            return Node(members, mark, {}, node.origin)
        if not isinstance(node.value, str) or not node.value.startswith("$"):
            return Node(node.value, mark, {}, node.origin)
        filled = _fill_scalar(node.value, self.values)
        if isinstance(filled, str):
            self.checker.error(mark, path, filled)
            return Node(None, mark, {}, BROKEN)
        filled = self._copy(filled)
        if not filled.is_map and not filled.is_list:
            filled.mark = mark  # the line inside the block says what the value is for
        return filled

    def _noted(self, mark: Mark | None) -> Mark | None:
        if mark is None:
            return None
        return replace(mark, note=f"{mark.note}, {self.note}" if mark.note else self.note)

    def _copy(self, node: Node) -> Node:
        self.budget.spend(values=1)
        value = node.value
        if node.is_map:
            value = {key: self._copy(each) for key, each in value.items()}
        elif node.is_list:
            value = [self._copy(each) for each in value]
        return Node(value, node.mark, dict(node.keys), node.origin)


def _fill_scalar(text: str, values: Mapping[str, Node]) -> Node | str:
    """The value of `$name` or `${name * 2}`, or what is wrong with it."""
    match = HOLE.match(text)
    if match is None:
        return f"'{text}' is neither $name nor ${{an expression}}"
    name, expression = match.groups()
    if name is not None:
        if name not in values:
            return f"unknown parameter '${name}'{did_you_mean(name, values)}"
        return values[name]
    try:
        number = calculate(expression, {key: each.value for key, each in values.items()})
    except ValueError as error:
        return str(error)
    return Node(number)


def _names_in(node: Node) -> Iterable[str]:
    if node.is_map:
        for each in node.value.values():
            yield from _names_in(each)
    elif node.is_list:
        for each in node.value:
            yield from _names_in(each)
    elif isinstance(node.value, str) and node.value.startswith("$"):
        yield from re.findall(r"[A-Za-z_]\w*", node.value)
