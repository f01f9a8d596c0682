"""The section `sweep:` read and checked: each value that it may try is put in its place.

Nothing of a search is found out by the first trial that fails: paths, and the choices and the
ends of ranges, are put into the config one by one, and the whole of it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnpy.config.checker import Checker
from nnpy.config.monitor import Measured, unknown_quantity
from nnpy.config.settings import TrainingSettings
from nnpy.config.sweep.space import Dimension
from nnpy.config.sweep_settings import SweepSettings
from nnpy.config.unknown import KEY
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Node, from_plain
from nnpy.errors import Problem

Put = Callable[[Node, str, Node], str | None]  # sets a value in a tree; says what is in its way
Check = Callable[[Node], Iterable[Problem]]

_MOST = 3  # mistakes that are told of one value
# What a sweep sets by itself, or what would make its trials incomparable.
_TAKEN = {
    "training.seed": "each trial gets a seed of its own, drawn from sweep.seed",
    "data.validation": "trials are compared on the same validation examples",
    "data.validation_split": "trials are compared on the same validation examples",
    "data.test": "trials are compared on the same examples",
    "training.monitor": "trials are compared by sweep.objective",
    "training.monitor_mode": "trials are compared by sweep.objective",
    "sweep": "a sweep does not search its own settings",
    "extends": "only a file can extend another",
    "code": "all trials run the same code",
}


@dataclass(frozen=True)
class SweepPlan:
    """What a checked config says of a sweep.

    `objective` is the measured quantity that counts, `mode` ("min" or "max") its better side;
    `source` is the config as it was written, before anything was worked out, without its sweep.
    """

    settings: SweepSettings
    dimensions: tuple[Dimension, ...]
    objective: str
    mode: str
    source: Node
    node: Node

    def tree(self, values: Mapping[str, Any], put: Put) -> Node:
        """The config as written, with plain values at the paths of dimensions or others."""
        root = self.source.copy()
        for path in in_order(values):
            put(root, path, from_plain(values[path], "sweep"))
        return root


def in_order(paths: Iterable[str]) -> list[str]:
    """What holds others comes first: `training.optimizer` before its `learning_rate`."""
    return sorted(paths, key=lambda path: path.replace("[", ".").count("."))


def check_values(
    dimensions: Sequence[Dimension], source: Node, put: Put, check: Check, checker: Checker
) -> None:
    """Reports what is wrong with the config when it has one of the values that are searched."""
    known = {(each.message, each.file, each.line, each.column) for each in checker.problems}
    for each in dimensions:
        path = each.path.replace("[", ".").replace("]", "")
        taken = next((key for key in _TAKEN if f"{path}.".startswith(f"{key}.")), None)
        if taken:
            checker.error(each.mark, f"sweep.search.{each.path}", f"{_TAKEN[taken]}; leave it out")
            continue
        _check_dimension(each, source, put, check, checker, known)
    _check_overlap(dimensions, source, put, checker)
    _check_choices(dimensions, source, put, checker)


def _check_dimension(
    dimension: Dimension, source: Node, put: Put, check: Check, checker: Checker, known: set
) -> None:
    place = f"sweep.search.{dimension.path}"
    told: list[tuple[Node, list[str]]] = []
    for value in dimension.tried():
        root = source.copy()
        if problem := put(root, dimension.path, value):
            checker.error(dimension.mark, place, problem)
            return
        new = [
            problem
            for problem in check(root)
            if (problem.message, problem.file, problem.line, problem.column) not in known
        ]
        if missing := next((problem for problem in new if problem.code == KEY), None):
            checker.error(dimension.mark, place, missing.message, KEY, missing.suggestion)
            return
        told.append((value, [_within(problem) for problem in new[:_MOST]]))
    if told and told[0][1] and all(messages == told[0][1] for _, messages in told):
        for message in told[0][1]:  # whatever the value is: it is the path
            checker.error(dimension.mark, place, message)
        return
    for value, messages in told:
        for message in messages:
            checker.error(value, place, f"with {show(value)}: {message}")


def _within(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


def _check_overlap(
    dimensions: Sequence[Dimension], source: Node, put: Put, checker: Checker
) -> None:
    """Reports two paths that lead to one place: the value of one would never be seen."""
    root = source.copy()
    values = {each.path: each.tried()[0] for each in dimensions}
    for path in in_order(values):
        if put(root, path, values[path]):
            del values[path]  # told already
    present = {id(node) for node in _nodes(root)}
    for each in dimensions:
        if each.path in values and id(values[each.path]) not in present:
            message = "another path of the search leads to the same place"
            checker.error(each.mark, f"sweep.search.{each.path}", message)


def _check_choices(
    dimensions: Sequence[Dimension], source: Node, put: Put, checker: Checker
) -> None:
    """Reports a choice that another path puts something else in the place of.

    Of `training.optimizer: [Adam, SGD]` with `training.optimizer.SGD.momentum`, Adam would never
    be trained: every trial would have SGD.
    """
    for each in dimensions:
        inner = [other for other in dimensions if other.path.startswith(f"{each.path}.")]
        for choice in each.tried() if each.choices and inner else ():
            root, name = source.copy(), _name(choice)
            put(root, each.path, choice)
            for path in in_order(other.path for other in inner):
                other = next(other for other in inner if other.path == path)
                put(root, path, other.tried()[0])
                if name and _name(choice) != name:
                    message = (
                        f"{path} would put {_name(choice)} in the place of {name}: no trial would "
                        f"have {name}. Leave the name out where all of them take the argument, or "
                        "write each object with its arguments as a choice"
                    )
                    checker.error(choice, f"sweep.search.{each.path}", message)
                    break


def _name(node: Node) -> str:
    """The name of the object that a node writes; "" where it writes none."""
    if node.is_map:
        return str(next(iter(node.value))) if len(node.value) == 1 else ""
    return node.value if isinstance(node.value, str) else ""


def _nodes(root: Node) -> Iterable[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.value.values() if node.is_map else node.value if node.is_list else ()


def check_grid(settings: SweepSettings, dimensions: Sequence[Dimension], checker: Checker) -> None:
    """A grid has what can be counted: choices, whole numbers, steps."""
    for each in dimensions if settings.sampler == "grid" else ():
        if each.count() is None or each.log:
            message = "a grid needs choices, {int: […]} or a step here; or another sampler"
            checker.error(each.nodes[0], f"sweep.search.{each.path}", message)


def check_objective(
    section: Node,
    settings: SweepSettings,
    training: TrainingSettings,
    measured: Measured,
    checker: Checker,
) -> bool:
    """Whether there is an objective; where one is named that cannot be, that is reported."""
    if settings.objective is None:
        return True  # it is known when training.monitor is
    *_, problem = objective_of(settings, training, measured)
    if problem:
        given = section.value.get("objective", section) if section.is_map else section
        checker.error(given, "sweep.objective", problem)
    return not problem


def objective_of(
    settings: SweepSettings, training: TrainingSettings, measured: Measured
) -> tuple[str, str, str]:
    """The quantity that counts and its better side, "min" or "max"; or why there is none."""
    name = str(settings.objective)
    only = {key: way for key, way in measured.directions.items() if key.startswith("val_")}
    if not only:
        return name, "", "no examples are held out to compare trials on: data.validation.split is 0"
    if not name.startswith("val_"):
        return name, "", f"'{name}' is not measured on the validation examples; use 'val_{name}'"
    if measured.lacks(name):
        return name, "", unknown_quantity(name, replace(measured, directions=only))
    if settings.objective_mode != "auto":
        return name, settings.objective_mode, ""
    mode = measured.directions.get(name, "")
    if not mode and name == training.monitor and training.monitor_mode in ("min", "max"):
        mode = training.monitor_mode
    if not mode:
        unknown = f"whether a lower or higher '{name}' is better is unknown"
        return name, "", f"{unknown}: add objective_mode: min or max"
    return name, mode, ""
