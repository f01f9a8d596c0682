"""Losses and metrics against the labels and the last layer: what each compares, and what it gets.

    scale = scale_of(loss, end)                      # what the outputs are: logits, probabilities …
    fitted, wrong = fit(metric, end, scale)  # its threshold or from_logits set

What each of Keras's losses and metrics wants is in the catalog; what an own one wants is unknown,
and nothing is said of it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry
from nnpy.config.objects import KerasObject

# What the outputs are: probabilities, logits of a softmax or of sigmoids, scores whose sign
# is the answer, or estimates of the numbers 0 and 1.
PROBABILITIES, SOFTMAX, SIGMOID, MARGINS = "probabilities", "softmax", "sigmoid", "margins"
NUMBERS = "numbers"

_PROBABLE = frozenset(("softmax", "sigmoid", "hard_sigmoid"))
_INSTEAD = {  # of labels in the other form
    "CategoricalCrossentropy": "sparse_categorical_crossentropy",
    "CategoricalAccuracy": "accuracy",
    "TopKCategoricalAccuracy": "SparseTopKCategoricalAccuracy",
    "SparseCategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalAccuracy": "accuracy",
    "SparseTopKCategoricalAccuracy": "TopKCategoricalAccuracy",
    "BinaryAccuracy": "accuracy",
    "BinaryCrossentropy": "sparse_categorical_crossentropy",
    "BinaryFocalCrossentropy": "sparse_categorical_crossentropy",
    "Accuracy": "accuracy",
}
_TWO_AXES = frozenset(("F1Score", "FBetaScore", "R2Score"))  # of the labels too: (n, columns)


@dataclass(frozen=True)
class Labels:
    """The labels of a data set in the form that the config asks for: "sparse" or "one_hot"."""

    form: str
    classes: int
    data: str  # the name of the data set


@dataclass(frozen=True)
class End:
    """One output of a model; None for what is not known."""

    units: int | None = None
    activation: str | None = None  # "linear" for none


def scale_of(loss: KerasObject | None, end: End) -> str | None:
    """What a model's output is: the loss says it, else the last activation; None if neither does.

    Never the values: the same output would be one thing in one batch and another in the next.
    """
    name, entry = named("loss", loss)
    if entry is not None and entry.parameter("from_logits") and loss is not None:
        if not loss.arguments.get("from_logits", False):
            return PROBABILITIES
        return SIGMOID if entry.targets == "binary" else SOFTMAX
    if name == "crossentropy":
        return PROBABILITIES
    if end.activation in _PROBABLE:
        return PROBABILITIES
    if entry is not None and entry.outputs == "margins":
        return MARGINS
    if end.activation is None:
        return None
    if end.activation == "log_sigmoid":
        return None  # neither: its exponential would be the probability
    if entry is not None and entry.targets == "numbers" and end.units == 1:
        return NUMBERS
    # The softmax of the logarithms of probabilities is the probabilities: log_softmax too.
    return SIGMOID if end.units == 1 else SOFTMAX


def named(kind: str, value: KerasObject | None) -> tuple[str, Entry | None]:
    """The class that an object names and its entry; ("", None) for the user's own."""
    if value is None or value.code:
        return "", None
    entry = catalog.load().find(kind, value.name)
    return (entry.name, entry) if entry is not None and not entry.code else ("", None)


def misfit(kind: str, value: KerasObject, labels: Labels, end: End) -> str:
    """Why a loss or a metric (`kind`) cannot compare these labels with this output, or nothing."""
    name, entry = _resolved(kind, value, labels, end)
    if entry is None:
        return ""
    shown = f"this {kind}"
    sparse = labels.form == "sparse"
    two = sparse and labels.classes == 2 and end.units in (1, None)
    match entry.targets:
        case "one_hot" if sparse:
            return _one_hot_wanted(kind, name, shown)
        case "classes" | "groups" if not sparse and value.arguments.get("sparse_y_true", True):
            return _numbers_wanted(name, shown, entry)
        case "binary" if sparse and labels.classes > 2:
            message = f"{shown} is for two classes, but {labels.data} has {labels.classes}"
            if name in _INSTEAD:
                return f"{message}; did you mean '{_INSTEAD[name]}'?"
            return f"{message}; set data.labels to one_hot to have each compared by itself"
        case "binary" if sparse and not two:
            message = f"{shown} compares one output with the class numbers 0 and 1"
            return f"{message}, but the model ends in {end.units}; set data.labels to one_hot"
        case "numbers" if sparse and not two:
            message = f"{shown} is for regression, but the labels are class indices"
            if kind == "loss":
                return f"{message}; did you mean 'sparse_categorical_crossentropy'?"
            return f"{message}; set data.labels to one_hot to compare them with probabilities"
        case "sequences":
            return f"{shown} takes a sequence of labels; {labels.data} has one for each example"
        case "none":
            return f"{shown} sums up outputs: it compares nothing with the labels"
    if sparse and name in _TWO_AXES:
        return f"{shown} takes labels with a column for each output; set data.labels to one_hot"
    return _wrong_arguments(kind, name, value, labels, end)


def _resolved(kind: str, value: KerasObject, labels: Labels, end: End) -> tuple[str, Entry | None]:
    """The class of an object; of `accuracy` and `crossentropy` the one that Keras chooses."""
    name, entry = named(kind, value)
    if value.explicit or name not in ("Accuracy", "crossentropy"):
        return name, entry
    if end.units == 1:
        prefix = "Binary"
    elif end.units is None:
        return "", None
    else:
        prefix = "SparseCategorical" if labels.form == "sparse" else "Categorical"
    name = prefix + name.title()
    return name, catalog.load().find(kind, name)


def _one_hot_wanted(kind: str, name: str, shown: str) -> str:
    if kind == "loss":
        message = "expects one-hot labels: set data.labels to one_hot, or use"
        return f"{shown} {message} the loss sparse_categorical_crossentropy"
    message = f"{shown} expects one-hot labels, but the labels are class indices"
    if name in _INSTEAD:
        return f"{message}; did you mean '{_INSTEAD[name]}'?"
    return f"{message}; set data.labels to one_hot, and the loss to categorical_crossentropy"


def _numbers_wanted(name: str, shown: str, entry: Entry) -> str:
    if entry.parameter("sparse_y_true"):
        return (
            f"{shown} expects class indices, but the labels are one-hot; set sparse_y_true: false"
        )
    message = f"{shown} expects class indices"
    if entry.kind == "loss":
        return f"{message}: use data.labels: sparse, or categorical_crossentropy"
    return (
        f"{message}, but the labels are one-hot; did you mean '{_INSTEAD.get(name, 'accuracy')}'?"
    )


def _wrong_arguments(kind: str, name: str, value: KerasObject, labels: Labels, end: End) -> str:
    """What does not fit the number of classes, or what the output is."""
    arguments, units = value.arguments, end.units
    shown = f"this {kind}"
    known = end.activation is not None
    if name == "Accuracy" and known:
        message = "compares each output itself with its label: 0.98 is not 1"
        return f"{shown} {message}; did you mean 'accuracy'?"
    if "num_classes" in arguments and arguments["num_classes"] != labels.classes:
        count = arguments["num_classes"]
        return f"num_classes is {count}, but {labels.data} has {labels.classes} classes"
    if name in ("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU") and known:
        if units == 1:
            return f"{shown} takes a column for each class; did you mean 'BinaryIoU'?"
        if arguments.get("sparse_y_pred", not name.startswith("OneHot")):
            message = "expects class indices as outputs, but the model ends in one for each class"
            return f"{shown} {message}; set sparse_y_pred: false"
        if labels.form == "sparse" and not arguments.get("sparse_y_true", True):
            return f"{shown} has sparse_y_true: false, but the labels are class indices"
    if units == 1 and kind == "metric" and name.startswith("Sparse"):
        message = "takes a column for each class, but the model ends in one output"
        if name == "SparseCategoricalCrossentropy":
            return f"{shown} {message}; the loss binary_crossentropy is logged as 'loss'"
        return f"{shown} {message}; did you mean 'accuracy'?"
    if kind == "metric" and name == "BinaryCrossentropy" and labels.form == "sparse":
        message = "takes labels with a column for each output, which class indices have not"
        return f"{shown} {message}; the loss binary_crossentropy is logged as 'loss'"
    axis = arguments.get("axis")
    beyond = [each for each in (axis if isinstance(axis, list) else [axis]) if _is_beyond(each)]
    if beyond:
        return f"axis is {beyond[0]}, but outputs have two axes: 0 is the batch, 1 the classes"
    column = arguments.get("class_id")
    if isinstance(column, int) and units is not None and not 0 <= column < units:
        return f"class_id is {column}, but the model ends in {units} outputs, counted from 0"
    if name == "AUC" and arguments.get("num_labels") and not arguments.get("multi_label"):
        return "num_labels is for several labels: set multi_label: true, or leave it out"
    weights = arguments.get("label_weights")
    if isinstance(weights, list) and units is not None and len(weights) != units:
        return f"label_weights has {len(weights)} numbers, but the model ends in {counted(units)}"
    if name == "AUC" and arguments.get("multi_label"):
        if labels.form == "sparse":
            return f"{shown} takes a column for each label; set data.labels to one_hot"
        count = arguments.get("num_labels")
        if count is not None and units is not None and count != units:
            return f"num_labels is {count}, but the model ends in {units} outputs"
    top = arguments.get("top_k")
    if isinstance(top, int) and units is not None and top > units:
        return f"top_k is {top}, but the model ends in {counted(units)}"
    k = arguments.get("k", 5)
    if "TopK" in name and isinstance(k, int) and k >= labels.classes:
        where = f"k is {k}" if "k" in arguments else f"k is {k} unless it is told"
        return f"{where}: among {labels.classes} classes the answer is always found"
    return ""


def _is_beyond(axis: Any) -> bool:
    """Whether a value is an axis that labels and outputs, of the shape (n, columns), lack."""
    return isinstance(axis, int) and not isinstance(axis, bool) and not -2 <= axis <= 1


def counted(units: int | None) -> str:
    return "1 output" if units == 1 else f"{units} outputs"


def wrong_columns(metric: KerasObject, labels: Labels, end: End) -> str:
    """Why the number of columns does not fit, of a model whose loss does not tell; or nothing."""
    _, entry = _resolved("metric", metric, labels, end)
    if entry is None or end.units is None:
        return ""
    columns = f"the model ends in {counted(end.units)}, but {labels.data} has {labels.classes}"
    if labels.form != "sparse" and entry.targets in ("one_hot", "binary", "numbers"):
        return "" if end.units == labels.classes else f"{columns} classes, which it compares"
    if entry.targets == "classes" and entry.outputs == "distribution":
        return "" if end.units >= labels.classes else f"{columns} classes"
    return ""


def wrong_number(end: End, labels: Labels) -> str:
    """That a model has not one output for each class, and what else two classes may have."""
    message = (
        f"the model ends in {counted(end.units)}, but {labels.data} has {labels.classes} classes"
    )
    if end.units == 1 and labels.classes == 2 and end.activation not in ("softmax", "log_softmax"):
        return f"{message}: set units: 2, or training.loss: binary_crossentropy"
    return message


# -- outputs that are no probabilities ------------------------------------------------------


def fit(metric: KerasObject, end: End, scale: str | None) -> tuple[KerasObject, str]:
    """The metric with what it must be told of the output, and why it cannot measure it, if so.

    `accuracy` of a logit counts from 0, not from 0.5; AUC is told of logits; and so on.
    """
    name, entry = named("metric", metric)
    if entry is None:
        return metric, ""
    if name == "Accuracy" and not metric.explicit:
        if end.units != 1:
            return metric, ""  # the class of the largest output, whatever the scale
        name = "BinaryAccuracy"
        entry = catalog.load().find("metric", name)
        assert entry is not None
    wanted = entry.outputs
    arguments = metric.arguments
    if scale == PROBABILITIES and arguments.get("from_logits"):
        return metric, "from_logits is true, but the loss and the model give probabilities"
    if scale in (None, PROBABILITIES):
        return metric, ""
    if wanted == "ranking" and arguments.get("threshold") is not None:
        message = f"a threshold is for probabilities, but the outputs are {_words(scale)}"
        return metric, f"{message}: leave it out to have the largest output counted"
    if wanted not in ("probabilities", "distribution"):
        return metric, ""
    assert scale is not None
    if "from_logits" in arguments and not arguments["from_logits"]:
        return metric, f"from_logits is false, but the outputs are {_words(scale)}"
    if entry.parameter("from_logits") and _takes(name, wanted, scale):
        return _told(metric, name, from_logits=True), ""
    if arguments.get("top_k") is not None:
        return metric, ""  # of which only the order counts
    threshold = next((each for each in ("threshold", "thresholds") if entry.parameter(each)), None)
    if threshold and name != "AUC" and scale == NUMBERS:
        return metric, ""  # of 0 and 1: what lies nearer
    if threshold and name != "AUC" and scale != SOFTMAX:
        wrong = _literal(arguments.get(threshold), scale)
        if wrong:
            return metric, wrong
        if arguments.get(threshold) is None:
            return _told(metric, name, **{threshold: 0.0}), ""
        return metric, ""
    ending = "softmax" if scale == SOFTMAX else "sigmoid"
    advice = f"let the model end in {ending}, and leave from_logits out of the loss"
    if scale in (MARGINS, NUMBERS):
        advice = "it fits a loss of probabilities, such as binary_crossentropy"
    return metric, f"this metric takes probabilities, but the outputs are {_words(scale)}: {advice}"


def _takes(name: str, wanted: str, scale: str) -> bool:
    """Whether `from_logits` of a metric means logits of this kind."""
    if wanted == "distribution":
        return scale == SOFTMAX
    # The area under the curve asks for an order only, which a sigmoid keeps.
    return scale == SIGMOID or (scale in (MARGINS, NUMBERS) and name == "AUC")


def _literal(value: Any, scale: str | None) -> str:
    """Why a threshold that was written for probabilities would mean something else."""
    values = value if isinstance(value, list) else [value]
    inside = [each for each in values if isinstance(each, int | float) and 0 < each < 1]
    if not inside:
        return ""
    message = f"{inside[0]:g} is a threshold of probabilities, but the outputs are {_words(scale)}"
    return f"{message}: leave it out to have them counted from 0, or let the model end in sigmoid"


def _told(metric: KerasObject, name: str, **arguments: Any) -> KerasObject:
    """The metric with further arguments; it is logged as before."""
    logged = {} if metric.explicit else {"name": metric.name}
    return dataclasses.replace(
        metric, name=name, explicit=True, arguments={**logged, **metric.arguments, **arguments}
    )


def _words(scale: str | None) -> str:
    return {MARGINS: "scores around 0", NUMBERS: "estimates of 0 and 1"}.get(scale or "", "logits")


def doubts(loss: KerasObject, end: End) -> tuple[str, str]:
    """What does not fit between a loss and the last activation: (a mistake, a note)."""
    _, entry = named("loss", loss)
    wants = entry.outputs if entry is not None else ""
    if wants == "margins" and end.activation in _PROBABLE:
        message = f"the loss takes scores around 0, but the model ends in {end.activation}"
        return "", f"{message}, which is never below 0: leave it out, or use tanh"
    if end.activation is None or wants not in ("distribution", "probabilities"):
        return "", ""
    assert entry is not None
    logits = loss.arguments.get("from_logits", False)
    if logits and end.activation in (*_PROBABLE, "log_softmax"):
        message = f"the loss has from_logits: true, but the model ends in {end.activation}"
        return f"{message}: leave one of them out", ""
    if logits or end.activation in _PROBABLE:
        if not logits and wants == "distribution" and end.activation != "softmax":
            return "", (
                f"the loss takes probabilities that sum to 1, but the model ends in "
                f"{end.activation}, one for each output: use softmax, or binary_crossentropy"
            )
        return "", ""
    last = "without an activation" if end.activation == "linear" else f"in {end.activation}"
    activation = "softmax" if wants == "distribution" else "sigmoid"
    message = f"the loss takes probabilities, but the model ends {last}: "
    told = f"add activation: {activation}"
    if entry.parameter("from_logits"):
        told += ", or set from_logits: true of the loss"
    return "", message + told


# -- metrics that give several numbers -------------------------------------------------------


def columns(metric: KerasObject, classes: Sequence[str]) -> tuple[str, ...]:
    """What is added to a metric's name for each of the numbers that it gives; () for one number.

    A score for each class bears the names of the classes ("f1_score_ankle_boot"), one for each
    threshold its place in the list ("precision_0").
    """
    name, entry = named("metric", metric)
    if entry is None:
        return ()
    arguments = metric.arguments
    if name in ("F1Score", "FBetaScore") and arguments.get("average") is None:
        return class_columns(classes)
    if name == "R2Score" and "class_aggregation" in arguments:
        return class_columns(classes) if arguments["class_aggregation"] is None else ()
    thresholds = arguments.get("thresholds")
    if name != "AUC" and isinstance(thresholds, list) and len(thresholds) > 1:
        return tuple(map(str, range(len(thresholds))))
    return ()


def class_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """The classes as parts of names: words where they stay apart, else their numbers."""
    words = tuple(re.sub(r"\W+", "_", each).strip("_").lower() for each in classes)
    if "" in words or len(set(words)) < len(words):
        return tuple(map(str, range(len(classes))))
    return words
