"""What no single value of a config shows: settings, network and data that do not go together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnpy.catalog import catalog
from nnpy.config.checker import Checker
from nnpy.config.monitor import Measured, monitor_problem
from nnpy.config.network.graph import Network, Step
from nnpy.config.objects import KerasObject
from nnpy.config.settings import DataSettings, TrainingSettings
from nnpy.config.yaml.nodes import Node
from nnpy.data import DataInfo, registry
from nnpy.errors import DataError

_CLASS_NUMBERS = frozenset(("SparseCategoricalCrossentropy",))
_ONE_HOT = frozenset(
    (
        *("CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalHinge"),
        *("CategoricalGeneralizedCrossEntropy", "KLDivergence"),
    )
)
_QUANTITIES = frozenset(
    (
        *("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "Huber"),
        *("MeanSquaredLogarithmicError", "LogCosh", "Poisson", "CosineSimilarity"),
    )
)
_PROBABILITIES = ("softmax", "sigmoid", "log_softmax")
# Between the last Dense layer and the loss, these keep the number of outputs.
_SAME_SIZE = frozenset(("Activation", "Dropout", "Softmax", "BatchNormalization", "Identity"))


def check_consistency(
    root: Node,
    settings: DataSettings,
    network: Network,
    training: TrainingSettings,
    measured: Measured,
    checker: Checker,
    *,
    to_train: bool = True,
) -> list[str]:
    """Reports what does not go together; returns notes on what is no mistake.

    A network that is not meant `to_train` is not held against the data.
    """

    def place(section: str, key: str) -> Any:
        node = root.value.get(section)
        return node.value.get(key) if node is not None and node.is_map else None

    if training.monitor is not None and (problem := monitor_problem(training, measured)):
        checker.error(place("training", "monitor"), "training.monitor", problem)
    if settings.name == "idx" and settings.path is None:
        where = place("data", "name")
        checker.error(where, "data", "the data set 'idx' needs `path:`, the folder of its files")
    if training.class_weight is not None:
        node = place("training", "class_weight")
        for key, value in node.value.items():
            weight = value.value
            bad = isinstance(weight, bool) or not isinstance(weight, int | float)
            if not isinstance(key, int) or bad or not math.isfinite(weight) or weight < 0:
                message = "expected {class number: weight}, such as {0: 1.0, 1: 5.0}"
                checker.error(node.keys.get(key), "training.class_weight", message)
    if not to_train:
        return []
    _check_batch_size(network, training, checker)
    if isinstance(training.validation_freq, int) and 0 < training.epochs < training.validation_freq:
        message = f"none of the {training.epochs} epochs is validated"
        checker.error(place("training", "validation_freq"), "training.validation_freq", message)
    notes = _stateful(network, training, checker)
    if settings.name is None:
        return [
            *notes,
            "no data are named: the network can be built and drawn; to train it, say in data.name "
            "what it learns from",
        ]
    return notes + _fit(root, settings, network, training, checker)


def _check_batch_size(network: Network, training: TrainingSettings, checker: Checker) -> None:
    for each in network.inputs:
        if each.batch_size not in (None, training.batch_size):
            message = (
                f"the batch size {each.batch_size} is not training.batch_size, which is "
                f"{training.batch_size}"
            )
            checker.error(each.mark, f"{each.path}.batch_size", message)


def _stateful(network: Network, training: TrainingSettings, checker: Checker) -> list[str]:
    """Stateful layers need a fixed batch size, and examples in their order."""
    stateful = [
        step
        for step in network.steps
        if any(arguments.get("stateful") is True for _, arguments in step.iter_layers())
    ]
    if not stateful:
        return []
    for step in stateful:
        if not any(each.batch_size for each in network.inputs):
            message = (
                f"stateful: true needs a fixed batch size: model: {{inputs: {{x: {{batch_size: "
                f"{training.batch_size}}}}}, layers: …}}"
            )
            checker.error(step.mark, step.path, message)
    if training.shuffle:
        return [
            "a stateful layer takes up each batch where the one before ended, but the examples "
            "are shuffled: set training.shuffle: false if their order means something"
        ]
    return []


def _fit(
    root: Node,
    settings: DataSettings,
    network: Network,
    training: TrainingSettings,
    checker: Checker,
) -> list[str]:
    """Whether the data set can feed the network, and the loss fits what it gives."""
    assert settings.name is not None
    try:
        info = registry.info(settings.name, settings.path)
    except DataError:  # the training will say so
        return []
    misfit = data_misfit(network, info)
    if misfit:
        if "data" in root.value and len(network.inputs) == len(network.outputs) == 1:
            given = network.inputs[0]
            checker.error(given.mark or network.mark, given.path or "model", misfit)
            return []
        return [f"{misfit}: it can be built, but not trained on {info.name}"]
    if isinstance(training.loss, KerasObject) and info.classes:
        return _check_loss(training.loss, settings.labels, network, info, checker)
    return []


def takes_one_hot(loss: Any) -> bool:
    """Whether the loss that a config says, as plain data, is for one-hot labels."""
    name = next(iter(loss), "") if isinstance(loss, dict) and len(loss) == 1 else loss
    entry = catalog.load().find("loss", name) if isinstance(name, str) else None
    return entry is not None and entry.name in _ONE_HOT


def data_misfit(network: Network, info: DataInfo) -> str:
    """Why the data set cannot feed the network, or nothing."""
    inputs, outputs = len(network.inputs), len(network.outputs)
    if inputs > 1 or outputs > 1:
        message = (
            f"the model has {inputs} inputs and {outputs} outputs; {info.name} gives one array"
        )
        return message + " and one label for each example"
    shape = network.inputs[0].shape
    if shape is None or _fits(shape, info.shape) or _fits(shape, (*info.shape, 1)):
        return ""
    return f"the model takes the shape {list(shape)}, but {info.name} has {list(info.shape)}"


def _fits(wanted: Sequence[int | None], shape: Sequence[int]) -> bool:
    return len(wanted) == len(shape) and all(
        want in (None, size) for want, size in zip(wanted, shape, strict=True)
    )


def _check_loss(
    loss: KerasObject, labels: str, network: Network, info: DataInfo, checker: Checker
) -> list[str]:
    entry = checker.catalog.find("loss", loss.name)
    name = entry.name if entry and not entry.code else ""

    def wrong(message: str) -> None:
        checker.error(loss.mark, "training.loss", message)

    if name in _CLASS_NUMBERS and labels == "one_hot":
        wrong(
            "this loss expects class indices: use data.labels: sparse, or categorical_crossentropy"
        )
    elif name in _ONE_HOT and labels == "sparse":
        instead = " or the loss sparse_categorical_crossentropy"
        wrong(f"this loss expects one-hot labels: set data.labels to one_hot,{instead}")
    elif name in _QUANTITIES and labels == "sparse":
        wrong(
            "this loss is for regression, but the labels are class indices; did you mean "
            "'sparse_categorical_crossentropy'?"
        )
    elif name == "BinaryCrossentropy" and labels == "sparse" and len(info.classes) > 2:
        wrong(
            f"this loss is for two classes, but {info.name} has {len(info.classes)}; did you mean "
            "'sparse_categorical_crossentropy'?"
        )
    elif name in _CLASS_NUMBERS | _ONE_HOT:
        return _check_end(loss, network, info, checker)
    return []


def _check_end(loss: KerasObject, network: Network, info: DataInfo, checker: Checker) -> list[str]:
    """The last layer against the number of classes, and against `from_logits`."""
    step = network.step(network.outputs[0])
    activation, where = "", step
    while step is not None and step.layer.name in _SAME_SIZE and isinstance(step.inputs, str):
        activation = activation or _activation(step)
        step = network.step(step.inputs)
    if step is None or where is None or step.layer.name != "Dense":
        return []
    activation = activation or _activation(step) or "linear"
    units, classes = step.layer.arguments.get("units"), len(info.classes)
    if isinstance(units, int) and units != classes:
        message = f"the model ends in {units} outputs, but {info.name} has {classes} classes"
        checker.error(step.mark, step.path, message)
    logits = loss.arguments.get("from_logits", False)
    if logits and activation in _PROBABILITIES:
        message = f"the loss has from_logits: true, but the model ends in {activation}"
        checker.error(where.mark, where.path, f"{message}: leave one of them out")
    elif not logits and activation == "linear":
        line = f"line {where.mark.line}: " if where.mark else ""
        message = f"{line}the loss takes probabilities, but the model ends without an activation"
        return [f"{message}: add activation: softmax, or set from_logits: true of the loss"]
    return []


def _activation(step: Step) -> str:
    if step.layer.name == "Softmax":
        return "softmax"
    given = step.layer.arguments.get("activation")
    return given.name if isinstance(given, KerasObject) else ""


# -- names of what is measured ------------------------------------------------------------
