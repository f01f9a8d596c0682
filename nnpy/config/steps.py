"""Steps and epochs in the training section: `decay_steps: ${total_steps}`, and what ends too soon.

    training:
      epochs: 20
      optimizer:
        Adam:
          learning_rate:
            CosineDecay: {initial_learning_rate: 0.001, decay_steps: "${total_steps}"}

A schedule of Keras counts steps, not epochs; how many there are depends on the data and the
batch size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnpy.config import computing, stages
from nnpy.config.checker import BROKEN, Checker
from nnpy.config.network.blocks import HOLE
from nnpy.config.network.expressions import calculate
from nnpy.config.objects import KerasObject
from nnpy.config.settings import TrainingSettings, parameters
from nnpy.config.yaml.nodes import Node

_DEFAULTS = {each.name: each.default for each in parameters(TrainingSettings)}
SHORT = 10  # a schedule that ends before one part in so many of the training is worth a word


def counts(examples: int, batch_size: int, epochs: int, steps: int | None = None) -> dict[str, int]:
    """What the arithmetic of the training section may name; `steps` is the config's own count."""
    per_epoch = steps or -(-examples // batch_size)
    return {
        "batch_size": batch_size,
        "epochs": epochs,
        "steps_per_epoch": per_epoch,
        "total_steps": per_epoch * epochs,
    }


def fill(node: Node, examples: int | str, checker: Checker) -> Node:
    """The training section with its arithmetic worked out: `${total_steps // 2}`, `$epochs`.

    `examples` is the number of training examples, or why it is not known.
    """
    if not node.is_map or not any(_holes(node)):
        return node
    known: dict[str, int] = {}
    items = dict(node.value)
    for name in ("batch_size", "epochs", "steps_per_epoch"):  # what the others are counted by
        if name in items:
            items[name] = _filled(items[name], known, "", checker, f"training.{name}")
        given = items[name].value if name in items else _DEFAULTS.get(name)
        if isinstance(given, int) and not isinstance(given, bool):
            known[name] = given
    unknown = ""
    if isinstance(examples, str):
        unknown = examples
    elif known.get("batch_size", 0) > 0 and "epochs" in known:
        known |= counts(
            examples, known["batch_size"], known["epochs"], known.get("steps_per_epoch")
        )
    for name, each in items.items():
        if name == "stages" and each.is_list:
            items[name] = _of_stages(each, known, stages.planned(node), unknown, checker)
            continue
        items[name] = _filled(each, known, unknown, checker, f"training.{name}")
    return Node(items, node.mark, node.keys, node.origin)


def _of_stages(
    node: Node,
    known: Mapping[str, int],
    planned: Sequence[int],
    unknown: str,
    checker: Checker,
) -> Node:
    """Each stage is compiled anew, and its schedule counts from 0: its epochs are its own."""
    members = []
    for index, (each, epochs) in enumerate(zip(node.value, planned, strict=True)):
        own = {**known, "epochs": epochs}
        if "steps_per_epoch" in own:
            own["total_steps"] = own["steps_per_epoch"] * epochs
        members.append(_filled(each, own, unknown, checker, f"{stages.PATH}[{index}]"))
    return Node(members, node.mark, node.keys, node.origin)


def _holes(node: Node) -> Iterator[str]:
    inner = node.value.values() if node.is_map else node.value if node.is_list else ()
    for each in inner:
        yield from _holes(each)
    if isinstance(node.value, str) and HOLE.match(node.value):
        yield node.value


def _filled(
    node: Node, known: Mapping[str, int], unknown: str, checker: Checker, path: str
) -> Node:
    """A copy of a node with its holes filled; `unknown` is why some names have no value."""
    if node.is_map:
        items = {
            key: _filled(each, known, unknown, checker, f"{path}.{key}")
            for key, each in node.value.items()
        }
        return Node(items, node.mark, node.keys, node.origin)
    if node.is_list:
        members = [
            _filled(each, known, unknown, checker, f"{path}[{index}]")
            for index, each in enumerate(node.value)
        ]
        return Node(members, node.mark, node.keys, node.origin)
    match = HOLE.match(node.value) if isinstance(node.value, str) else None
    if match is None:
        return node
    name, expression = match.groups()
    try:
        number = calculate(name or expression, known)
    except ValueError as error:
        message = str(error)
        if "unknown parameter" in message:
            message = message.replace("unknown parameter", "unknown name")
            message += f"; known: {', '.join(known)}" if "did you mean" not in message else ""
            message += f" ({unknown})" if unknown else ""
        checker.error(node, path, message)
        return Node(None, node.mark, {}, BROKEN)
    return Node(number, node.mark, {}, node.origin)


def endings(training: TrainingSettings, examples: int) -> list[str]:
    """A note for each schedule of a training that is over when it has hardly begun."""
    parts = [(each.optimizer, each.epochs) for each in training.stages]
    found = []
    for optimizer, epochs in parts or [(training.optimizer, training.epochs)]:
        known = counts(examples, training.batch_size, epochs, training.steps_per_epoch)
        steps = known["total_steps"]
        found.append(ends_early(optimizer, computing.updates(training, steps)))
        found.append(computing.lost_steps(training, steps))
    return [*filter(None, dict.fromkeys(found))]


def ends_early(optimizer: KerasObject, total_steps: int) -> str:
    """A note where a schedule is over when the training has hardly begun, or nothing."""
    for owner, schedule in _schedules(optimizer):
        every = owner.arguments.get("gradient_accumulation_steps") or 1
        steps = total_steps // every  # the schedule counts the updates of the weights
        end = _end(schedule)
        if end is not None and steps > 0 and end < steps / SHORT:
            line = f"line {schedule.mark.line}: " if schedule.mark else ""
            return (
                f"{line}{schedule.name} ends after {end:,} of {steps:,} steps: a schedule counts "
                "steps, not epochs; ${total_steps} and ${steps_per_epoch} say how many there are"
            )
    return ""


def _schedules(value: KerasObject) -> Iterator[tuple[KerasObject, KerasObject]]:
    """Each schedule of an optimizer, and of one inside of it, with its owner."""
    for each in value.arguments.values():
        if isinstance(each, KerasObject) and each.kind == "schedule":
            yield value, each
        elif isinstance(each, KerasObject) and each.kind == "optimizer":
            yield from _schedules(each)


def _end(schedule: KerasObject) -> int | None:
    """The step after which the rate stays as it is, or is a thousandth; None if there is none."""
    given = schedule.arguments
    steps = _number(given.get("decay_steps"))
    match schedule.name:
        case "CosineDecay" if steps is not None:
            return math.ceil(steps + (_number(given.get("warmup_steps")) or 0))
        case "PolynomialDecay" if steps is not None and not given.get("cycle"):
            return math.ceil(steps)
        case "PiecewiseConstantDecay":
            boundaries = given.get("boundaries")
            last = _number(boundaries[-1]) if isinstance(boundaries, list) and boundaries else None
            return None if last is None else math.ceil(last)
        case "ExponentialDecay" if steps is not None:
            rate = _number(given.get("decay_rate"))
            if rate is not None and 0 < rate < 1:
                return math.ceil(steps * math.log(1e-3) / math.log(rate))
        case "InverseTimeDecay" if steps is not None:
            rate = _number(given.get("decay_rate"))
            if rate is not None and rate > 0:
                return math.ceil(steps * 999 / rate)
    return None


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None
