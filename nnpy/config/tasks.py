"""What a training is to answer, against its loss, its metrics and the model's last layer.

Classes are held against them by `nnpy.config.measures`; here are labels of which any may hold at
once, numbers, and the example itself. What the config leaves open is chosen by the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnpy.config.checker import Checker
from nnpy.config.measures import End, counted, fit, named, scale_of
from nnpy.config.network.graph import Network
from nnpy.config.network.tail import Place
from nnpy.config.objects import KerasObject
from nnpy.config.yaml.nodes import Node, from_plain
from nnpy.data import DataInfo, Target, Task
from nnpy.data.targets import target_of

# Loss and metrics where the config says none; those of classes are the settings' own defaults.
_USUAL = {
    Task.LABELS: ("binary_crossentropy", ["binary_accuracy"]),
    Task.NUMBERS: ("mean_squared_error", ["mae"]),
    Task.RECONSTRUCTION: ("mean_squared_error", ["mae"]),
    Task.CLASSES: ("sparse_categorical_crossentropy", ["accuracy"]),
}
# Losses of numbers above 0, which must not be standardized: that would put them around 0.
_OF_AMOUNTS = ("Poisson", "MeanSquaredLogarithmicError", "MeanAbsolutePercentageError")
_NEVER_BELOW = ("relu", "relu6", "softplus", "exponential", "sigmoid", "hard_sigmoid")


def with_defaults(node: Node | None, network: Network | None, info: DataInfo | None) -> Node | None:
    """The training section with loss and metrics by the task, where it leaves them open."""
    if network is None or info is None or (node is not None and not node.is_map):
        return node
    keys = network.output_keys
    tasks = [target_of(info, key).task for key in keys]
    if not {*tasks} & {Task.LABELS, Task.NUMBERS, Task.RECONSTRUCTION}:
        return node
    items = dict(node.value) if node is not None else {}
    chosen = {key: _USUAL.get(task) for key, task in zip(keys, tasks, strict=True)}
    if any(each is None for each in chosen.values()):
        return node
    for index, name in enumerate(("loss", "metrics")):
        given = items.get(name)
        if given is not None and given.value is not None:
            continue
        by_key = {key: each[index] for key, each in chosen.items() if each is not None}
        value: Any = by_key[keys[0]] if len(keys) == 1 else by_key
        items[name] = from_plain(value, "auto: by the task")
    return Node(items, node.mark if node else None, dict(node.keys) if node else {})


def keeps_units(loss: KerasObject | None) -> bool:
    """Whether a loss wants the numbers of the target as they are, not standardized."""
    return named("loss", loss)[0] in _OF_AMOUNTS


def check(
    loss: KerasObject | None,
    metrics: Sequence[KerasObject],
    target: Target,
    place: Place,
    path: str,
    checker: Checker,
) -> list[str]:
    """Holds loss, metrics and last layer of an output that answers with anything but classes
    against its target; returns notes."""
    known = len(checker.problems)
    if loss is not None and (wrong := misfit("loss", loss, target, place.end)):
        checker.error(loss.mark, path, wrong)
    for metric in (each for each in metrics if checker.sound(each.path)):
        wrong = misfit("metric", metric, target, place.end)
        if not wrong and target.task is Task.LABELS:
            wrong = fit(metric, place.end, scale_of(loss, place.end))[1]
        if wrong:
            checker.error(metric.mark, metric.path or "training.metrics", wrong)
    if len(checker.problems) > known:
        return []
    return _check_end(place, target, loss, checker)


def misfit(kind: str, value: KerasObject, target: Target, end: End) -> str:
    """Why a loss or a metric (`kind`) cannot compare answers to this target, or nothing."""
    name, entry = named(kind, value)
    if entry is None and name != "crossentropy":
        return ""
    wants = entry.targets if entry is not None else "classes"
    if name == "Accuracy":
        wants = "classes" if value.explicit or end.units != 1 else "binary"
    if wants in ("groups", "sequences"):
        return f"this {kind} does not compare {_words(target)}"
    if wants == "none":
        return f"this {kind} sums up outputs: it compares nothing with the target"
    if target.task is Task.LABELS:
        return _labels_misfit(kind, name, value, wants, target)
    pixels = target.task is Task.RECONSTRUCTION and name.startswith("Binary")
    if wants in ("classes", "one_hot", "binary") and not (pixels and "entropy" in name):
        instead = "mean_squared_error" if kind == "loss" else "mae"
        return f"this {kind} is for classes, but the target is {_words(target)}; did you mean " + (
            f"'{instead}'?{_if_classes(target)}"
        )
    return ""


def _labels_misfit(kind: str, name: str, value: KerasObject, wants: str, target: Target) -> str:
    instead = "binary_crossentropy" if kind == "loss" else "binary_accuracy"
    many = f"the target is {_words(target)}"
    if wants == "classes":
        return f"this {kind} is for one class for each example, but {many}; use '{instead}'"
    if wants == "one_hot":
        if name in ("F1Score", "FBetaScore"):
            if value.arguments.get("threshold") is not None:
                return ""
            return f"without a threshold only the likeliest label counts, but {many}: set " + (
                "threshold: 0.5"
            )
        return f"this {kind} is for one class for each example, but {many}; use '{instead}'"
    if name == "AUC" and not value.arguments.get("multi_label") and kind == "metric":
        return ""
    return ""


def _if_classes(target: Target) -> str:
    if target.certain or target.task is not Task.NUMBERS:
        return ""
    return " If they are classes, say task: classes in the source"


def _check_end(
    place: Place, target: Target, loss: KerasObject | None, checker: Checker
) -> list[str]:
    """Holds the last layer against the target; returns notes."""
    end, last, step = place.end, place.last, place.units or place.last
    known = target.task in (Task.LABELS, Task.NUMBERS) and target.classes
    if known and end.units is not None and end.units != len(target.classes) and step is not None:
        message = f"the model ends in {counted(end.units)}, but the target is {_words(target)}"
        checker.error(step.mark, step.path, f"{message}: set units: {len(target.classes)}")
        return []
    if end.activation in ("softmax", "log_softmax") and last is not None:
        if target.task is Task.LABELS:
            message = "softmax makes the labels exclude one another, but any of them may hold at "
            checker.error(last.mark, last.path, f"{message}once: use sigmoid")
        elif target.task is Task.NUMBERS:
            message = f"{end.activation} gives shares that sum to 1, but the target is "
            checker.error(last.mark, last.path, f"{message}{_words(target)}: leave it out")
        return []
    line = f"line {last.mark.line}: " if last is not None and last.mark else ""
    if target.task is Task.NUMBERS and end.activation in (*_NEVER_BELOW, "tanh"):
        if not keeps_units(loss):
            limits = "never below 0" if end.activation != "tanh" else "never beyond -1 and 1"
            return [
                f"{line}the model ends in {end.activation}, which is {limits}, but it learns "
                "numbers that are standardized around 0: leave the activation out"
            ]
        return []
    _, entry = named("loss", loss)
    if target.task is Task.LABELS and entry is not None and entry.outputs == "probabilities":
        logits = loss is not None and loss.arguments.get("from_logits", False)
        if logits and end.activation in ("sigmoid", "hard_sigmoid") and last is not None:
            message = f"the loss has from_logits: true, but the model ends in {end.activation}"
            checker.error(last.mark, last.path, f"{message}: leave one of them out")
        elif not logits and end.activation in ("linear", "relu", "tanh"):
            return [
                f"{line}the loss takes probabilities, but the model does not end in sigmoid: add "
                "activation: sigmoid, or set from_logits: true of the loss"
            ]
    return []


def _words(target: Target) -> str:
    return target.words
