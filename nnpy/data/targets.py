"""What a model is asked to answer: decided here, and nowhere else.

Losses, last layers, metrics, evaluation, predictions and the report choose by the `Task` of each
output, not by shapes of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnpy.data.dataset import DataInfo

INPUT = "input"  # data.target: the example itself is to be answered
_SHOWN = 6  # names of classes or columns


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
    numbers (n, k) float in the user's units, which the model learns less `center` and divided by
    `spread`, a number for each column, learnt from the training rows.
    """

    name: str = ""  # of the model's output that answers it; "" where it is the only one
    task: Task = Task.CLASSES
    classes: tuple[str, ...] = ()  # names of the classes, of the labels, or of the k numbers
    certain: bool = True  # False: whole numbers that may be meant as classes or as numbers
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    why: str = ""  # how the task was decided, and what says otherwise

    @property
    def words(self) -> str:
        """What is asked for: `3 classes (Adelie, Chinstrap, Gentoo)`."""
        names = ", ".join(self.classes[:_SHOWN]) + (", …" if len(self.classes) > _SHOWN else "")
        count = len(self.classes)
        match self.task:
            case Task.CLASSES:
                return f"one of {'two' if count == 2 else count} classes ({names})"
            case Task.LABELS:
                return f"{count} labels, any of them at once ({names})"
            case Task.NUMBERS if count == 1:
                return f"a number ({names})"
            case Task.NUMBERS:
                return f"{count} numbers ({names})"
            case Task.RECONSTRUCTION:
                return "the input itself"
        return "what the data say nothing of"

    def fits(self, outputs: Sequence[int | None]) -> bool:
        """Whether an output of this shape, batch axis included, answers it.

        (n, k) for k classes, labels or numbers; (n, 1) or (n,) for two classes or one number.
        """
        columns = outputs[-1] if len(outputs) == 2 else 1 if len(outputs) == 1 else None
        if self.task is Task.RECONSTRUCTION:
            return True
        if self.task is Task.UNKNOWN or not self.classes:
            return False
        if self.task is Task.CLASSES and len(self.classes) < 2:
            return False
        wanted = {len(self.classes)}
        if self.task is Task.CLASSES and len(self.classes) == 2:
            wanted = {1, 2}
        return columns in wanted

    def in_units(self, values: Any, *, back: bool = False) -> Any:
        """Numbers (n, …) of the model in the user's units, or `back`; all others as they are."""
        import numpy as np

        if not self.center or values.size % len(self.center):
            return values
        center, spread = (np.asarray(each, np.float32) for each in (self.center, self.spread))
        flat = values.reshape(-1, len(center))
        flat = (flat - center) / spread if back else flat * spread + center
        return flat.reshape(values.shape)

    def as_dict(self) -> dict[str, Any]:
        """The target as plain data."""
        told: dict[str, Any] = {
            "name": self.name,
            "task": str(self.task),
            "classes": list(self.classes),
        }
        if self.center:
            told |= {"center": list(self.center), "spread": list(self.spread)}
        return told


NOTHING_SAID = Target(task=Task.UNKNOWN)


def target_from(told: Any) -> Target | None:
    """The target that plain data from anywhere say; None where they say none."""
    if not isinstance(told, Mapping) or told.get("task") not in {str(each) for each in Task}:
        return None
    classes, name = told.get("classes"), told.get("name", "")
    if not isinstance(classes, list) or not isinstance(name, str):
        return None
    numbers = [told.get(key, []) for key in ("center", "spread")]
    for values in numbers:
        good = isinstance(values, list) and len(values) in (0, len(classes))
        if not good or not all(
            isinstance(each, int | float) and math.isfinite(each) for each in values
        ):
            return None
    center, spread = (tuple(map(float, each)) for each in numbers)
    if len(center) != len(spread) or any(each <= 0 for each in spread):
        return None
    names = tuple(map(str, classes))
    return Target(name, Task(told["task"]), names, center=center, spread=spread)


def decided(info: DataInfo, target: str | None) -> DataInfo:
    """The facts of data with the targets that `data.target` asks for; None is the source's own."""
    if target != INPUT:
        return info
    why = "as data.target: input says"
    return replace(info, classes=(), targets=(Target(task=Task.RECONSTRUCTION, why=why),))


def target_of(info: DataInfo, output: str) -> Target:
    """The target that one output of a model answers: the one of its name, or the only one."""
    named = next((each for each in info.targets if each.name and each.name == output), None)
    if named is not None:
        return named
    return info.targets[0] if len(info.targets) == 1 else NOTHING_SAID


def task_of(info: DataInfo, outputs: Sequence[int | None], name: str = "") -> Task:
    """The task of one output of a model, by its shape (batch axis included) and the data.

    UNKNOWN where an output of that shape does not answer what the data ask for.
    """
    target = target_of(info, name)
    return target.task if target.fits(outputs) else Task.UNKNOWN


def names_of(info: DataInfo) -> tuple[str, ...]:
    """The names of the columns that the only target is answered with; () of several."""
    return info.targets[0].classes if len(info.targets) == 1 else ()


def told(info: DataInfo) -> list[str]:
    """What is asked for, in a sentence for each target, and how to ask for something else."""
    found = []
    for each in info.targets:
        if each.task is Task.UNKNOWN or not each.why:
            continue
        name = f" {each.name}" if each.name else ""
        found.append(f"the target{name} is {each.words}: {each.why}")
    return found
