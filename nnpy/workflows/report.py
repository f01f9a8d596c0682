"""What a run tells people when it is over: diagram, figures, page.

Importing this module imports Keras; matplotlib is imported when it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.data import Dataset, Preprocessing
from nnpy.engine import Engine
from nnpy.errors import NnpyError
from nnpy.models import diagram
from nnpy.models.ends import Output
from nnpy.runs.folder import Run
from nnpy.storage.regular import read_text
from nnpy.training.progress import ProgressListener
from nnpy.training.timing import Clock

_LONGEST = 64 << 20  # bytes of a diagram's text


class Reporter(ProgressListener):
    """Draws what a run shows: begun while the device trains, ended when the results are there.

    What goes wrong here is said, and the finished run stays so.
    """

    def __init__(
        self, run: Run, model: keras.Model, clock: Clock, listener: ProgressListener
    ) -> None:
        self._run, self._model, self._clock, self._listener = run, model, clock, listener
        self._drawn: Future[dict[str, bytes]] | None = None

    def on_start(self, run: Run) -> None:
        run.write_text(run.diagram_path("dot"), diagram.dot_text(self._model))

    def on_chunk_end(
        self, epoch: int, epochs: int, step: int, steps: int, logs: Mapping[str, float]
    ) -> None:
        """Begin what needs no result: Python has time while the device trains.

        Not before the first chunk is done: tracing the model is Python's work too.
        """
        self._prepare()

    def _prepare(self) -> Future[dict[str, bytes]]:
        if self._drawn is None:
            pool = ThreadPoolExecutor(1)
            self._drawn = pool.submit(_drawn, self._run.diagram_path("dot"))
            pool.submit(importlib.import_module, "nnpy.report.write")
            pool.shutdown(wait=False)
        return self._drawn

    def draw(self, summary: dict[str, Any]) -> None:
        """The diagram."""
        path = self._run.diagram_path("dot")
        complaint = f"the diagram could not be drawn; its source is {path}"
        with self._ending_nothing("diagram", summary, complaint):
            for form, drawing in self._prepare().result().items():
                self._run.write_bytes(self._run.diagram_path(form), drawing)

    def report(
        self,
        summary: dict[str, Any],
        engine: Engine,
        dataset: Dataset,
        preprocessing: Preprocessing,
        outputs_of: Sequence[Output],
        config: Config,
    ) -> None:
        """The page and the figures."""
        with self._ending_nothing("report", summary, "the report could not be written"):
            # Here, so that the results need not wait for matplotlib's import.
            from nnpy.evaluation import results
            from nnpy.report import write

            name, split = dataset.final
            result = results.evaluate(
                self._model,
                engine,
                split,
                dataset.info,
                preprocessing,
                outputs_of=outputs_of,
                name=name,
                metrics=summary[name],
            )
            write.publish(self._run, self._model, dataset.info, dataset, result, config)
            self._listener.on_message(f"report: {self._run.report_path}")

    @contextmanager
    def _ending_nothing(
        self, phase: str, summary: dict[str, Any], complaint: str
    ) -> Iterator[None]:
        try:
            with self._clock.phase(phase):
                yield
            summary["seconds"] = self._clock.as_dict()
            self._run.write_json(self._run.summary_path, summary)
        except (NnpyError, OSError) as error:
            self._listener.on_message(f"{complaint}: {error}")


def _drawn(place: Path) -> dict[str, bytes]:
    """The diagram that a DOT file describes, by format."""
    text = read_text(place, _LONGEST)
    return {form: diagram.render(text, form) for form in ("png", "svg")}
