"""Loss, metrics and loss weights of a model with several outputs: one for each, by name.

    training:
      loss: {digit: sparse_categorical_crossentropy, parity: binary_crossentropy}
      metrics: {digit: [accuracy]}
      loss_weights: {digit: 1.0, parity: 0.2}

What is written once, without names, holds for every output; an output whose loss is `null` is not
trained by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.config.checker import Checker
from nnpy.config.objects import KerasObject
from nnpy.config.unknown import unknown_key
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Node

Losses = KerasObject | dict[str, KerasObject]
Metrics = list[KerasObject] | dict[str, list[KerasObject]]

_LOSS = Parameter("loss", types=("loss",))
_LOSS_OR_NONE = Parameter("loss", types=("loss", "null"))
_METRICS = Parameter("metrics", types=("list",), items=("metric",))
_WEIGHT = Parameter("loss_weights", types=("float",), minimum=0)


def losses(node: Node, outputs: Sequence[str], checker: Checker) -> Losses | None:
    """The loss, or the loss of each output."""
    path = "training.loss"
    if _is_object(node, "loss", outputs, checker):
        loss: KerasObject | None = checker.value(node, _LOSS, path)
        return loss if len(outputs) == 1 or loss is None else dict.fromkeys(outputs, loss)
    parameter = _LOSS if len(outputs) == 1 else _LOSS_OR_NONE
    found = _by_output(node, outputs, checker, path, lambda *each: checker.value(*each), parameter)
    for name in outputs:
        if name not in found and not _misspelt(node, outputs):
            message = f"missing loss of the output '{name}'; null for one that has none"
            checker.error(node, path, message)
    if len(outputs) == 1:
        return found[outputs[0]] if found else found
    members = node.value if node.is_list else node.value.values() if node.is_map else ()
    if members and all(each.value is None for each in members):
        checker.error(node, path, "no output has a loss: there is nothing to learn")
    return {name: each for name, each in found.items() if each is not None}


def metrics(
    node: Node, outputs: Sequence[str], checker: Checker, path: str = "training.metrics"
) -> Metrics:
    """The metrics, or those of each output."""
    if not node.is_map:
        given: list[KerasObject] = checker.value(node, _METRICS, path) or []
        return given if len(outputs) == 1 else dict.fromkeys(outputs, given)

    def some(item: Node, parameter: Parameter, where: str) -> Any:
        if not item.is_list:  # one metric needs no list
            item = Node([item], item.mark)
        return checker.value(item, parameter, where)

    found = _by_output(node, outputs, checker, path, some, _METRICS)
    return found.get(outputs[0], []) if len(outputs) == 1 else found


def weighted_metrics(node: Node, outputs: Sequence[str], checker: Checker) -> Metrics:
    """As `metrics`, of those in which examples are weighted."""
    return metrics(node, outputs, checker, "training.weighted_metrics")


def weights(node: Node, outputs: Sequence[str], checker: Checker) -> dict[str, float] | None:
    """How much the loss of each output counts; None where all count the same."""
    path = "training.loss_weights"
    if node.value is None:
        return None
    if len(outputs) == 1:
        checker.error(node, path, "the model has only one output: there is nothing to weight")
        return None
    found = _by_output(node, outputs, checker, path, lambda *each: checker.value(*each), _WEIGHT)
    return {name: found.get(name, 1.0) for name in outputs}


def _is_object(node: Node, kind: str, outputs: Sequence[str], checker: Checker) -> bool:
    """Whether a mapping is one object with its arguments, not a mapping by output."""
    if node.is_list:
        return False
    if not node.is_map or not node.value:
        return True
    keys = [str(key) for key in node.value]
    if any(key in outputs for key in keys):
        return False
    return len(keys) == 1 and (len(outputs) == 1 or checker.catalog.find(kind, keys[0]) is not None)


def _by_output(
    node: Node,
    outputs: Sequence[str],
    checker: Checker,
    path: str,
    read: Callable[[Node, Parameter, str], Any],
    parameter: Parameter,
) -> dict[str, Any]:
    """Output → its value, from a mapping by name or a list in the order of the outputs."""
    found: dict[str, Any] = {}
    if node.is_list:
        if len(node.value) != len(outputs):
            message = f"expected {len(outputs)} values, one per output, got {len(node.value)}"
            checker.error(node, path, message)
            return found
        pairs = zip(outputs, node.value, strict=True)
        return {
            name: read(each, parameter, f"{path}[{index}]")
            for index, (name, each) in enumerate(pairs)
        }
    if not node.is_map:
        known = ", ".join(outputs)
        message = f"expected a mapping of outputs ({known}), got {show(node)}"
        checker.error(node, path, message)
        return found
    for key, each in node.value.items():
        if key not in outputs:
            otherwise = f"; the outputs are {', '.join(outputs)}"
            unknown_key(checker, node, key, path, outputs, word="output", otherwise=otherwise)
        else:
            found[key] = read(each, parameter, f"{path}.{key}")
    return found


def _misspelt(node: Node, outputs: Sequence[str]) -> bool:
    return node.is_list or (node.is_map and any(key not in outputs for key in node.value))


def objects(key: str, node: Node, checker: Checker) -> Any:
    """What is said of a model whose outputs are unknown, where it is not said by output."""
    parameter = {"loss": _LOSS, "metrics": _METRICS, "weighted_metrics": _METRICS}.get(key)
    if parameter is None or (node.is_map and not _names_object(node, key, checker)):
        return None
    return checker.value(node, parameter, f"training.{key}")


def _names_object(node: Node, kind: str, checker: Checker) -> bool:
    name = str(next(iter(node.value), ""))
    return len(node.value) == 1 and checker.catalog.find(kind, name) is not None


READERS: dict[str, Callable[[Node, Sequence[str], Checker], Any]] = {
    "loss": losses,
    "metrics": metrics,
    "weighted_metrics": weighted_metrics,
    "loss_weights": weights,
}
