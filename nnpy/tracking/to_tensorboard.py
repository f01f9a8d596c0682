"""TensorBoard: event files in the run folder, `tensorboard --logdir runs` finds them.

Scalars bear the names of metrics.csv, those of the validation without `val_`: TensorBoard draws
both into one chart, from the folders `train` and `validation`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from nnpy.runs.folder import Run
from nnpy.storage.regular import NotRegular
from nnpy.tracking.tracker import Ending, Facts, Tracker


class TensorBoard(Tracker):
    """One run's event files; the id is a word of its own for each series of them."""

    def __init__(self, run: Run) -> None:
        import tensorboard.summary

        self._place = run.trackers_folder / "tensorboard"
        self._new = tensorboard.summary.Writer
        self._last = 0

    def open(self, facts: Facts, id: str) -> str:
        return id or secrets.token_hex(4)

    def rows(self, rows: Sequence[Mapping[str, float]]) -> None:
        parts: dict[str, list[tuple[str, float, int]]] = {}
        for row in rows:
            self._last = int(row["epoch"])
            for name, value in row.items():
                part = "validation" if name.startswith("val_") else "train"
                if name != "epoch":
                    told = (name.removeprefix("val_"), float(value), self._last)
                    parts.setdefault(part, []).append(told)
        self._write(parts)

    def end(self, ending: Ending) -> None:
        step = int(ending.scores.get("best_epoch", self._last))
        tests = [
            (name.removeprefix("test_"), float(value), step)
            for name, value in ending.scores.items()
            if name.startswith("test_")
        ]
        if tests:
            self._write({"test": tests})

    def _write(self, parts: Mapping[str, list[tuple[str, float, int]]]) -> None:
        for part, told in parts.items():
            for folder in (self._place, self._place / part):
                if folder.is_symlink():
                    raise NotRegular(folder, "it is a link: nothing is written through it")
            writer = self._new(str(self._place / part))
            for name, value, step in told:
                writer.add_scalar(name, value, step)
            writer.close()  # what is written lies on the disk


def tracker(run: Run) -> Tracker:
    return TensorBoard(run)
