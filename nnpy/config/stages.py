"""`training.stages`: a training in parts, each with its own epochs, optimizer and frozen layers.

    training:
      optimizer: {Adam: {learning_rate: 1.0e-3}}
      stages:
        - {epochs: 3, freeze: mobile_net_v3_small}    # the head alone
        - {epochs: 5, learning_rate: 1.0e-4}          # then all of it

In the resolved config each stage has its optimizer in full, and the last one has no epochs: it
goes on up to `training.epochs`, so that this alone makes a training longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from nnpy.catalog.entries import Parameter
from nnpy.config import forms
from nnpy.config.checker import Checker
from nnpy.config.network.graph import Network, Step
from nnpy.config.objects import KerasObject
from nnpy.config.settings import TrainingSettings
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import did_you_mean

PATH = "training.stages"
INHERITED = "training.optimizer"  # the origin of an optimizer that a stage does not say itself
PARAMETERS = (
    Parameter(
        "epochs",
        types=("int",),
        minimum=1,
        doc="Passes over the training set; of the last stage what is left of training.epochs.",
    ),
    Parameter(
        "freeze",
        types=("str", "list", "dict"),
        items=("str",),
        doc="Layers that learn nothing in this stage: a name, names, or {model: its first N "
        "layers, or names}.",
    ),
    Parameter("optimizer", types=("optimizer",), doc="Of this stage; else that of the training."),
    Parameter(
        "learning_rate",
        types=("float", "schedule"),
        minimum=0,
        exclusive_minimum=True,
        doc="Of this stage, with the optimizer of the training.",
    ),
)


@dataclass(frozen=True)
class Freeze:
    """Layers that a stage leaves as they are: by a pattern, or the first `count` of a model."""

    pattern: str
    count: int | None
    path: str
    mark: Mark | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Stage:
    """A part of a training."""

    epochs: int
    optimizer: KerasObject
    freeze: tuple[Freeze, ...]
    path: str
    mark: Mark | None = field(default=None, repr=False)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern names a layer, or a block or a model that holds it."""
    ends = [each.start() for each in re.finditer(r"[./]", path)] + [len(path)]
    return any(fnmatchcase(path[:end], pattern) for end in ends)


def optimizers(training: TrainingSettings) -> list[KerasObject]:
    """Those that train, in their order."""
    return [each.optimizer for each in training.stages] or [training.optimizer]


# -- written out ---------------------------------------------------------------------------


def in_full(training: Node | None, checker: Checker) -> Node | None:
    """The training section with each stage's optimizer, and with the epochs of all of them."""
    stages = _nodes(training)
    if training is None or not stages:
        return training
    items = dict(training.value)
    optimizer = items.get("optimizer") or Node("Adam")
    made = [_with_optimizer(each, optimizer, index, checker) for index, each in enumerate(stages)]
    items["epochs"], made[-1] = _epochs(items.get("epochs"), made, checker)
    where = items["stages"]
    items["stages"] = Node(made, where.mark, where.keys, where.origin)
    return Node(items, training.mark, training.keys, training.origin)


def planned(training: Node) -> list[int]:
    """The epochs of each stage, as far as they are known."""
    stages, total = _nodes(training), _whole(training.value.get("epochs"))
    known = [_whole(each.value.get("epochs")) if each.is_map else 0 for each in stages]
    if known and not known[-1]:
        known[-1] = max(1, total - sum(known))
    return known


def _nodes(training: Node | None) -> list[Node]:
    node = training.value.get("stages") if training is not None and training.is_map else None
    return node.value if node is not None and node.is_list else []


def _whole(node: Node | None) -> int:
    value = node.value if node is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _with_optimizer(stage: Node, optimizer: Node, index: int, checker: Checker) -> Node:
    if not stage.is_map:
        return stage
    items, rate = dict(stage.value), stage.value.get("learning_rate")
    if "optimizer" in items and rate is not None:
        message = "the stage has an optimizer of its own: say the learning rate there"
        checker.error(rate, f"{PATH}[{index}].learning_rate", message)
        del items["learning_rate"]
    elif "optimizer" not in items:
        own = optimizer.copy()
        items["optimizer"] = Node(own.value, own.mark, own.keys, INHERITED)
        if rate is not None and (named := _with_rate(own, rate)):
            items["optimizer"] = named
            del items["learning_rate"]
    return Node(items, stage.mark, stage.keys, stage.origin)


def _with_rate(optimizer: Node, rate: Node) -> Node | None:
    """The optimizer with another learning rate; None where it cannot be read."""
    if optimizer.is_map and {"class_name", "config"} <= {*optimizer.value}:
        optimizer = forms.short_form(optimizer)
    if isinstance(optimizer.value, str):
        optimizer = Node({optimizer.value: Node({})}, optimizer.mark, {}, optimizer.origin)
    if not optimizer.is_map or len(optimizer.value) != 1:
        return None
    (name, given) = next(iter(optimizer.value.items()))
    if given.value is not None and not given.is_map:
        return None
    arguments = Node({**(given.value or {}), "learning_rate": rate}, given.mark, dict(given.keys))
    return Node({name: arguments}, optimizer.mark, optimizer.keys, INHERITED)


def _epochs(epochs: Node | None, stages: Sequence[Node], checker: Checker) -> tuple[Node, Node]:
    """`training.epochs`, and the last stage without its own."""
    own = [each.value.get("epochs") if each.is_map else None for each in stages]
    last = stages[-1]
    for index, (stage, told) in enumerate(zip(stages[:-1], own, strict=False)):
        if stage.is_map and told is None:
            checker.error(stage, f"{PATH}[{index}]", "missing key 'epochs': how many it has")
    if epochs is None and last.is_map and own[-1] is None:
        message = "missing key 'epochs': how many it has, unless training.epochs says how many "
        checker.error(last, f"{PATH}[{len(stages) - 1}]", message + "there are in all")
    counts = [_whole(each) for each in own]
    if any(count < 1 for count in counts[:-1]) or (own[-1] is not None and counts[-1] < 1):
        return epochs or Node(1), last  # told when the stages are read
    words = " + ".join(map(str, counts if own[-1] is not None else counts[:-1]))
    if epochs is not None and own[-1] is not None and _whole(epochs) != sum(counts):
        message = (
            f"the stages have {words} = {sum(counts)} epochs, not {show(epochs)}: leave this out, "
            "or the epochs of the last stage, which then has the rest"
        )
        checker.error(epochs, "training.epochs", message)
    elif epochs is not None and own[-1] is None and _whole(epochs) <= sum(counts):
        message = f"the stages before the last one have {words} epochs: it needs more than these"
        checker.error(epochs, "training.epochs", message)
    if own[-1] is None:
        return epochs or Node(1), last
    rest = {key: each for key, each in last.value.items() if key != "epochs"}
    total = epochs or Node(sum(counts), own[-1].mark, {}, f"stages: {words}")
    return total, Node(rest, last.mark, last.keys, last.origin)


# -- read ----------------------------------------------------------------------------------


def read(training: Node | None, network: Network | None, checker: Checker) -> list[Stage]:
    """The stages of a training section that was written out; mistakes are reported."""
    found: list[Stage] = []
    nodes = _nodes(training)
    counts = planned(training) if training is not None and nodes else []
    for index, (node, epochs) in enumerate(zip(nodes, counts, strict=True)):
        path = f"{PATH}[{index}]"
        if not node.is_map:
            checker.error(node, path, f"expected {{epochs: 3, freeze: …}}, got {show(node)}")
            continue
        told, given = node.value.get("optimizer"), node
        inherited = told is not None and told.origin == INHERITED
        if inherited and not checker.sound("training.optimizer"):  # its mistakes are told already
            rest = {key: each for key, each in node.value.items() if key != "optimizer"}
            given = Node(rest, node.mark, node.keys, node.origin)
        values = checker.arguments(given, PARAMETERS, path, word="key")
        frozen = node.value.get("freeze")
        freeze = list(_freeze(frozen, f"{path}.freeze", checker)) if frozen is not None else []
        if network is not None:
            _check_names(freeze, network, checker)
        if checker.sound(path) and values.get("optimizer") is not None:
            found.append(Stage(epochs, values["optimizer"], tuple(freeze), path, node.mark))
    return found


def _freeze(node: Node, path: str, checker: Checker) -> Iterator[Freeze]:
    if not checker.sound(path):
        return
    if isinstance(node.value, str):
        yield Freeze(node.value, None, path, node.mark)
    for index, each in enumerate(node.value if node.is_list else ()):
        yield Freeze(each.value, None, f"{path}[{index}]", each.mark)
    for name, each in node.value.items() if node.is_map else ():
        where, value, key = f"{path}.{name}", each.value, node.keys.get(name) or node.mark
        if value is True:
            yield Freeze(str(name), None, where, key)
        elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
            yield Freeze(str(name), value, where, key)
        elif isinstance(value, list) and all(isinstance(one.value, str) for one in value):
            for one in value:
                yield Freeze(f"{name}/{one.value}", None, where, one.mark)
        else:
            message = f"expected true, a number of layers or a list of names, got {show(each)}"
            checker.error(each, where, message)


def _check_names(freeze: Sequence[Freeze], network: Network, checker: Checker) -> None:
    """Reports what names no layer, as far as the layers are known before they are built."""
    known, opaque = [], []
    for path, step in _layers(network):
        known.append(path)
        if step.layer.kind == "application" or step.layer.code:
            opaque.append(path)
    for each in freeze:
        if any(matches(each.pattern, path) for path in known):
            continue
        depths = ((path, each.pattern.split("/")) for path in opaque)
        if any(
            len(parts) > path.count("/") + 1
            and fnmatchcase(path, "/".join(parts[: path.count("/") + 1]))
            for path, parts in depths
        ):
            continue
        checker.error(each.mark, each.path, unknown(each.pattern, known))


def unknown(pattern: str, known: Sequence[str]) -> str:
    """What is said of a name that no layer bears."""
    names = list(dict.fromkeys(end for path in known for end in _prefixes(path)))
    hint = did_you_mean(pattern, names)
    if not hint:
        hint = f"; there are {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
    return f"no layer is named '{pattern}'{hint}"


def _prefixes(path: str) -> Iterator[str]:
    for each in re.finditer(r"[./]", path):
        yield path[: each.start()]
    yield path


def _layers(network: Network, prefix: str = "") -> Iterator[tuple[str, Step]]:
    for step in network.steps:
        if step.layer.kind == "op":
            continue
        yield f"{prefix}{step.name}", step
        if step.network is not None:
            yield from _layers(step.network, f"{prefix}{step.name}/")


def notes(training: Node | None, network: Network | None) -> Iterator[str]:
    """What is no mistake and yet unlikely to be meant."""
    stages = _nodes(training)
    if training is None or not stages:
        return
    for step in network.steps if network else ():
        if step.layer.kind == "application" and step.layer.arguments.get("freeze"):
            line = f"line {step.mark.line}: " if step.mark else ""
            yield (
                f"{line}what the layer itself freezes is frozen in every stage; for one that "
                f"learns later, say `freeze: {step.name}` in the stages before"
            )
    own = [each.value["optimizer"].origin != INHERITED for each in stages]
    if "optimizer" in training.value and all(own):
        yield "training.optimizer is not used: each stage has one of its own"
