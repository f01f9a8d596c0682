"""How fast a model trains here: Keras's own `model.fit` beside each mode of the engine.

Each contestant trains its own copy of the model on the same examples. Its first step, with
all the tracing and compiling, is timed by itself; then steps are taken for a few seconds, in
rounds in which the contestants take turns, so that a machine that is busy for a while slows
all of them. The median of the rounds counts.

TensorFlow's threads are set once in a process, and `nnpy train` sets them otherwise than Keras
for a model whose batches it works on in parts: then `model.fit` runs in a process of its own
(`Elsewhere`), as it would in a user's script.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import NnpyError, RunError

if TYPE_CHECKING:
    import keras

    from nnpy.config.load import Config
    from nnpy.data import DataInfo, Dataset

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
    runner_of: Callable[[str], Step],
    *,
    examples: int,
    batch_size: int,
    seconds: float = 3.0,
    rounds: int = 3,
    contestants: Sequence[str] = CONTESTANTS,
    progress: Callable[[str], None] | None = None,
) -> list[Speed]:
    """Measure the speed of each contestant, whose training of a fresh model `runner_of` gives.

    Each works for about `seconds` in each of `rounds`; `examples` are those of an epoch. One
    that cannot run (XLA cannot compile every model) is reported with its error.
    """
    say = progress or (lambda _: None)
    runners: dict[str, Step] = {}
    first: dict[str, float] = {}
    paces: dict[str, list[float]] = {name: [] for name in contestants}
    errors: dict[str, str] = {}
    for name in contestants:
        say(f"{name}: compiling")
        try:
            runner = runner_of(name)
            first[name] = runner(0.0)[1]
            runners[name] = runner
        except NnpyError as error:
            errors[name] = str(error)
    for turn in range(rounds):
        for name, runner in runners.items():
            say(f"{name}: round {turn + 1} of {rounds}")
            steps, spent = runner(seconds)
            paces[name].append(spent / steps)
    speeds = []
    for name in contestants:
        if name in errors:
            speeds.append(Speed(name, None, None, None, errors[name]))
            continue
        pace = statistics.median(paces[name])
        compiling = max(0.0, first[name] - pace)
        speeds.append(Speed(name, batch_size / pace, pace * examples / batch_size, compiling))
    return speeds


def runner(name: str, model: keras.Model, prepare: Any, split: Any, batch_size: int) -> Step:
    """How a contestant takes steps of training with a model, built and compiled."""
    if name in ENGINE:
        return _engine_runner(name, model, prepare, split, batch_size)
    return _fit_runner(name == TUNED, model, prepare, split, batch_size)


@dataclass(frozen=True)
class Here:
    """The contestants of a config in this process, which must not have used TensorFlow yet."""

    config: Config
    info: DataInfo
    load: Callable[[], Dataset]
    device: str | None
    in_parts: bool  # whether TensorFlow gets its threads as `nnpy train` sets them then

    def made(self) -> keras.Model:
        """The model, built and compiled."""
        from nnpy.models import build as model

        made = model.build(self.config, self.info)
        model.compile_model(made, self.config)
        return made

    def ready(self) -> tuple[Callable[[str], Step], Dataset, str]:
        """What gives each contestant's steps, the data, and the device in words."""
        from nnpy.devices import select
        from nnpy.models import build as model

        where = select.select(self.device, one_thread=self.in_parts)
        dataset = self.load()
        prepare = model.preparation(self.config, self.info)
        size = self.config.training.batch_size
        return (
            lambda name: runner(name, self.made(), prepare, dataset.train, size),
            dataset,
            where,
        )


class Elsewhere:
    """The contestants of a config in a process of their own, with TensorFlow's usual threads."""

    def __init__(self, config: Config, device: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        place = Path(self._folder.name)
        for file in config.code:
            (place / "code").mkdir(exist_ok=True)
            (place / "code" / file.name).write_text(file.text, encoding="utf-8")
        (place / "config.yaml").write_text(config.to_yaml("code"), encoding="utf-8")
        # This very nnpy, also where it is a folder that is not installed.
        home = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "nnpy.workflows.bench.measure",
                str(place / "config.yaml"),
                device or "",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )

    def runner_of(self, name: str) -> Step:
        """As `Here.ready` gives it, for the process there."""

        def run(seconds: float) -> tuple[int, float]:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            try:
                print(json.dumps([name, seconds]), file=self._process.stdin, flush=True)
                steps, spent, error = json.loads(self._process.stdout.readline())
            except (BrokenPipeError, ValueError):
                raise RunError(f"the process of {name} ended by itself") from None
            if error:
                raise RunError(error)
            return steps, spent

        return run

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


def _serve(path: str, device: str) -> None:
    """The other side of `Elsewhere`: a line of JSON for each line of standard input."""
    from nnpy import data
    from nnpy.config import load as config
    from nnpy.devices import select

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed must not come between
    checked = config.load(path, trust_code=True)
    select.prepare_environment()
    settings = checked.data
    here = Here(
        checked,
        data.info(settings.name, settings.path),
        lambda: data.load(
            settings.name, path=settings.path, validation_split=settings.validation_split
        ),
        device or None,
        in_parts=False,
    )
    runner_of, _, _ = here.ready()
    runners: dict[str, Step] = {}
    for line in sys.stdin:
        name, seconds = json.loads(line)
        try:
            if name not in runners:
                runners[name] = runner_of(name)
            answer = [*runners[name](seconds), ""]
        except NnpyError as error:
            answer = [0, 0.0, str(error)]
        print(json.dumps(answer), file=answers, flush=True)


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


if __name__ == "__main__":
    _serve(*sys.argv[1:])
