"""The contestants of a benchmark: `model.fit` and each way of the engine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnpy.workflows.session import Session

if TYPE_CHECKING:
    from nnpy.config.config import Config
    from nnpy.config.settings import TrainingSettings
    from nnpy.data import Preprocessing, Split
    from nnpy.engine import Engine


FIT = "model.fit"
TUNED = "model.fit, tuned"
ENGINE = ("xla", "graph", "eager")
CONTESTANTS = (FIT, TUNED, *ENGINE)
Step = Callable[[float], tuple[int, float]]  # seconds to spend -> (steps taken, seconds spent)


@dataclass(frozen=True)
class Here:
    """The contestants of a config in this process, which must not have used TensorFlow yet.

    `split_batches` tells whether TensorFlow gets its threads as `nnpy train` sets them for a model
    whose batches it works on in parts.
    """

    config: Config
    device: str | None
    split_batches: bool

    def ready(self) -> Contestants:
        """What gives each contestant's steps, and what with."""
        from nnpy.devices import select

        session = Session(self.config, device=self.device)
        where = select.select(self.device, one_thread=self.split_batches)
        split = session.dataset().train

        def runner_of(name: str) -> Step:
            model = session.build_model()
            if name in ENGINE:
                return _engine_runner(session.engine(model, execution=name, augment=True), split)
            weights = session.class_weight()
            settings = dataclasses.replace(self.config.training, class_weight=weights)
            return _fit_runner(name == TUNED, model, session.preprocessing(), split, settings)

        return Contestants(session, runner_of, where)


@dataclass(frozen=True)
class Contestants:
    """`runner_of(name)` builds a fresh model and gives its steps; `device` is in words."""

    session: Session
    runner_of: Callable[[str], Step]
    device: str


class _Enough(Exception):
    """Leaves an epoch when the time is up."""


def _engine_runner(engine: Engine, split: Split) -> Step:
    epoch = 0

    def run(seconds: float) -> tuple[int, float]:
        nonlocal epoch
        taken, began = 0, time.perf_counter()
        while True:
            step = 0

            def count(now: int, steps: int, logs: dict[str, float]) -> None:
                nonlocal step
                step = now
                if time.perf_counter() - began >= seconds:
                    raise _Enough

            epoch += 1
            try:
                engine.train_epoch(split, epoch, on_chunk=count)
            except _Enough:
                return taken + step, time.perf_counter() - began
            taken += step

    return run


def _fit_runner(
    tuned: bool, model: Any, preprocessing: Preprocessing, split: Split, settings: TrainingSettings
) -> Step:
    """`fit` on as many examples as it is likely to take in the time, without a callback."""
    import numpy as np
    import tensorflow as tf

    x, y = (np.asarray(part) for part in preprocessing(split.x, split.y))
    batch_size, steps_at_once = settings.batch_size, 32
    how = {"class_weight": settings.class_weight, "verbose": 0}
    whole = max(1, len(y) // batch_size)
    pace: float | None = None
    if tuned:
        model.steps_per_execution = min(steps_at_once, whole)

    def fit(steps: int) -> float:
        n = steps * batch_size
        began = time.perf_counter()
        if tuned:
            data = tf.data.Dataset.from_tensor_slices((x[:n], y[:n])).cache()
            data = data.shuffle(n) if settings.shuffle else data
            data = data.batch(batch_size).prefetch(tf.data.AUTOTUNE)
            began = time.perf_counter()
            model.fit(data, **how)
        else:
            model.fit(x[:n], y[:n], batch_size=batch_size, shuffle=settings.shuffle, **how)
        return time.perf_counter() - began

    def run(seconds: float) -> tuple[int, float]:
        nonlocal pace
        if seconds == 0.0:
            return 1, fit(1)
        if pace is None:
            few = min(whole, 2 * steps_at_once)
            fit(few)
            pace = fit(few) / few
        steps = min(whole, max(1, int(seconds / pace)))
        if tuned:
            steps = max(1, steps // steps_at_once) * min(steps_at_once, whole)
        spent = fit(steps)
        pace = spent / steps
        return steps, spent

    return run
