"""Which stage a training is in, and which epochs each stage has had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnpy.config.settings import TrainingSettings

EARLY = "ended_by"  # in the record of a stage that a callback has ended


class Course:
    """The stages of a training; one that has none in its config has one, of all its epochs.

    `records` are what summary.json says of those that were begun: `first_epoch` (from 1),
    `epochs` (done), `planned`, what was told on entering, and `ended_by` where a callback has
    ended it early.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._planned = [each.epochs for each in settings.stages] or [settings.epochs]
        self.is_told = bool(settings.stages)
        self.records: list[dict[str, Any]] = []

    @property
    def number(self) -> int:
        """The stage's, counted from 0."""
        return max(0, len(self.records) - 1)

    @property
    def began(self) -> int:
        """The epochs before the stage."""
        return sum(each["epochs"] for each in self.records[:-1])

    @property
    def end(self) -> int:
        """The epochs when the stage is over."""
        return self.began + self._planned[self.number]

    @property
    def total(self) -> int:
        """The epochs when the training is over."""
        return self.end + sum(self._planned[self.number + 1 :])

    @property
    def is_last(self) -> bool:
        return self.number == len(self._planned) - 1

    def enter(self, told: Mapping[str, Any]) -> None:
        """The next stage begins."""
        began = sum(each["epochs"] for each in self.records)
        planned = self._planned[len(self.records)]
        record = {"first_epoch": began + 1, "epochs": 0, "planned": planned, **told}
        self.records = [*self.records, record]

    def count(self, epoch: int) -> None:
        """So many epochs of the training are done."""
        self._note(epochs=epoch - self.began)

    def ended_by(self, callback: str) -> None:
        """A callback has ended the stage."""
        self._note(**{EARLY: callback})

    def take_up(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Goes on where a state was; the last stage may have become longer."""
        self.records = [dict(each) for each in records]
        if not records:
            self.enter({})
        self._note(planned=self._planned[self.number])

    def _note(self, **values: Any) -> None:
        # Made anew: the states that are being written hold the old ones.
        self.records = [*self.records[:-1], {**self.records[-1], **values}]

    def message(self) -> str:
        """The stage in words, for people."""
        record, count = self.records[-1], len(self._planned)
        frozen, first = ", ".join(record["frozen"]) or "nothing", record["first_epoch"]
        epochs = f"epoch {first}" if first == self.end else f"epochs {first} to {self.end}"
        return (
            f"stage {self.number + 1} of {count}, {epochs}: "
            f"{record['optimizer']}, learning rate {record['learning_rate']:.3g}; "
            f"{record['trainable']:,} weights learn, frozen: {frozen}"
        )


def epochs_not_used(summary: Mapping[str, Any]) -> int:
    """The epochs that stages which a callback has ended had left, but for the last one."""
    records = summary.get("stages", [])
    return sum(each["planned"] - each["epochs"] for each in records[:-1])
