"""The course of a training: epochs, validation, checkpoints, the final evaluation, the record.

Importing this module imports Keras; `nnpy.api.train` reads the data meanwhile.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from nnpy import devices, diagram, files, lock, model, signals
from nnpy import run as runs
from nnpy.config import Config
from nnpy.data import DataInfo, Dataset
from nnpy.engine import Engine
from nnpy.errors import Interrupted, NnpyError
from nnpy.run import Run
from nnpy.watcher import Watcher


class Clock:
    """Seconds spent in each phase of a training."""

    def __init__(self, began: float | None = None) -> None:
        self.began = time.perf_counter() if began is None else began
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def as_dict(self) -> dict[str, float]:
        total = {"total": time.perf_counter() - self.began}
        return {name: round(value, 3) for name, value in (self.seconds | total).items()}


def train(
    config: Config,
    info: DataInfo,
    load: Callable[[], Dataset],
    *,
    run_dir: str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    watcher: Watcher | None = None,
    clock: Clock | None = None,
) -> Run:
    """Trains what the config says and leaves a run folder; returns it.

    `load` gives the data when they are needed. Raises Interrupted after Ctrl-C or SIGTERM, with
    what was reached saved. The model is built before the folder is made: a config that Keras
    refuses leaves nothing behind.
    """
    watcher, clock = watcher or Watcher(), clock or Clock()
    where = devices.select(device)
    with clock.phase("build"):
        built = model.build(config, info)
        model.compile_model(built, config)
        model.check_outputs(built, config, info)
    with clock.phase("data"):
        dataset = load()
    run = Run.create(config.name, run_dir, overwrite=overwrite)
    with lock.locked(run.folder), signals.graceful(watcher.say) as asked:
        training = _Training(config, dataset, built, run, watcher, clock, asked)
        training.summary["device"] = where
        training.open()
        try:
            training.fit()
            training.evaluate()
        except Interrupted:
            training.close("interrupted")
            raise
        except BaseException as error:
            training.close("failed", str(error) or type(error).__name__)
            raise
        training.close("finished")
        training.draw()
    return run


class _Training:
    """One training and all it holds; the methods are called in their order."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        built: keras.Model,
        run: Run,
        watcher: Watcher,
        clock: Clock,
        asked: signals.Asked,
    ) -> None:
        self.config, self.dataset, self.model = config, dataset, built
        self.run, self.watcher, self.clock, self.asked = run, watcher, clock, asked
        settings = config.training
        self.engine = Engine(
            built,
            model.preparation(config, dataset.info),
            batch_size=settings.batch_size,
            seed=settings.seed,
            execution=settings.execution,
            class_weight=settings.class_weight,
            shuffle=settings.shuffle,
        )
        self.monitor = settings.monitor
        self.mode = _mode(self.monitor, settings.monitor_mode)
        self.best: float | None = None
        self.best_weights: list[np.ndarray] | None = None
        self.columns: list[str] = []
        self.summary: dict[str, Any] = {
            "status": "running",
            "config": config.name,
            "parameters": {
                "total": built.count_params(),
                "trainable": sum(math.prod(v.shape) for v in built.trainable_variables),
            },
            "execution": {
                "mode": self.engine.execution.mode,
                "reason": self.engine.execution.reason,
            },
            "epochs": 0,
            "best_epoch": None,
            "monitor": self.monitor,
        }

    def open(self) -> None:
        """The folder's first files: what is to be done, where and with what."""
        files.write_text(self.run.config_path, self.config.to_yaml())
        environment = runs.environment(self.dataset.digests, devices.describe())
        environment["seed"] = self.config.training.seed
        environment["data_source"] = self.dataset.source
        self.run.write_json(self.run.environment_path, environment)
        self.run.write_json(self.run.summary_path, self.summary)
        files.write_text(self.run.diagram_path("dot"), diagram.dot_text(self.model))
        self.watcher.started(self.run)
        for note in self.dataset.notes:
            self.watcher.say(note)

    def fit(self) -> None:
        epochs = self.config.training.epochs
        callbacks = keras.callbacks.CallbackList(
            [model.realize(each) for each in self.config.training.callbacks],
            model=self.model,
            epochs=epochs,
            verbose=0,
        )
        with self.clock.phase("training"):
            callbacks.on_train_begin()
            for epoch in range(epochs):
                self._epoch(epoch, epochs, callbacks)
                if self.model.stop_training:
                    break
            callbacks.on_train_end()

    def _epoch(self, epoch: int, epochs: int, callbacks: keras.callbacks.CallbackList) -> None:
        began = time.perf_counter()

        def on_chunk(step: int, steps: int, logs: dict[str, float]) -> None:
            self.watcher.chunk(epoch + 1, epochs, step, steps, logs)
            self.asked.check()

        callbacks.on_epoch_begin(epoch)
        logs = self.engine.train_epoch(self.dataset.train, epoch, on_chunk=on_chunk)
        if self.dataset.validation is not None:
            measured = self.engine.evaluate(self.dataset.validation, on_chunk=self._check)
            logs |= {f"val_{name}": value for name, value in measured.items()}
        rate = float(np.asarray(self.model.optimizer.learning_rate))
        row = {"epoch": epoch + 1, "seconds": time.perf_counter() - began, **logs}
        row["learning_rate"] = rate
        best = self._is_best(logs)
        if best:
            self.best_weights = self.model.get_weights()
            files.replace(self.run.best_path, self.model.save)
        self._record(row)
        self.summary["epochs"] = epoch + 1
        if best:
            self.summary["best_epoch"] = epoch + 1
            self.summary["validation"] = {
                name.removeprefix("val_"): value
                for name, value in logs.items()
                if name.startswith("val_")
            }
        self.watcher.epoch(epochs, row, best)
        callbacks.on_epoch_end(epoch, logs | {"learning_rate": rate})

    def _check(self, step: int, steps: int, logs: dict[str, float]) -> None:
        self.asked.check()

    def _is_best(self, logs: dict[str, float]) -> bool:
        """Whether this epoch is the best so far; without a validation split, always."""
        if self.monitor is None:
            return True
        value = logs[self.monitor]
        if self.best is not None and not math.isnan(self.best):
            better = value > self.best if self.mode == "max" else value < self.best
            if not better:
                return False
        self.best = value
        return True

    def _record(self, row: dict[str, float]) -> None:
        if not self.columns:
            self.columns = list(row)
            files.append_line(self.run.metrics_path, ",".join(self.columns))
        files.append_line(
            self.run.metrics_path, ",".join(_number(key, row[key]) for key in self.columns)
        )

    def evaluate(self) -> None:
        """The best weights on the test set, once."""
        files.replace(self.run.last_path, self.model.save)
        if self.best_weights is None:  # no epoch was trained: the first weights are the best
            files.replace(self.run.best_path, self.model.save)
        else:
            self.model.set_weights(self.best_weights)
        with self.clock.phase("evaluation"):
            self.summary["test"] = self.engine.evaluate(self.dataset.test, on_chunk=self._check)

    def close(self, status: str, error: str | None = None) -> None:
        """The end of the record, however the training ended."""
        self.summary["status"] = status
        if error is not None:
            self.summary["error"] = error
        if status == "interrupted":
            files.replace(self.run.last_path, self.model.save)
            if self.best_weights is None:
                files.replace(self.run.best_path, self.model.save)
        self.summary["seconds"] = self.clock.as_dict()
        self.run.write_json(self.run.summary_path, self.summary)
        if status == "finished":
            self.watcher.finished(self.summary)

    def draw(self) -> None:
        """The pictures, after the results; one that cannot be drawn ends nothing."""
        with self.clock.phase("diagram"):
            try:
                text = self.run.diagram_path("dot").read_text(encoding="utf-8")
                for form in ("png", "svg"):
                    files.write_bytes(self.run.diagram_path(form), diagram.render(text, form))
            except (NnpyError, OSError) as error:
                place = self.run.diagram_path("dot")
                self.watcher.say(f"the diagram could not be drawn ({error}); its text is {place}")
        self.summary["seconds"] = self.clock.as_dict()
        self.run.write_json(self.run.summary_path, self.summary)


def _mode(monitor: str | None, wanted: str) -> str:
    """ "min" or "max": as asked, else by the name of what is monitored."""
    if wanted != "auto" or monitor is None:
        return wanted
    name = monitor.removeprefix("val_")
    errors = ("loss", "error", "entropy", "divergence", "hinge", "poisson", "perplexity")
    if any(word in name for word in errors) or name in ("mse", "mae", "mape", "msle", "kld"):
        return "min"
    return "max"


def _number(key: str, value: float) -> str:
    """A number of metrics.csv: whole, a time to the millisecond, or all digits of a float32."""
    if key == "epoch":
        return str(int(value))
    if key == "seconds":
        return f"{value:.3f}"
    return str(np.float32(value))
