"""The search space of a sweep: what `sweep.search` says of each path.

training.optimizer.Adam.learning_rate: {log: [1.0e-4, 1.0e-2]}
model.1.Dense.units: [64, 128, 256]
training.batch_size: {int: [32, 512], log: true}
model.2.Dropout.rate: {float: [0.0, 0.5], step: 0.1}
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from nnpy.config.checker import Checker
from nnpy.config.unknown import unknown_key
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Mark, Node

FORMS = "expected a list of choices, {float: [LOW, HIGH]}, {int: [LOW, HIGH]} or {log: [LOW, HIGH]}"
_RANGES = ("float", "int", "log")
_MOST_CHOICES = 100
# How others write a range, and what it is here.
_ELSEWHERE = {
    "values": "write the choices as a list: [64, 128]",
    "min": "write {float: [LOW, HIGH]} or {int: [LOW, HIGH]}",
    "lower": "write {float: [LOW, HIGH]} or {int: [LOW, HIGH]}",
    "loguniform": "write {log: [LOW, HIGH]}",
    "uniform": "write {float: [LOW, HIGH]}",
}


@dataclass(frozen=True)
class Dimension:
    """One path of the config and the values that a sweep tries there.

    Either `choices`, plain values, or numbers from `low` to `high`, both included: whole ones
    where `whole`, by their logarithm where `log`, in steps of `step` from `low` where it is given.
    """

    path: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    log: bool = False
    step: float | None = None
    mark: Mark | None = field(default=None, compare=False, repr=False)  # of the path
    nodes: tuple[Node, ...] = field(default=(), compare=False, repr=False)  # choices or ends

    def tried(self) -> list[Node]:
        """The values at which a check looks: each choice, or both ends, with their places."""
        if self.choices:
            return [each.copy() for each in self.nodes]
        values = (self.low, self.high)
        return [Node(value, end.mark) for value, end in zip(values, self.nodes, strict=True)]

    def count(self) -> int | None:
        """How many values there are; None where they cannot be counted."""
        if self.choices:
            return len(self.choices)
        if self.whole:
            return int((self.high - self.low) // (self.step or 1)) + 1
        return int((self.high - self.low) / self.step + 1e-9) + 1 if self.step else None

    def nth(self, index: int) -> Any:
        """The value with that number, from 0, of values that can be counted."""
        if self.choices:
            return self.choices[index]
        value = self.low + index * (self.step or 1)
        return int(value) if self.whole else value

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, to be kept and compared."""
        if self.choices:
            return {"choices": list(self.choices)}
        told: dict[str, Any] = {"int" if self.whole else "float": [self.low, self.high]}
        return (
            told | ({"log": True} if self.log else {}) | ({"step": self.step} if self.step else {})
        )


def words(value: Any) -> str:
    """A value that was tried, for people: `0.001`, `SGD momentum 0.9`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:  # an object with its arguments
        name, arguments = next(iter(value.items()))
        inner = arguments.items() if isinstance(arguments, dict) else ()
        return f"{name} {', '.join(f'{key} {words(each)}' for key, each in inner)}".strip()
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value, default=str)


def read(node: Node | None, checker: Checker) -> tuple[Dimension, ...]:
    """The dimensions of `sweep.search`; what is wrong with them is reported."""
    path = "sweep.search"
    if node is not None and not node.is_map:
        return ()  # told as of any setting
    if node is None or not node.value:
        message = "expected the paths to search, such as training.batch_size: [32, 64, 128]"
        checker.error(node, path, message)
        return ()
    read = [
        _dimension(str(key), each, node.keys.get(key), checker) for key, each in node.value.items()
    ]
    return tuple(each for each in read if each is not None)


def _dimension(path: str, node: Node, mark: Mark | None, checker: Checker) -> Dimension | None:
    place = f"sweep.search.{path}"
    if node.is_list:
        return _choices(path, node, mark, checker)
    if not node.is_map:
        checker.error(node, place, f"{FORMS}, got {show(node)}")
        return None
    known = [name for name in _RANGES if name in node.value and name != "log"]
    form = known[0] if known else "log"
    for key in node.value:
        if key in ("log", "step", form):
            continue
        ranges = () if key in _ELSEWHERE else (*_RANGES, "step")
        otherwise = f"; {_ELSEWHERE.get(key, FORMS)}"
        unknown_key(checker, node, key, place, ranges, otherwise=otherwise)
        return None
    if form not in node.value:
        checker.error(node, place, FORMS)
        return None
    ends = _ends(form, node.value[form], place, checker)
    if ends is None:
        return None
    low, high = ends
    log, step = form == "log", None
    if form != "log" and "log" in node.value:
        log = node.value["log"].value
        if not isinstance(log, bool):
            checker.error(node.value["log"], place, "expected log: true")
            return None
    if "step" in node.value:
        step = node.value["step"].value
        kinds: Any = int if form == "int" else (int, float)
        if isinstance(step, bool) or not isinstance(step, kinds) or not 0 < step <= high - low:
            word = "a whole number" if form == "int" else "a number"
            message = f"expected {word} above 0, at most the range of {high - low:g}, as the step"
            checker.error(node.value["step"], place, message)
            return None
        if log:
            checker.error(node.value["step"], place, "a range by its logarithm has no step")
            return None
        step = step if form == "int" else float(step)
    if log and low <= 0:
        message = f"a range by its logarithm begins above 0, not at {low:g}"
        checker.error(node.value[form].value[0], place, message)
        return None
    nodes = tuple(node.value[form].value)
    return Dimension(path, (), low, high, form == "int", bool(log), step, mark, nodes)


def _choices(path: str, node: Node, mark: Mark | None, checker: Checker) -> Dimension | None:
    place = f"sweep.search.{path}"
    choices = [each.plain() for each in node.value]
    if not 2 <= len(choices) <= _MOST_CHOICES:
        message = f"expected 2 to {_MOST_CHOICES} choices, got {len(choices)}"
        checker.error(node, place, message)
        return None
    for number, each in enumerate(node.value):
        if any(_same(choices[number], other) for other in choices[:number]):
            checker.error(each, place, f"the choice {show(each)} stands twice")
            return None
    return Dimension(path, tuple(choices), mark=mark, nodes=tuple(node.value))


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _ends(form: str, node: Node, place: str, checker: Checker) -> tuple[Any, Any] | None:
    values = [each.value for each in node.value] if node.is_list else []
    kinds = (int,) if form == "int" else (int, float)
    word = "whole numbers" if form == "int" else "numbers"
    if len(values) != 2 or not all(
        isinstance(each, kinds) and not isinstance(each, bool) and math.isfinite(each)
        for each in values
    ):
        checker.error(node, place, f"expected two {word}: {form}: [LOW, HIGH]")
        return None
    low, high = values if form == "int" else map(float, values)
    if not low < high:
        checker.error(node, place, f"expected [LOW, HIGH], but {low:g} is not below {high:g}")
        return None
    return low, high
