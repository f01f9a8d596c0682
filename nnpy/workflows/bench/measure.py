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

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnpy.errors import NnpyError
from nnpy.runs.environment import versions
from nnpy.workflows.bench.process import Elsewhere
from nnpy.workflows.bench.runners import CONTESTANTS, ENGINE, Here, Step
from nnpy.workflows.session import can_split_batch

if TYPE_CHECKING:
    from nnpy.config.config import Config


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


def bench_config(
    config: Config,
    *,
    seconds: float = 3.0,
    rounds: int = 3,
    device: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """How fast a config trains on this machine, as plain data; see `bench`."""
    from nnpy.engine import choose

    contestants = Here(config, device, can_split_batch(config)).ready()
    session = contestants.session
    choice = choose(session.build_model(), config.training.execution)
    split_batches = can_split_batch(config) and contestants.device.startswith("CPU")
    elsewhere = Elsewhere(config, device) if split_batches else None

    def runner_of(name: str) -> Step:
        if elsewhere and name not in ENGINE:
            return elsewhere.runner_of(name)
        return contestants.runner_of(name)

    examples, batch_size = len(session.dataset().train), config.training.batch_size
    try:
        speeds = bench(
            runner_of,
            examples=examples,
            batch_size=batch_size,
            seconds=seconds,
            rounds=rounds,
            progress=progress,
        )
    finally:
        if elsewhere:
            elsewhere.close()
    return {
        "config": config.name,
        "device": contestants.device,
        "versions": versions(),
        "examples": examples,
        "batch_size": batch_size,
        "choice": {"mode": choice.mode, "reason": choice.reason, "parts": split_batches},
        "speeds": [speed.as_dict() for speed in speeds],
    }
