"""Which steps an epoch takes, and who is called between them.

An epoch is one pass over the examples, or `steps_per_epoch` steps of an endless row of passes:
then the next epoch goes on where this one ended, in another order after the end of a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

OnChunk = Callable[[int, int, dict[str, float]], None]


class OnStep(Protocol):
    """Is called before and after each step of an epoch, counted from 0."""

    def begin(self, step: int) -> None:
        """The step is about to be taken."""

    def end(self, step: int, logs: Mapping[str, float]) -> bool:
        """The step is done, with the metrics so far; True ends the epoch here."""


@dataclass(frozen=True)
class Part:
    """`count` steps from step `begin` of a pass, which are the epoch's from step `first` on."""

    number: int  # of the pass, which decides the order of its examples
    begin: int
    first: int
    count: int


@dataclass(frozen=True)
class Course:
    """A part of an epoch on its way: the kind of its steps, and what is called between them."""

    kind: str  # "train" or "test"
    part: Part
    skipped: int  # steps of the part that are done already
    steps: int  # of the whole epoch
    on_chunk: OnChunk | None = None
    on_step: OnStep | None = None

    def of_epoch(self, step: int) -> int:
        """The number in the epoch of a step of the pass."""
        return step - self.part.begin + self.part.first

    def begin(self, step: int) -> None:
        """Before a step of the pass."""
        if self.on_step is not None:
            self.on_step.begin(self.of_epoch(step))

    def end(self, step: int, logs: Callable[[], Mapping[str, float]]) -> bool:
        """After a step of the pass; whether the epoch is to end here."""
        return self.on_step is not None and self.on_step.end(self.of_epoch(step), logs())


def parts_of_epoch(steps: int, steps_per_epoch: int | None, epoch: int) -> list[Part]:
    """The parts of an epoch (counted from 0), where a pass has so many steps."""
    if steps_per_epoch is None:
        return [Part(epoch, 0, 0, steps)]
    parts: list[Part] = []
    first = 0
    while first < steps_per_epoch:
        number, begin = divmod(epoch * steps_per_epoch + first, steps)
        count = min(steps_per_epoch - first, steps - begin)
        parts.append(Part(number, begin, first, count))
        first += count
    return parts
