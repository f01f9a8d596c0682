"""Everything that the page of a run tells, as plain facts."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from nnpy.evaluation.classification import ClassReport
from nnpy.evaluation.plane import Plane
from nnpy.evaluation.statistics import Estimate
from nnpy.models.summary import LayerRow
from nnpy.report import figures
from nnpy.report.figures import Mistake

if TYPE_CHECKING:  # it imports Keras, which a page does without
    from nnpy.evaluation.results import EvaluationResult


@dataclass(frozen=True)
class Evaluation:
    """How the model answers on one split."""

    split: str  # "test"
    examples: int
    metrics: Mapping[str, float]  # loss and the config's metrics, as summary.json has them
    loss: Estimate | None = None  # with its interval, where the loss of each example is known
    classes: ClassReport | None = None  # None for a model that does not answer with classes
    mistakes: Sequence[Mistake] = ()  # the most confident ones
    answers: Sequence[EvaluationResult] = ()  # of each output that answers a target of its own
    plane: Plane | None = None  # of a classifier of two numbers


def suffix(found: EvaluationResult) -> str:
    """What the names of the figures of one of several outputs end in."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in found.output or "")
    return f"-{plain[:60]}" if plain else ""


def _of_task(found: EvaluationResult) -> dict[str, Figure]:
    """The figures of answers that are no classes, and of two classes, by name."""
    name, made = suffix(found), {}
    if found.numbers is not None:
        names = [each.name for each in found.numbers.numbers]
        truth, answers = found.numbers.truth, found.numbers.answers
        made[f"predicted{name}"] = figures.predicted(truth, answers, names)
        made[f"residuals{name}"] = figures.residuals(truth, answers, names)
    if found.labels is not None:
        made[f"labels{name}"] = figures.label_bars(found.labels)
        made[f"ranking{name}"] = figures.ranking(found.labels.rankings)
    if found.ranking is not None:
        made[f"ranking{name}"] = figures.ranking([found.ranking])
    if found.reconstruction is not None and figures.are_pictures(found.reconstruction.pairs):
        made[f"pairs{name}"] = figures.pairs(found.reconstruction.pairs)
    return made


@dataclass(frozen=True)
class Contents:
    """Everything that a page tells. Only the name is needed; what is absent is left out."""

    name: str
    status: str = ""
    date: str = ""
    config: str = ""  # YAML
    command: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)  # name, counts, shape, source, digests
    facts: Mapping[str, str] = field(default_factory=dict)  # for the headline: device, time, …
    versions: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    monitor: str = "val_loss"
    stages: Sequence[Mapping[str, Any]] = ()  # of the training, as summary.json has them
    averaged: bool = False  # whether the weights are the optimizer's moving averages
    layers: Sequence[LayerRow] = ()
    diagram: str | None = None  # SVG
    weights: np.ndarray | None = None
    augmented: np.ndarray | None = None  # (2, n, h, w, …) of 0 to 1: pictures, and made of them
    evaluation: Evaluation | None = None
    exports: Sequence[Mapping[str, Any]] = ()  # as export.json has them

    @property
    def stage_starts(self) -> list[int]:
        """The first epoch of each stage but the first."""
        return [each["first_epoch"] for each in self.stages[1:]]

    @functools.cached_property
    def drawings(self) -> dict[str, Figure]:
        """The figures by name, as far as there is something to draw."""
        made: dict[str, Figure] = {}
        if self.history.get("epoch"):
            made["curves"] = figures.curves(self.history, self.best_epoch, self.stage_starts)
        found = self.evaluation
        if found is not None and found.classes is not None and found.examples:
            names = [score.name for score in found.classes.classes]
            made["confusion"] = figures.confusion(found.classes.confusion, names)
            made["classes"] = figures.class_bars(found.classes.classes)
            made["reliability"] = figures.reliability(found.classes.calibration)
            if found.plane is not None:
                made["plane"] = figures.plane(found.plane, names)
            made["mistakes"] = figures.mistakes(found.mistakes, found.examples)
        if found is not None and found.examples:
            for each in found.answers:
                made |= _of_task(each)
        if self.weights is not None and len(self.weights):
            made["weights"] = figures.weights(self.weights)
        if self.augmented is not None:
            made["augmented"] = figures.augmented(self.augmented)
        return made
