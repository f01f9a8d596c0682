"""What a run tells people when it is over: diagram, figures, page.

Importing this module imports Keras; matplotlib is imported when it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from nnpy.data import Dataset
from nnpy.engine import Engine
from nnpy.errors import NnpyError
from nnpy.models import diagram
from nnpy.runs.folder import Run
from nnpy.storage import atomic
from nnpy.training.progress import Watcher
from nnpy.training.timing import Clock


class Afterwards:
    """Works on a run that is finished: what goes wrong here is said, and the run stays so."""

    def __init__(self, run: Run, summary: dict[str, Any], watcher: Watcher, clock: Clock) -> None:
        self._run, self._summary, self._watcher, self._clock = run, summary, watcher, clock
        self._drawn: Future[dict[str, bytes]] | None = None

    def prepare(self) -> Future[dict[str, bytes]]:
        """Begin what needs no result: Python has time while the device trains.

        Not before the first chunk is done: tracing the model is Python's work too.
        """
        if self._drawn is None:
            pool = ThreadPoolExecutor(1)
            self._drawn = pool.submit(_drawn, self._run.diagram_path("dot"))
            pool.submit(importlib.import_module, "nnpy.report.write")
            pool.shutdown(wait=False)
        return self._drawn

    def draw(self) -> None:
        """The diagram."""
        place = self._run.diagram_path("dot")
        with self._ending_nothing(
            "diagram", f"the diagram could not be drawn; its text is {place}"
        ):
            for form, drawing in self.prepare().result().items():
                atomic.write_bytes(self._run.diagram_path(form), drawing)

    def report(self, model: keras.Model, engine: Engine, dataset: Dataset, prepare: Any) -> None:
        """The page and the figures; `prepare` makes a stored batch the model's input."""
        with self._ending_nothing("report", "the report could not be made"):
            # Here, so that the results need not wait for matplotlib's import.
            from nnpy.evaluation import results
            from nnpy.report import write

            found = results.find(
                model,
                engine,
                dataset.test,
                dataset.info,
                prepare,
                metrics=self._summary["test"],
            )
            write.publish(self._run, model, dataset.info, dataset, found)
            self._watcher.say(f"report: {self._run.report_path}")

    @contextmanager
    def _ending_nothing(self, phase: str, complaint: str) -> Iterator[None]:
        try:
            with self._clock.phase(phase):
                yield
            self._summary["seconds"] = self._clock.as_dict()
            self._run.write_json(self._run.summary_path, self._summary)
        except (NnpyError, OSError) as error:
            self._watcher.say(f"{complaint}: {error}")


def _drawn(place: Path) -> dict[str, bytes]:
    """The diagram that a DOT file describes, by format."""
    text = place.read_text(encoding="utf-8")
    return {form: diagram.render(text, form) for form in ("png", "svg")}
