"""What no single value of a config shows: settings, network and data that do not go together."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nnpy.catalog import catalog
from nnpy.config import augmentation, computing, data_section, measures, steps, tasks
from nnpy.config.checker import Checker
from nnpy.config.measures import End, Labels, scale_of
from nnpy.config.monitor import Measured, monitor_problem
from nnpy.config.network import applications
from nnpy.config.network.graph import Network, Step
from nnpy.config.network.ranks import check_axes
from nnpy.config.network.tail import Place, end_of
from nnpy.config.objects import KerasObject
from nnpy.config.settings import DataSettings, TrainingSettings
from nnpy.config.sharing import check_sharing
from nnpy.config.yaml.nodes import Node
from nnpy.data import DataInfo, Task
from nnpy.data.targets import target_of

_WITH_VOCABULARY = ("StringLookup", "IntegerLookup", "TextVectorization")


def check_consistency(
    root: Node,
    settings: DataSettings,
    network: Network | None,
    training: TrainingSettings,
    measured: Measured,
    checker: Checker,
    info: DataInfo | None,
    *,
    data_is_given: bool = True,
    to_train: bool = True,
) -> list[str]:
    """Reports what does not go together; returns notes on what is no mistake.

    Each thing is looked at where it was read without a mistake, whatever else is wrong; `network`
    is None where it could not be read. `info` is None where the data cannot be looked at. A model
    that does not fit the data of a config that names none (`data_is_given`) may be for others:
    that is a note. A network that is not meant `to_train` is not held against the data.
    """

    def place(section: str, key: str) -> Any:
        node = root.value.get(section)
        return node.value.get(key) if node is not None and node.is_map else None

    sound = checker.sound
    if training.monitor is not None and sound("training.monitor", "training.monitor_mode"):
        known = training.monitor in measured.directions
        known = known or measured.lacks(training.monitor)
        known = known or (network is not None and sound("training.metrics"))
        if known and (problem := monitor_problem(training, measured)):
            checker.error(place("training", "monitor"), "training.monitor", problem)
    if training.class_weight is not None and sound("training.class_weight"):
        _check_class_weight(place("training", "class_weight"), info, checker)
    check_sharing(network, training, place("training", "distribute"), checker)
    computing.check(training, place("training", "accumulate_steps"), checker)
    if network is not None and sound("model.inputs"):
        check_axes(network, info if to_train else None, checker)
        applications.check_pictures(network, info if to_train else None, checker)
    if not to_train:
        return []
    counted = sound("training.validation_freq", "training.epochs")
    freq = training.validation_freq
    first = min((each for each in freq if each), default=0) if isinstance(freq, list) else freq
    if counted and 0 < training.epochs < first:
        message = f"none of the {training.epochs} epochs is validated"
        checker.error(place("training", "validation_freq"), "training.validation_freq", message)
    notes = augmentation.check(settings, network, info, checker)
    if network is not None and sound("training.batch_size"):
        _check_batch_size(network, training, checker)
        _check_learnt(network, checker)
        notes += _stateful(network, training, checker)
    if settings.name is None:
        return [
            *notes,
            "no data are named: the network can be built and drawn; to train it, say in data.name "
            "what it learns from",
        ]
    if info is None or network is None:
        return notes
    return notes + _fit(settings, network, training, checker, info, data_is_given)


def _check_class_weight(node: Node, info: DataInfo | None, checker: Checker) -> None:
    if not node.is_map:  # balanced
        if info is not None and not info.classes:
            asked = " and ".join(each.words for each in info.targets)
            message = f"only classes have weights, but the target is {asked}"
            checker.error(node, "training.class_weight", message)
        return
    for key, value in node.value.items():
        weight = value.value
        bad = isinstance(weight, bool) or not isinstance(weight, int | float)
        wrong = isinstance(key, bool) or not isinstance(key, int)
        if wrong or bad or not math.isfinite(weight) or weight < 0:
            message = "expected {class number: weight}, such as {0: 1.0, 1: 5.0}"
            checker.error(node.keys.get(key), "training.class_weight", message)
        elif info is not None and not info.classes:
            asked = " and ".join(each.words for each in info.targets)
            message = f"only classes have weights, but the target is {asked}"
            checker.error(node.keys.get(key), "training.class_weight", message)
        elif info is not None and not 0 <= key < len(info.classes):
            message = f"{info.name} has no class {key}: its {len(info.classes)} classes are "
            message += f"0 to {len(info.classes) - 1}"
            checker.error(node.keys.get(key), "training.class_weight", message)


def _check_batch_size(network: Network, training: TrainingSettings, checker: Checker) -> None:
    for each in network.inputs if checker.sound("model.inputs") else ():
        if each.batch_size not in (None, training.batch_size):
            message = (
                f"the batch size {each.batch_size} is not training.batch_size, which is "
                f"{training.batch_size}"
            )
            checker.error(each.mark, f"{each.path}.batch_size", message)


def _check_learnt(network: Network, checker: Checker) -> None:
    """What a layer must be told, because it cannot learn it here."""
    for step in network.steps:
        given = step.layer.arguments
        if step.layer.code or step.reuse or not checker.sound(step.path):
            continue
        if step.layer.name == "Discretization" and not step.adapt:
            if given.get("bin_boundaries") is None:
                message = "it has no boundaries: give bin_boundaries, or set adapt: true, which "
                message += "takes them from the training examples"
                checker.error(step.mark, step.path, message)
        elif step.layer.name in _WITH_VOCABULARY and given.get("vocabulary") is None:
            message = "it has no vocabulary: give vocabulary, a list or a file"
            checker.error(step.mark, step.path, message)


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
        stated = any(each.batch_size for each in network.inputs)
        if not stated and checker.sound("model.inputs"):
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
    settings: DataSettings,
    network: Network,
    training: TrainingSettings,
    checker: Checker,
    info: DataInfo,
    data_is_given: bool,
) -> list[str]:
    """Whether the data set can feed the network, and losses and metrics fit what it gives."""
    sound = checker.sound
    misfit = data_misfit(network, info) if sound("model.inputs", "model.takes") else ""
    if misfit:
        if data_is_given and len(network.inputs) == len(network.outputs) == 1:
            given = network.inputs[0]
            checker.error(given.mark or network.mark, given.path or "model", misfit)
            return []
        return [f"{misfit}: it can be built, but not trained on {info.name}"]
    notes: list[str] = []
    several = len(network.outputs) > 1
    # What does not fit the data of a config that names none may be for others.
    own = checker if data_is_given or not several else Checker(checker.catalog)
    if sound("data.labels", "model.outputs"):
        notes += check_measures(network, training, settings.labels, info, own)
    if own is not checker and own.problems:
        first = own.problems[0].message
        return [f"{first}: the model can be built, but not trained on {info.name}"]
    rescale = settings.rescale
    if not isinstance(rescale, float):
        rescale, _ = data_section.decided_rescale(network, info)
    if sound("data.rescale") and not any(_may_scale(step, checker) for step in network.steps):
        notes += data_section.check_ranges(network, info, rescale, checker)
    notes += [
        f"{_line(step)}{step.layer.name} does nothing: it has neither mean and variance nor "
        "adapt: true, which takes them from the training examples"
        for step in network.steps
        if step.layer.name == "Normalization"
        and not step.layer.code
        and not step.adapt
        and step.layer.arguments.get("mean") is None
    ]
    if checker.problems:
        return notes  # what follows are notes, which are for a config without mistakes
    examples = data_section.examples(settings, info)
    if isinstance(examples, str):
        return notes
    return notes + steps.endings(training, examples)


def _may_scale(step: Step, checker: Checker) -> bool:
    """Whether a step with a mistake may be meant to scale its input."""
    place = _place(step)
    if checker.sound(place):
        return False
    name = checker.sound.meant.get(place, step.layer.name)
    return name in ("Rescaling", "Normalization", "Pipeline", "?", "") or step.layer.kind != "layer"


def _tells(step: Step, checker: Checker) -> bool:
    """Whether what decides the form of a step's output was read without a mistake."""
    telling = ("units", "activation", "from", "return_sequences", "layers", "outputs")
    return all(
        wrong.startswith(step.path)
        and re.split(r"[.\[]", wrong[len(step.path) + 1 :])[0] not in telling
        for wrong in checker.sound.under(_place(step))
    )


def _place(step: Step) -> str:
    """The path of the item of the list that a step is, as an unknown layer's mistake has it."""
    return step.path[: step.path.rindex("]") + 1] if "]" in step.path else step.path


def takes_one_hot(loss: Any) -> bool:
    """Whether the loss that a config says, as plain data, is for one-hot labels."""
    name = next(iter(loss), "") if isinstance(loss, dict) and len(loss) == 1 else loss
    entry = catalog.load().find("loss", name) if isinstance(name, str) else None
    return entry is not None and entry.targets == "one_hot"


def data_misfit(network: Network, info: DataInfo) -> str:
    """Why the data set cannot feed the network, or nothing.

    Inputs and targets go by name where the data have several; several outputs may share the only
    target.
    """
    nested = network.gives is not None and not network.output_names and len(network.outputs) > 1
    if network.takes is not None or nested:
        return f"the model's inputs or outputs are nested; {info.name} gives one array"
    if info.targets[0].task is Task.UNKNOWN and info.targets[0].why:
        return f"{info.name}: {info.targets[0].why}"
    if len(info.targets) > 1:
        names = [each.name for each in info.targets]
        strange = [key for key in network.output_keys if key not in names]
        if strange:
            return (
                f"the model has the output '{strange[0]}', but {info.name} has the targets "
                f"{', '.join(names)}: name the outputs so, model: {{outputs: {{{names[0]}: …}}}}"
            )
    if info.inputs and (len(info.inputs) > 1 or len(network.inputs) > 1):
        return _inputs_misfit(network, info)
    if len(network.inputs) > 1:
        message = f"the model has {len(network.inputs)} inputs and {len(network.outputs)} outputs"
        return f"{message}; {info.name} gives one array and one label for each example"
    shape = network.inputs[0].shape
    if (
        shape is None
        or not info.shape
        or _fits(shape, info.shape)
        or _fits(shape, (*info.shape, 1))
    ):
        return ""
    return f"the model takes the shape {list(shape)}, but {info.name} has {list(info.shape)}"


def _inputs_misfit(network: Network, info: DataInfo) -> str:
    """As `data_misfit`, of data that give several arrays by name."""
    known = ", ".join(f"{name} {list(part.shape)}" for name, part in info.inputs.items())
    for each in network.inputs:
        part = info.inputs.get(each.name)
        if part is None:
            return f"the model takes '{each.name}', but {info.name} gives {known}"
        shape = each.shape
        if shape and not (_fits(shape, part.shape) or _fits(shape, (*part.shape, 1))):
            return f"the model takes {each.name} {list(shape)}, but {info.name} gives {known}"
    return ""


def _fits(wanted: Sequence[int | None], shape: Sequence[int]) -> bool:
    return len(wanted) == len(shape) and all(
        want in (None, size) for want, size in zip(wanted, shape, strict=True)
    )


# -- losses and metrics --------------------------------------------------------------------


def check_measures(
    network: Network,
    training: TrainingSettings,
    form: str,
    info: DataInfo,
    checker: Checker,
    ends: Sequence[End] | None = None,
) -> list[str]:
    """Holds losses and metrics against the labels and the model's outputs; returns notes.

    `form` is that of the labels ("sparse", "one_hot"); `ends` is what Keras has built, where it
    has: before, what can be known of the last layers.
    """
    notes: list[str] = []
    several = len(network.outputs) > 1
    for index, (output, key) in enumerate(zip(network.outputs, network.output_keys, strict=True)):
        target = target_of(info, key)
        if target.task is Task.UNKNOWN or (target.task is Task.CLASSES and not target.classes):
            continue
        labels = Labels(form, len(target.classes), info.name)
        place = end_of(network, output)
        if not all(_tells(step, checker) for step in place.seen):
            place = Place(End())  # what it would be without the mistake is not known
        if ends is not None:
            built = ends[index]
            place = replace(place, end=End(built.units, built.activation or place.end.activation))
        loss, metrics = training.loss_of(key), training.metrics_of(key)
        keyed = f"training.loss.{key}" if isinstance(training.loss, dict) else "training.loss"
        is_told = checker.sound(keyed) or checker.sound(loss.path if loss else keyed)
        if target.task is not Task.CLASSES:
            notes += tasks.check(loss if is_told else None, metrics, target, place, keyed, checker)
            continue
        if loss is not None and is_told:
            notes += _check_loss(loss, labels, place, f".{key}" if several else "", checker)
        scale = scale_of(loss, place.end) if is_told else None
        _, known = measures.named("loss", loss)
        tells = known is not None and known.targets not in ("groups", "sequences")
        for metric in (each for each in metrics if checker.sound(each.path)):
            wrong = measures.misfit("metric", metric, labels, place.end)
            wrong = wrong or measures.fit(metric, place.end, scale)[1]
            wrong = wrong or _cannot_be_run(metric, training, form)
            if not wrong and not tells:  # the loss would have told of the number of outputs
                wrong = measures.wrong_columns(metric, labels, place.end)
            if wrong:
                checker.error(metric.mark, metric.path or "training.metrics", wrong)
    return notes


def _cannot_be_run(metric: KerasObject, training: TrainingSettings, form: str) -> str:
    """Why Keras fails at a metric in the midst of a step, or nothing."""
    if metric.arguments.get("num_regressors") and training.execution != "eager":
        return "num_regressors works with training.execution: eager only"
    name, _ = measures.named("metric", metric)
    weighted = metric.path.startswith("training.weighted_metrics") and training.class_weight
    if name == "BinaryIoU" and weighted and form == "one_hot":
        return "this metric takes no weights with one-hot labels: name it in training.metrics"
    return ""


def _check_loss(
    loss: KerasObject, labels: Labels, place: Place, key: str, checker: Checker
) -> list[str]:
    wrong = measures.misfit("loss", loss, labels, place.end)
    if wrong:
        checker.error(loss.mark, f"training.loss{key}", wrong)
        return []
    end, last, step = place.end, place.last, place.units or place.last
    _, entry = measures.named("loss", loss)
    known = entry is not None and entry.targets in ("classes", "one_hot", "binary", "numbers")
    if known and step is not None and end.units is not None:
        assert entry is not None
        one = labels.form == "sparse" and entry.targets in ("binary", "numbers")
        if not one and end.units != labels.classes:
            message = measures.wrong_number(end, labels)
            checker.error(step.mark, step.path, message)
    if end.units == 1 and end.activation in ("softmax", "log_softmax") and last is not None:
        message = f"{end.activation} over one output is always the same; use sigmoid"
        checker.error(last.mark, last.path, message)
        return []
    mistake, note = measures.doubts(loss, end)
    if mistake and last is not None:
        checker.error(last.mark, last.path, mistake)
    return [f"{_line(last)}{note}"] if note else []


def _line(step: Step | None) -> str:
    return f"line {step.mark.line}: " if step is not None and step.mark else ""
