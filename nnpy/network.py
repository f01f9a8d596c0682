"""The model section → a checked `Network`: steps in order, each with its name and its inputs.

    model:
      - Conv2D: {filters: 32, kernel_size: 3, padding: same, name: stem}
      - Conv2D: {filters: 32, kernel_size: 3, padding: same, name: branch}
      - Add: {from: [stem, branch]}

A step takes the output of the step above it unless `from:` names others, which must stand
above it too: the order of the text is the order of the data, and a cycle cannot be written.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nnpy.catalog import Entry
from nnpy.errors import did_you_mean
from nnpy.source import Mark, Node
from nnpy.values import Checker, KerasObject, show

INPUT = "input"  # what `from:` calls the model's input

Inputs = str | tuple[str, ...] | dict[str, str]


@dataclass(frozen=True)
class Step:
    """One layer: what it is, what it is called, and which tensors it takes.

    `inputs` is the name of a step (or `input`), several of them for a layer that takes a
    list, or `{parameter: name}` for one that takes them by name.
    """

    layer: KerasObject
    name: str
    inputs: Inputs
    path: str
    mark: Mark | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Network:
    """A checked model: `functional` when a step says `from:`, else a plain stack."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    functional: bool
    mark: Mark | None = field(default=None, repr=False)

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)


def read(node: Node, checker: Checker, path: str = "model") -> Network | None:
    """The network that the model section says, or None after a mistake in its form."""
    if not node.is_list:
        checker.error(node, path, f"expected a list of layers, got {show(node)}")
        return None
    if not node.value:
        checker.error(node, path, "the list of layers is empty")
        return None
    return _Reader(checker).network(node, path)


class _Reader:
    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        self.names: dict[str, Mark | None] = {}
        self.later: dict[str, Mark | None] = {}  # names that steps further down will have
        self.used: set[str] = set()
        self.functional = False
        self.dangling = False
        self.automatic: Counter[str] = Counter()

    def network(self, node: Node, path: str) -> Network | None:
        self._collect_names(node)
        steps: list[Step] = []
        previous = INPUT
        for index, item in enumerate(node.value):
            step = self.step(item, f"{path}[{index}]", previous)
            if step is not None:
                steps.append(step)
                previous = step.name
        if not steps:
            return None
        outputs = (previous,)
        for step in steps:
            # A reference that failed may have meant this one.
            if step.name not in self.used and step.name not in outputs and not self.dangling:
                message = f"nothing takes the output of '{step.name}'"
                self.checker.error(step.mark, step.path, message)
        return Network(tuple(steps), outputs, self.functional, node.mark)

    def _collect_names(self, node: Node) -> None:
        """The names that the user gave, so that automatic ones keep clear of them."""
        for item in node.value:
            if item.is_map and len(item.value) == 1:
                arguments = next(iter(item.value.values()))
                name = arguments.value.get("name") if arguments.is_map else None
                if name is not None and isinstance(name.value, str):
                    self.later.setdefault(name.value, name.mark)

    def step(self, node: Node, path: str, previous: str) -> Step | None:
        named = self.checker.name_and_arguments(node, "layer", path)
        if named is None:
            return None
        written, mark, arguments = named
        entry = self.checker.catalog.find("layer", written)
        own = Node({}, mark) if arguments is None else arguments
        source = own.value.get("from")
        constructor = Node(
            {key: value for key, value in own.value.items() if key != "from"},
            own.mark,
            own.keys,
            own.origin,
        )
        if entry is None:
            self.checker.error(mark, path, self.checker.unknown(("layer",), written))
            name = self._name(constructor, written, path)
            self._mark_used(source, previous)
            return Step(KerasObject("layer", written), name, previous, path, mark)
        where = f"{path}.{entry.name}"
        inputs = self._inputs(source, entry, where, previous)
        values = self.checker.arguments(constructor, entry.parameters, where, where=mark)
        name = self._name(constructor, entry.name, where)
        values["name"] = name
        layer = KerasObject("layer", entry.name, values, where, mark)
        return Step(layer, name, inputs, where, mark)

    def _name(self, arguments: Node, class_name: str, path: str) -> str:
        given = arguments.value.get("name")
        if given is not None and isinstance(given.value, str):
            name = given.value
            if name in self.names:
                first = self.names[name]
                where = f" (first on line {first.line})" if first else ""
                self.checker.error(given, f"{path}.name", f"duplicate name '{name}'{where}")
            elif name == INPUT:
                message = "'input' is the name of the model's input; choose another"
                self.checker.error(given, f"{path}.name", message)
            elif "/" in name or not name:
                self.checker.error(given, f"{path}.name", "a name must not be empty or hold '/'")
            self.names[name] = given.mark
            return name
        base = snake_case(class_name)
        while True:
            count = self.automatic[base]
            self.automatic[base] += 1
            name = f"{base}_{count}" if count else base
            if name not in self.names and name not in self.later:
                self.names[name] = None
                return name

    def _mark_used(self, source: Node | None, previous: str) -> None:
        """After an unknown layer: what it would have taken is not reported as unused."""
        if source is None:
            self.used.add(previous)
            return
        for node in source.value if source.is_list else [source]:
            self.used.add(str(node.value))

    def _inputs(self, source: Node | None, entry: Entry, path: str, previous: str) -> Inputs:
        if source is None:
            self.used.add(previous)
            return previous
        self.functional = True
        path = f"{path}.from"
        if isinstance(source.value, str):
            return self._reference(source, path)
        if source.is_list and source.value:
            return tuple(
                self._reference(node, f"{path}[{index}]") for index, node in enumerate(source.value)
            )
        if source.is_map and source.value:
            known = [each.name for each in entry.call]
            for key in source.value:
                if key not in known:
                    message = f"{entry.name} takes no tensor '{key}'{did_you_mean(key, known)}"
                    self.checker.error(source.keys.get(key), path, message)
            return {
                str(key): self._reference(node, f"{path}.{key}")
                for key, node in source.value.items()
            }
        message = f"expected the name of a step or a list of names, got {show(source)}"
        self.checker.error(source, path, message)
        return previous

    def _reference(self, node: Node, path: str) -> str:
        name: Any = node.value
        if isinstance(name, str) and (name == INPUT or name in self.names):
            self.used.add(name)
            return name
        if not isinstance(name, str):
            message = f"expected the name of a step, got {show(node)}"
        elif name in self.later:
            mark = self.later[name]
            where = f" on line {mark.line}" if mark else ""
            message = f"'{name}' stands further down{where}; a step takes what is above it"
        else:
            known = [*self.names, INPUT]
            message = f"no step is named '{name}'{did_you_mean(name, known)}"
        self.dangling = True
        self.checker.error(node, path, message)
        return INPUT


def snake_case(name: str) -> str:
    """`GlobalAveragePooling2D` → `global_average_pooling2d`, as Keras names its layers."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
