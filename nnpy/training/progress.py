"""What a training tells whoever listens; the core calls, the command line prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnpy.runs.folder import Run


class ProgressListener:
    """Hears of everything and does nothing; override what you need."""

    def on_message(self, message: str) -> None:
        """Something that the user should know."""

    def on_data(self, what: str, done: int, total: int | None) -> None:
        """The data take time: `what` is a phrase (`download train.gz`, `decode pictures`), and
        `done` of `total` (None when unknown) says how far it is."""

    def on_start(self, run: Run) -> None:
        """The run folder is there, with its config and summary."""

    def on_chunk_end(
        self, epoch: int, epochs: int, step: int, steps: int, logs: Mapping[str, float]
    ) -> None:
        """`step` of `steps` steps of an epoch (counted from 1) are done."""

    def on_epoch_end(self, epochs: int, row: Mapping[str, float], best: bool) -> None:
        """An epoch is over; `row` is its row of metrics.csv."""

    def ends_training(self) -> str | None:
        """Asked after `on_epoch_end`: who ends the training here, or None to go on."""
        return None

    def on_finish(self, summary: Mapping[str, object]) -> None:
        """The results are there; figures may still be drawn."""

    def on_exit(self) -> None:
        """The process ends on the spot: leave nothing half drawn."""


class Listeners(ProgressListener):
    """Several listeners as one; each is told in turn."""

    def __init__(self, listeners: Sequence[ProgressListener]) -> None:
        self._listeners = tuple(listeners)

    def on_message(self, message: str) -> None:
        for each in self._listeners:
            each.on_message(message)

    def on_data(self, what: str, done: int, total: int | None) -> None:
        for each in self._listeners:
            each.on_data(what, done, total)

    def on_start(self, run: Run) -> None:
        for each in self._listeners:
            each.on_start(run)

    def on_chunk_end(
        self, epoch: int, epochs: int, step: int, steps: int, logs: Mapping[str, float]
    ) -> None:
        for each in self._listeners:
            each.on_chunk_end(epoch, epochs, step, steps, logs)

    def on_epoch_end(self, epochs: int, row: Mapping[str, float], best: bool) -> None:
        for each in self._listeners:
            each.on_epoch_end(epochs, row, best)

    def ends_training(self) -> str | None:
        return next((by for each in self._listeners if (by := each.ends_training())), None)

    def on_finish(self, summary: Mapping[str, object]) -> None:
        for each in self._listeners:
            each.on_finish(summary)

    def on_exit(self) -> None:
        for each in self._listeners:
            each.on_exit()
