"""What a training tells the one who watches it; the core calls, the command line prints."""

from __future__ import annotations

from collections.abc import Mapping

from nnpy.runs.folder import Run


class Watcher:
    """Hears of everything and says nothing; override what you want to show."""

    def started(self, run: Run) -> None:
        """The run folder is there."""

    def say(self, message: str) -> None:
        """Something that the user should know."""

    def leaving(self) -> None:
        """The process ends on the spot: leave nothing half drawn."""

    def downloading(self, file: str, received: int, total: int | None) -> None:
        """A file of the data set is on its way (in bytes; `total` None when unknown)."""

    def chunk(
        self, epoch: int, epochs: int, step: int, steps: int, logs: Mapping[str, float]
    ) -> None:
        """`step` of `steps` steps of an epoch (counted from 1) are done."""

    def epoch(self, epochs: int, row: Mapping[str, float], best: bool) -> None:
        """An epoch is over; `row` is its row of metrics.csv."""

    def finished(self, summary: Mapping[str, object]) -> None:
        """The results are there; figures may still be drawn."""
