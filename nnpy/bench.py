"""How fast a model trains here: Keras's own `model.fit` beside each mode of the engine.

Each contestant trains its own copy of the model on the same examples. Its first step, with
all the tracing and compiling, is timed by itself; then steps are taken for a few seconds, in
rounds in which the contestants take turns, so that a machine that is busy for a while slows
all of them. The median of the rounds counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnpy.errors import NnpyError

if TYPE_CHECKING:
    import keras

FIT = "model.fit"
TUNED = "model.fit, tuned"
ENGINE = ("xla", "graph", "eager")
CONTESTANTS = (FIT, TUNED, *ENGINE)

Step = Callable[[float], tuple[int, float]]  # seconds to spend -> (steps taken, seconds spent)


@dataclass(frozen=True)
class Speed:
    """What one contestant did. Times in seconds; None where it could not run."""

    name: str
    samples_per_second: float | None
    epoch_seconds: float | None
    compile_seconds: float | None  # before the first step's result, less a usual step
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data, for `--json`."""
        return asdict(self)


def bench(
    make_model: Callable[[], keras.Model],
    prepare: Callable[[Any, Any], tuple[Any, Any]],
    split: Any,
    *,
    batch_size: int,
    seconds: float = 3.0,
    rounds: int = 3,
    contestants: Sequence[str] = CONTESTANTS,
    progress: Callable[[str], None] | None = None,
) -> list[Speed]:
    """Measure the speed of training a fresh model of `make_model()` (built and compiled).

    Each contestant works for about `seconds` in each of `rounds`. One that cannot run (XLA
    cannot compile every model) is reported with its error.
    """
    say = progress or (lambda _: None)
    runners: dict[str, Step] = {}
    first: dict[str, float] = {}
    paces: dict[str, list[float]] = {name: [] for name in contestants}
    errors: dict[str, str] = {}
    for name in contestants:
        say(f"{name}: compiling")
        try:
            runner = _runner(name, make_model(), prepare, split, batch_size)
            first[name] = runner(0.0)[1]
            runners[name] = runner
        except NnpyError as error:
            errors[name] = str(error)
    for turn in range(rounds):
        for name, runner in runners.items():
            say(f"{name}: round {turn + 1} of {rounds}")
            steps, spent = runner(seconds)
            paces[name].append(spent / steps)
    examples = len(split.y)
    speeds = []
    for name in contestants:
        if name in errors:
            speeds.append(Speed(name, None, None, None, errors[name]))
            continue
        pace = statistics.median(paces[name])
        compiling = max(0.0, first[name] - pace)
        speeds.append(Speed(name, batch_size / pace, pace * examples / batch_size, compiling))
    return speeds


def _runner(name: str, model: Any, prepare: Any, split: Any, batch_size: int) -> Step:
    if name in ENGINE:
        return _engine_runner(name, model, prepare, split, batch_size)
    return _fit_runner(name == TUNED, model, prepare, split, batch_size)


class _Enough(Exception):
    """Leaves an epoch when the time is up."""


def _engine_runner(mode: str, model: Any, prepare: Any, split: Any, batch_size: int) -> Step:
    from nnpy.engine import Engine

    engine = Engine(model, prepare, batch_size=batch_size, seed=0, execution=mode)
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


def _fit_runner(tuned: bool, model: Any, prepare: Any, split: Any, batch_size: int) -> Step:
    """`fit` on as many examples as it is likely to take in the time, without a callback."""
    import numpy as np
    import tensorflow as tf

    x, y = (np.asarray(part) for part in prepare(split.x, split.y))
    steps_at_once = 32
    whole = max(1, len(y) // batch_size)
    pace: float | None = None
    if tuned:
        model.steps_per_execution = min(steps_at_once, whole)

    def fit(steps: int) -> float:
        n = steps * batch_size
        began = time.perf_counter()
        if tuned:
            data = tf.data.Dataset.from_tensor_slices((x[:n], y[:n])).cache()
            data = data.shuffle(n).batch(batch_size).prefetch(tf.data.AUTOTUNE)
            began = time.perf_counter()
            model.fit(data, verbose=0)
        else:
            model.fit(x[:n], y[:n], batch_size=batch_size, verbose=0)
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
