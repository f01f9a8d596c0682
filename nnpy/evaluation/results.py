"""A model's answers on a split → what they are worth. Importing this module imports Keras."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from nnpy.data import DataInfo
from nnpy.data.files import images
from nnpy.data.targets import Task, task_of
from nnpy.engine import Engine
from nnpy.evaluation import classification, statistics
from nnpy.evaluation.classification import ClassReport, Mistake, class_report, true_classes
from nnpy.evaluation.statistics import Estimate

GALLERY = 24


@dataclass(frozen=True)
class EvaluationResult:
    """How a model answers on one split."""

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
    output: str | None = None  # of several, the one whose answers these are
    mistakes: Sequence[Mistake] = ()  # the most confident ones
    notes: tuple[str, ...] = ()  # what could not be found out, and why

    def as_dict(self) -> dict[str, Any]:
        """What is told of them, as plain data for `--json`."""
        told: dict[str, Any] = {
            "split": self.split,
            "examples": self.examples,
            "task": self.task,
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "examples_per_second": self.examples / self.seconds if self.seconds else None,
            "loss": vars(self.loss) if self.loss else None,
            "notes": list(self.notes),
        }
        if self.output is not None:
            told["output"] = self.output
        return told | (self.classes.as_dict() if self.classes else {})


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

    `outputs_of` has for each output its `name`, `index` and `scale` (`models.ends.Output`); the
    first that answers with classes is looked at in detail. `metrics` may give what
    `engine.evaluate` gave already. Raises ModelError for outputs that are not numbers, or that
    do not fit the data's classes.
    """
    if metrics is None:
        metrics = engine.evaluate(split)
    began = time.perf_counter()
    outputs = engine.predict(split)
    seconds = time.perf_counter() - began
    found = EvaluationResult(name, len(split), metrics, seconds, outputs)
    arrays = keras.tree.flatten(outputs)
    tasks = {each.name: task_of(info, arrays[each.index].shape) for each in outputs_of}
    chosen = next((each for each in outputs_of if tasks[each.name] is Task.CLASSES), None)
    if chosen is None or not isinstance(split.y, np.ndarray) or split.y.ndim > 2:
        return found
    answers = arrays[chosen.index]
    probs = classification.probabilities(answers, chosen.scale)
    truth = true_classes(split.y)
    notes: list[str] = []
    return EvaluationResult(
        name,
        len(split),
        metrics,
        seconds,
        outputs,
        task=Task.CLASSES,
        truth=truth,
        probabilities=probs,
        # With several outputs the loss is that of all of them.
        loss=_loss(model, split, answers, prepare, metrics, notes) if len(arrays) == 1 else None,
        classes=class_report(probs, truth, info.classes),
        mistakes=most_confident(split.x, probs, truth, info.classes),
        output=chosen.name if len(arrays) > 1 else None,
        notes=tuple(notes),
    )


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
    for start in range(0, len(split), 4096):
        stop = start + 4096
        _, y = prepare(np.asarray(split.x[start:stop]), split.y[start:stop])
        y = keras.tree.flatten(y)[0]
        given = outputs[start:stop]
        if given.shape[1:] == (1,):  # as Keras does: (n,) and (n, 1) would be broadcast
            y = np.asarray(y).reshape(-1, 1)
        parts.append(np.asarray(loss(y, given)).reshape(len(given), -1).mean(axis=1))
    return np.concatenate(parts) if parts else None
