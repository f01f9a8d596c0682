"""What a model itself answers, against which its exports are held. Imports Keras."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.data import DataInfo, Preprocessing, Split
from nnpy.data.targets import Task, task_of
from nnpy.engine import Engine
from nnpy.errors import ModelError
from nnpy.evaluation import classification
from nnpy.models import ends
from nnpy.models.ends import Output

_BATCH = 1024
_ROUNDS = 20


@dataclass(frozen=True)
class Reference:
    """The answers of a model to the examples of a split, and what they are worth."""

    split: str
    examples: Split
    outputs: dict[str, np.ndarray]  # by the outputs' names
    task: Task
    answer: str | None  # the output that answers with classes
    milliseconds: float  # of one example, alone


def answers(
    model: keras.Model,
    engine: Engine,
    preprocessing: Preprocessing,
    split: tuple[str, Split],
    outputs_of: Sequence[Output],
    info: DataInfo,
) -> Reference:
    """Runs the model on a split."""
    name, examples = split
    arrays = [np.asarray(each) for each in keras.tree.flatten(engine.predict(examples))]
    outputs = {each.name: arrays[each.index] for each in outputs_of}
    tasks = {each.name: task_of(info, outputs[each.name].shape, each.name) for each in outputs_of}
    answer = next((each for each, task in tasks.items() if task is Task.CLASSES), None)
    task = Task.CLASSES if answer is not None else info.targets[0].task
    return Reference(name, examples, outputs, task, answer, _time(model, preprocessing, examples))


def score(
    reference: Reference,
    found: Mapping[str, np.ndarray],
    model: keras.Model,
    preprocessing: Preprocessing,
    outputs_of: Sequence[Output],
) -> tuple[str, float, float] | None:
    """What the score is called, and its value for the model's answers and those `found`.

    Accuracy for classes; for a model that gives its input back (by its shape, where the data ask
    for classes), the mean squared error; else the model's own loss. None where there is none of
    them.
    """
    before = reference.outputs
    if reference.answer is not None and isinstance(reference.examples.y, np.ndarray):
        truth = classification.true_classes(reference.examples.y)
        scale = next(each.scale for each in outputs_of if each.name == reference.answer)
        both = [_accuracy(each[reference.answer], truth, scale) for each in (before, found)]
        return "accuracy", both[0], both[1]
    given = preprocessing.inputs(reference.examples.first(1).x)
    name, only = next(iter(before.items()))
    gives_back = len(before) == 1 and getattr(given, "shape", ())[1:] == only.shape[1:]
    if gives_back and reference.task not in (Task.NUMBERS, Task.LABELS):
        both = [_error(each[name], reference, preprocessing) for each in (before, found)]
        return "squared error", both[0], both[1]
    if not _comparable(reference.examples.y, before):
        return None
    try:
        both = [
            _loss(each, reference, model, preprocessing, outputs_of) for each in (before, found)
        ]
    except Exception:  # noqa: BLE001 – a loss of somebody's own may fail in any way
        return None
    return "loss", both[0], both[1]


def _comparable(y: Any, outputs: Mapping[str, np.ndarray]) -> bool:
    """Whether targets may be what the outputs are compared to: else they would be broadcast."""
    targets = [np.shape(each) for each in keras.tree.flatten(y)]
    shapes = [each.shape for each in outputs.values()]
    return all(
        any(shape == target or len(shape) - len(target) in (0, 1) for target in targets)
        for shape in shapes
    )


def _error(outputs: np.ndarray, reference: Reference, preprocessing: Preprocessing) -> float:
    """The mean squared difference between outputs and inputs."""
    total, count = 0.0, len(outputs)
    for start in range(0, count, _BATCH):
        stop = start + _BATCH
        part = reference.examples.map(lambda each: each[start:stop])  # noqa: B023
        x = np.asarray(preprocessing.inputs(part.x))
        total += float(((outputs[start:stop] - x) ** 2).sum())
    return total / outputs.size


def _accuracy(outputs: np.ndarray, truth: np.ndarray, scale: str | None) -> float:
    try:
        probabilities = classification.probabilities(outputs, scale)
    except ModelError:  # they are no numbers
        return float("nan")
    return float((probabilities.argmax(axis=1) == truth).mean())


def _loss(
    outputs: Mapping[str, np.ndarray],
    reference: Reference,
    model: keras.Model,
    preprocessing: Preprocessing,
    outputs_of: Sequence[Output],
) -> float:
    """The mean of the model's loss over the examples."""
    names = [each.name for each in sorted(outputs_of, key=lambda each: each.index)]
    structure = ends.structure(model)
    total, count = 0.0, len(reference.examples)
    for start in range(0, count, _BATCH):
        stop = min(start + _BATCH, count)
        part = reference.examples.map(lambda each: each[start:stop])  # noqa: B023
        x, y = preprocessing(part.x, part.y)
        flat = {name: tf.convert_to_tensor(outputs[name][start:stop]) for name in names}
        given: Any = flat if isinstance(structure, tuple) else list(flat.values())
        given = given[0] if structure is None else given
        value = model.compute_loss(x, y, given, training=False)
        total += float(value) * (stop - start)
    return total / max(count, 1)


def _time(model: keras.Model, preprocessing: Preprocessing, examples: Split) -> float:
    """The milliseconds that one example takes, as a compiled function."""
    size = model.inputs[0].shape[0] or 1
    x = preprocessing.inputs(examples.map(lambda each: each[:size]).x)
    call: Any = tf.function(lambda x: model(x, training=False))
    call(x)
    spent = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        keras.tree.map_structure(np.asarray, call(x))
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent)) / size
