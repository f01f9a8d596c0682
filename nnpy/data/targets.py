"""What a model is asked to answer: decided here, and nowhere else.

Evaluation, predictions and the report choose by the `Task`, not by shapes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from nnpy.data.dataset import DataInfo


class Task(StrEnum):
    """The kinds of task that answers are judged by."""

    CLASSES = "classes"  # one of several classes for each example
    UNKNOWN = "unknown"  # numbers that the data's classes say nothing of


def task_of(info: DataInfo, outputs: Sequence[int | None]) -> Task:
    """The task of one output of a model, by its shape (batch axis included) and the data.

    Outputs (n, k) for k classes, or (n, 1) or (n,) for two, answer with classes.
    """
    columns = outputs[-1] if len(outputs) == 2 else 1 if len(outputs) == 1 else None
    wanted = {len(info.classes)} if len(info.classes) != 2 else {1, 2}
    if len(info.classes) >= 2 and columns in wanted:
        return Task.CLASSES
    return Task.UNKNOWN
