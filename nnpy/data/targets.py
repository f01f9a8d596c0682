"""What a model is asked to answer: decided here, and nowhere else.

Evaluation, predictions and the report choose by the `Task`, not by shapes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnpy.data.dataset import DataInfo


class Task(StrEnum):
    """The kinds of task that answers are judged by."""

    CLASSES = "classes"  # one of several classes for each example
    LABELS = "labels"  # any number of labels at once: a column of 0 and 1 for each
    NUMBERS = "numbers"  # one number for each example, or several
    RECONSTRUCTION = "reconstruction"  # the example itself
    UNKNOWN = "unknown"  # numbers that the data's classes say nothing of


@dataclass(frozen=True)
class Target:
    """One thing that is to be answered for each example.

    `y` as stored is, for classes, their numbers (n,) integer; for labels (n, k) of 0 and 1; for
    numbers (n, k) float in the user's units.
    """

    name: str = ""  # of the model's output that answers it; "" where it is the only one
    task: Task = Task.CLASSES
    classes: tuple[str, ...] = ()  # names of the classes, of the labels, or of the k numbers
    certain: bool = True  # False: whole numbers that may be meant as classes or as numbers


def task_of(info: DataInfo, outputs: Sequence[int | None]) -> Task:
    """The task of one output of a model, by its shape (batch axis included) and the data.

    Outputs (n, k) for k classes, or (n, 1) or (n,) for two, answer with classes.
    """
    columns = outputs[-1] if len(outputs) == 2 else 1 if len(outputs) == 1 else None
    wanted = {len(info.classes)} if len(info.classes) != 2 else {1, 2}
    if len(info.classes) >= 2 and columns in wanted:
        return Task.CLASSES
    return Task.UNKNOWN
