"""A model's answers on a split → what they are worth. Importing this module imports Keras."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from nnpy.data import DataInfo, Target
from nnpy.data.files import images
from nnpy.data.standardize import of_target
from nnpy.data.targets import Task, target_of
from nnpy.engine import Engine
from nnpy.evaluation import classification, statistics
from nnpy.evaluation.classification import ClassReport, Mistake, class_report, true_classes
from nnpy.evaluation.labels import LabelsReport, label_probabilities, labels_report
from nnpy.evaluation.numbers import NumbersReport, in_units, numbers_report
from nnpy.evaluation.plane import Plane, plane
from nnpy.evaluation.ranking import Ranking, rank
from nnpy.evaluation.reconstruction import ReconstructionReport, reconstruction_report
from nnpy.evaluation.statistics import Estimate

GALLERY = 24
_BATCH = 4096


@dataclass(frozen=True)
class EvaluationResult:
    """How a model answers on one split.

    What is known of its answers is said in the language of the `task`: in `classes` (and, of two,
    `ranking`), `labels`, `numbers` or `reconstruction`.
    """

    split: str
    examples: int
    metrics: Mapping[str, float]  # loss and the config's metrics
    seconds: float  # of the model's work on the split, compiling included
    outputs: Any  # as the model gives them
    task: Task = Task.UNKNOWN
    truth: np.ndarray | None = None  # (n,) class numbers, for a model that answers with classes
    probabilities: np.ndarray | None = None  # (n, k) likewise
    loss: Estimate | None = None  # with its interval, where the loss of each example is known
    classes: ClassReport | None = None
    ranking: Ranking | None = None
    plane: Plane | None = None  # of a classifier of two numbers
    labels: LabelsReport | None = None
    numbers: NumbersReport | None = None
    reconstruction: ReconstructionReport | None = None
    output: str | None = None  # of several, the one whose answers these are
    others: tuple[EvaluationResult, ...] = ()  # of the outputs that answer other targets
    mistakes: Sequence[Mistake] = ()  # the most confident ones
    notes: tuple[str, ...] = ()  # what could not be found out, and why

    def as_dict(self) -> dict[str, Any]:
        """What is told of them, as plain data for `--json`."""
        told: dict[str, Any] = {
            "split": self.split,
            "examples": self.examples,
            "task": str(self.task),
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "examples_per_second": self.examples / self.seconds if self.seconds else None,
            "loss": vars(self.loss) if self.loss else None,
            "notes": list(self.notes),
        }
        if self.output is not None:
            told["output"] = self.output
        told |= self.scores
        if self.others:
            told["others"] = {
                str(each.output): {"task": str(each.task), **each.scores} for each in self.others
            }
        return told

    @property
    def scores(self) -> dict[str, Any]:
        """The scores of the task, as plain data."""
        told: dict[str, Any] = {}
        for each in (self.classes, self.labels, self.numbers, self.reconstruction):
            told |= each.as_dict() if each is not None else {}
        return told | ({"ranking": self.ranking.as_dict()} if self.ranking else {})


def evaluate(
    model: keras.Model,
    engine: Engine,
    split: Any,
    info: DataInfo,
    prepare: Any,
    *,
    outputs_of: Sequence[Any],
    name: str = "test",
    metrics: Mapping[str, float] | None = None,
) -> EvaluationResult:
    """Everything that is known of the model on a split.

    `outputs_of` has for each output its `name`, `index` and `scale` (`models.ends.Output`). Of
    those that answer the same target the first is looked at in detail, one of classes before
    others. `metrics` may give what `engine.evaluate` gave already. Raises ModelError for outputs
    that are not numbers, or that do not fit the data's classes.
    """
    if metrics is None:
        metrics = engine.evaluate(split)
    began = time.perf_counter()
    outputs = engine.predict(split)
    seconds = time.perf_counter() - began
    found = EvaluationResult(name, len(split), metrics, seconds, outputs)
    arrays = keras.tree.flatten(outputs)
    chosen: dict[str, tuple[Any, Target]] = {}
    for each in outputs_of:
        target = target_of(info, each.name)
        if target.fits(arrays[each.index].shape) and _is_there(split.y, target):
            chosen.setdefault(target.name, (each, target))
    if not chosen:
        return found
    ordered = sorted(chosen.values(), key=lambda pair: pair[1].task is not Task.CLASSES)
    details = [
        _details(found, split, arrays[output.index], output, target, prepare)
        for output, target in ordered
    ]
    if len(arrays) > 1:
        named = [
            replace(one, output=each.name) for one, (each, _) in zip(details, ordered, strict=True)
        ]
        return replace(named[0], others=tuple(named[1:]))
    notes: list[str] = []
    # With several outputs the loss is that of all of them.
    loss = _loss(model, split, arrays[0], prepare, metrics, notes)
    (only,) = details
    if only.truth is not None and only.probabilities is not None:
        answers = only.probabilities.argmax(axis=1)
        only = replace(only, plane=plane(engine, split, only.truth, answers, ordered[0][0].scale))
    return replace(only, loss=loss, notes=tuple(notes))


def _is_there(y: Any, target: Target) -> bool:
    """Whether what is stored can be held against answers."""
    if isinstance(y, dict) and target.name not in y:
        return False
    stored = of_target(y, target)
    return target.task is Task.RECONSTRUCTION or (
        isinstance(stored, np.ndarray) and stored.ndim <= 2
    )


def _details(
    found: EvaluationResult,
    split: Any,
    answers: np.ndarray,
    output: Any,
    target: Target,
    prepare: Any,
) -> EvaluationResult:
    """What is known of the answers of one output to one target."""
    y = of_target(split.y, target)
    if target.task is Task.LABELS:
        probs = label_probabilities(answers, output.scale)
        return replace(found, task=target.task, labels=labels_report(y, probs, target.classes))
    if target.task is Task.NUMBERS:
        given = in_units(answers, target.center, target.spread)
        return replace(found, task=target.task, numbers=numbers_report(y, given, target.classes))
    if target.task is Task.RECONSTRUCTION:
        wanted = np.concatenate([each for _, each in _prepared(split, prepare)])
        return replace(
            found, task=target.task, reconstruction=reconstruction_report(wanted, answers)
        )
    probs, truth = classification.probabilities(answers, output.scale), true_classes(y)
    two = rank(target.classes[1], truth, probs[:, 1]) if len(target.classes) == 2 else None
    return replace(
        found,
        task=target.task,
        truth=truth,
        probabilities=probs,
        classes=class_report(probs, truth, target.classes),
        ranking=two,
        mistakes=most_confident(split.x, probs, truth, target.classes),
    )


def _prepared(split: Any, prepare: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """What the first output of a batch is compared with, batch by batch, and where each begins."""
    for start in range(0, len(split), _BATCH):
        part = split.map(lambda each: np.asarray(each[start : start + _BATCH]))  # noqa: B023
        _, y = prepare(part.x, part.y)
        yield start, np.asarray(keras.tree.flatten(y)[0])


def most_confident(
    x: Any, probs: np.ndarray, truth: np.ndarray, names: Sequence[str], limit: int = GALLERY
) -> tuple[Mistake, ...]:
    """The wrong answers of the highest probability, where the examples are pictures."""
    answers = probs.argmax(axis=1)
    wrong = np.flatnonzero(answers != truth)
    order = wrong[np.argsort(-probs[wrong, answers[wrong]], kind="stable")][:limit]
    found = []
    for i in map(int, order):
        picture = (
            None if isinstance(x, dict | list | tuple) else images.as_picture(np.asarray(x[i]))
        )
        if picture is None:
            return ()
        found.append(
            Mistake(
                index=i,
                picture=picture,
                truth=names[truth[i]],
                answer=names[answers[i]],
                probability=float(probs[i, answers[i]]),
                truth_probability=float(probs[i, truth[i]]),
            )
        )
    return tuple(found)


def _loss(
    model: keras.Model,
    split: Any,
    outputs: np.ndarray,
    prepare: Any,
    metrics: Mapping[str, float],
    notes: list[str],
) -> Estimate | None:
    """The loss with the bootstrap's interval of its mean over the examples.

    None where there is none; `notes` then says why.
    """
    try:
        values = _losses(model, split, outputs, prepare)
    except Exception as error:  # noqa: BLE001 – a loss of somebody's own may fail in any way
        notes.append(
            "the loss has no interval: it cannot be computed for each example on its own "
            f"({type(error).__name__}: {str(error).strip().partition(chr(10))[0]})"
        )
        return None
    if values is None or "loss" not in metrics:
        return None
    if not np.isfinite(values).all():
        notes.append("the loss has no interval: it is not finite for every example")
        return None
    estimate = statistics.bootstrap_mean(values)
    # Penalties on weights are the same for every sample: they move the interval as a whole.
    penalty = float(metrics["loss"]) - estimate.value
    if abs(penalty) > 1e-3 * max(1.0, abs(estimate.value)) and not model.losses:
        notes.append("the loss has no interval: it is not the mean over the examples")
        return None
    return Estimate(
        float(metrics["loss"]), estimate.low + penalty, estimate.high + penalty, estimate.method
    )


def _losses(model: keras.Model, split: Any, outputs: np.ndarray, prepare: Any) -> np.ndarray | None:
    """The loss of each example `(n,)`; None without examples. Raises what the loss raises."""
    loss = model.loss
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        loss = type(loss).from_config({**loss.get_config(), "reduction": None})
    parts = []
    for start, y in _prepared(split, prepare):
        given = outputs[start : start + _BATCH]
        if given.shape[1:] == (1,):  # as Keras does: (n,) and (n, 1) would be broadcast
            y = y.reshape(-1, 1)
        parts.append(np.asarray(loss(y, given)).reshape(len(given), -1).mean(axis=1))
    return np.concatenate(parts) if parts else None
