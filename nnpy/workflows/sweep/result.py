"""What a sweep has found so far, read from its storage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.config.sweep.space import Dimension
from nnpy.workflows.sweep.folder import SweepFolder
from nnpy.workflows.sweep.propose import values_of

if TYPE_CHECKING:
    import optuna

RESULT = "result"  # the attribute of a trial that says what came out
CONFIG = "config"  # its resolved config as YAML
TESTED = "tested"  # the study's attribute with what the test set said of its best trial


@dataclass(frozen=True)
class Trial:
    """One combination of values, and what came of it.

    `state` is complete, pruned, failed or running; `value` the objective at the best epoch, the
    mean over its runs; `curve` the objective by epoch of its first run.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    value: float | None = None
    epochs: int = 0
    best_epoch: int | None = None
    seconds: float = 0.0
    runs: tuple[Path, ...] = ()
    each: tuple[float, ...] = ()  # the value of each run
    reason: str = ""
    curve: Mapping[int, float] = field(default_factory=dict)
    config: str = ""

    @property
    def finished(self) -> bool:
        return self.state in ("complete", "pruned")

    def as_dict(self) -> dict[str, Any]:
        told = {
            "number": self.number,
            "state": self.state,
            "value": self.value,
            "values": dict(self.values),
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "runs": [str(run) for run in self.runs],
        }
        if len(self.each) > 1:
            told["each"] = list(self.each)
        return told | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True)
class Sweep:
    """A sweep: what was searched and what was found.

    `test` has the best trial's metrics on the test set, `comparison` McNemar's test of it and the
    second best on the validation examples; both are {} until they are known.
    """

    folder: SweepFolder
    objective: str
    mode: str
    planned: int
    dimensions: tuple[Dimension, ...]
    trials: tuple[Trial, ...]
    test: Mapping[str, float] = field(default_factory=dict)
    comparison: Mapping[str, Any] = field(default_factory=dict)
    tested: bool = False  # whether the best trial has been looked at

    @property
    def ranked(self) -> list[Trial]:
        """The complete trials, the best one first; of equals the earlier one."""
        done = [each for each in self.trials if each.state == "complete"]
        sign = -1 if self.mode == "max" else 1
        return sorted(done, key=lambda each: (sign * (each.value or 0.0), each.number))

    @property
    def best(self) -> Trial | None:
        return next(iter(self.ranked), None)

    @property
    def best_config(self) -> Path:
        """The config of the best trial, trainable as it is; there once a trial is complete."""
        return self.folder.best_config

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each state."""
        states = ("complete", "pruned", "failed", "running")
        return {each: sum(trial.state == each for trial in self.trials) for each in states}

    def as_dict(self) -> dict[str, Any]:
        """The whole of it as plain data, for `--json`."""
        best = self.best
        return {
            "sweep": str(self.folder.path),
            "objective": self.objective,
            "mode": self.mode,
            "planned": self.planned,
            "counts": self.counts,
            "search": {each.path: each.as_dict() for each in self.dimensions},
            "best": best.as_dict() if best else None,
            "best_config": str(self.best_config) if best else None,
            "test": dict(self.test),
            "comparison": dict(self.comparison),
            "trials": [each.as_dict() for each in self.trials],
        }


def read(
    study: optuna.Study,
    folder: SweepFolder,
    dimensions: Sequence[Dimension],
    objective: str,
    mode: str,
    planned: int,
) -> Sweep:
    """What a study holds."""
    trials = [_trial(each, folder, dimensions) for each in study.get_trials(deepcopy=False)]
    told = tuple(each for each in trials if each.reason != SURPLUS)
    sweep = Sweep(folder, objective, mode, planned, tuple(dimensions), told)
    best, tested = sweep.best, study.user_attrs.get(TESTED) or {}
    if best is None or tested.get("best") != best.number:
        return sweep
    ranked = sweep.ranked
    same = len(ranked) > 1 and tested.get("second") == ranked[1].number
    comparison = tested.get("comparison") or {}
    return Sweep(
        folder,
        objective,
        mode,
        planned,
        tuple(dimensions),
        told,
        tested.get("test") or {},
        comparison if same else {},
        tested=True,
    )


SURPLUS = "one more than planned: another process began the last one at the same moment"


def _trial(
    trial: optuna.trial.FrozenTrial, folder: SweepFolder, dimensions: Sequence[Dimension]
) -> Trial:
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    result = trial.user_attrs.get(RESULT) or {}
    drawn = len(trial.params) == len(dimensions)
    finite = trial.values and math.isfinite(trial.values[0])
    return Trial(
        trial.number,
        states.get(trial.state.name, "running"),
        values_of(dimensions, trial.params) if drawn else {},
        trial.values[0] if finite else None,
        result.get("epochs", len(trial.intermediate_values)),
        result.get("best_epoch"),
        result.get("seconds", 0.0),
        tuple(folder.trials / name for name in result.get("runs", ())),
        tuple(result.get("each", ())),
        str(result.get("reason", "")),
        dict(trial.intermediate_values),
        trial.user_attrs.get(CONFIG, ""),
    )
