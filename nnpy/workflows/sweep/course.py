"""The course of a sweep: trials begun, heard, judged, ended, until there is no more to do."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnpy.devices.host import cores_here
from nnpy.errors import ConfigError, RunError
from nnpy.runs.folder import Run
from nnpy.workflows.sweep.processes import Process, Processes
from nnpy.workflows.sweep.result import Sweep
from nnpy.workflows.sweep.trials import PRUNER, Claimed, Trials

_KILLS = 3  # how often a training that something kills is taken up again
_ASIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # from outside
_PATIENCE = 60.0  # seconds for trainings to save their state when all shall end
_LOOK = 0.25  # seconds between looks at the clock and at signals
_LOOK_FOR_DEAD = 2.0  # seconds between looks for trials that others left


class SweepListener:
    """Hears of a sweep and does nothing; override what you need."""

    def on_message(self, message: str) -> None:
        """Something that the user should know."""

    def on_start(self, sweep: Sweep) -> None:
        """It begins, or goes on: what there is already."""

    def on_change(self, active: list[Active]) -> None:
        """What is trained now has come further."""

    def on_trial_end(self, trial: Claimed, state: str, text: str) -> None:
        """A trial is over: complete, pruned or failed; `text` is its value or the reason."""

    def on_exit(self) -> None:
        """The process ends on the spot: leave nothing half drawn."""


@dataclass(eq=False)
class Active:
    """A training under way."""

    trial: Claimed
    slot: int
    index: int = 0  # which of the trial's seeds
    process: Process | None = None
    kills: int = 0
    epoch: int = 0
    epochs: int = 0
    row: Mapping[str, float] = field(default_factory=dict)
    outcome: dict[str, Any] = field(default_factory=dict)


class Course:
    """One process's part in a sweep.

    Args:
        trials: What there is to train.
        processes: Where it is trained.
        listener: Is told how it goes.
        jobs: How many trainings at a time.
        deadline: When to end, by `time.monotonic`.
        asked: Whether someone has asked it to end.
        common: What every job says: name, device, trust_code.
    """

    def __init__(
        self,
        trials: Trials,
        processes: Processes,
        listener: SweepListener,
        *,
        jobs: int,
        deadline: float | None,
        asked: Callable[[], bool],
        common: Mapping[str, Any],
    ) -> None:
        self._trials, self._processes, self._listener = trials, processes, listener
        self._deadline, self._asked, self._common = deadline, asked, dict(common)
        self._cores = _shared_cores(jobs)
        self._slots: list[Active | None] = [None] * jobs
        self._failures: list[str] = []  # in a row
        self._nothing_new, self._looked = False, 0.0
        self._stopped = 0.0
        self.ended_by: str | None = None  # before its end: "time", "signal" or "failures"

    @property
    def failure(self) -> str:
        """The last reason of the failures that ended the sweep."""
        return self._failures[-1] if self._failures else ""

    def run(self) -> None:
        """Trains until nothing is left to do, or something ends it."""
        while True:
            if self.ended_by is None:
                self._fill()
            if not any(self._slots) and (self.ended_by or self._nothing_new):
                if self.ended_by or not self._trials.others():
                    return
                time.sleep(_LOOK)  # another process trains the last ones, or dies over them
            for process, event in self._processes.events(_LOOK):
                active = next((a for a in self._slots if a and a.process is process), None)
                if active is not None:
                    self._hear(active, event)
            self._listener.on_change([each for each in self._slots if each])
            self._look_at_clock()

    # -- begun ----------------------------------------------------------------------------

    def _fill(self) -> None:
        """Begins a trial in each slot that is free."""
        if self._nothing_new and time.monotonic() - self._looked < _LOOK_FOR_DEAD:
            return
        for slot, active in enumerate(self._slots):
            if active is None and self.ended_by is None:
                trial = self._trials.claim()
                self._nothing_new, self._looked = trial is None, time.monotonic()
                if trial is None:
                    return
                self._begin(Active(trial, slot))

    def _begin(self, active: Active) -> None:
        """Starts the training whose turn it is; one that had ended is only read."""
        self._slots[active.slot] = active
        if active.trial.again and active.kills == 0 and active.index == 0:
            self._listener.on_message(f"trial {active.trial.number}: taken up again")
        run = self._trials.run_of(active.trial, active.index)
        try:
            config = self._trials.config_of(active.trial, active.index)
        except ConfigError as error:
            self._fail(active, "; ".join(str(each.message) for each in error.problems))
            return
        active.outcome, active.row = {}, {}
        active.epochs = config.training.epochs
        active.process = self._processes.start(
            {
                "work": "train",
                "config": config.to_yaml(),
                "folder": str(run.folder),
                "cores": self._cores[active.slot] if self._cores else None,
                **self._common,
            }
        )

    # -- heard ----------------------------------------------------------------------------

    def _hear(self, active: Active, event: dict[str, Any]) -> None:
        match event["event"]:
            case "epoch":
                self._judge(active, event)
            case "done" | "failed" | "interrupted":
                active.outcome = event
            case "ended":
                self._end(active)

    def _judge(self, active: Active, event: dict[str, Any]) -> None:
        """Tells the training whether it is worth going on."""
        row = active.row = event["row"]
        active.epoch, active.epochs = int(row["epoch"]), event["epochs"]
        end = False
        if active.index == 0:
            value = row.get(self._trials.plan.objective)
            end = self._trials.report(active.trial, active.epoch, active.epochs, value)
        assert active.process is not None
        active.process.send({"end": PRUNER if end else None})

    def _end(self, active: Active) -> None:
        """A process is over: what came of its training."""
        process, outcome = active.process, active.outcome
        assert process is not None
        number = process.signalled
        if outcome.get("event") == "done":
            self._finish(active)
        elif outcome.get("event") == "failed":
            self._fail(active, outcome["reason"])
        elif self.ended_by is not None:
            self._slots[active.slot] = None  # goes on another time
        elif outcome.get("event") == "interrupted" or number in _ASIDE:
            active.kills += 1
            if active.kills >= _KILLS:
                name = signal.Signals(number).name if number else "a signal"
                self._fail(active, f"its process was ended {_KILLS} times by {name}")
                return
            self._listener.on_message(f"trial {active.trial.number}: killed, taken up again")
            self._begin(active)
        else:
            how = signal.Signals(number).name if number else f"exit code {process.status}"
            run = self._trials.run_of(active.trial, active.index)
            self._fail(active, f"its process crashed ({how}); see {run.log_path}")

    def _finish(self, active: Active) -> None:
        trial = active.trial
        run = self._trials.run_of(trial, active.index)
        try:
            pruned = self._trials.read_run(trial, run)
        except RunError as error:
            self._fail(active, str(error))
            return
        if not pruned and active.index + 1 < self._trials.plan.settings.seeds:
            active.index += 1
            active.kills = 0
            if self.ended_by is None:
                self._begin(active)
            else:
                self._slots[active.slot] = None
            return
        self._trials.complete(trial, pruned=pruned)
        self._slots[active.slot] = None
        self._failures.clear()
        value = sum(trial.each) / len(trial.each)
        text = f"{self._trials.plan.objective} {value:.4f}"
        self._listener.on_trial_end(trial, "pruned" if pruned else "complete", text)

    def _fail(self, active: Active, reason: str) -> None:
        self._trials.fail(active.trial, reason)
        self._slots[active.slot] = None
        self._failures.append(reason)
        self._listener.on_trial_end(active.trial, "failed", reason)
        if len(self._failures) >= self._trials.plan.settings.max_failures:
            self._stop("failures")

    # -- ended ----------------------------------------------------------------------------

    def _look_at_clock(self) -> None:
        if self.ended_by is None and self._asked():
            self._stop("signal")
        if self.ended_by is None and self._deadline and time.monotonic() >= self._deadline:
            self._stop("time")
        if self.ended_by is not None and time.monotonic() - self._stopped > _PATIENCE:
            for each in self._slots:
                if each and each.process:
                    each.process.signal(signal.SIGKILL)

    def _stop(self, why: str) -> None:
        """Lets every training save its state and end."""
        self.ended_by, self._stopped = why, time.monotonic()
        for each in self._slots:
            if each and each.process:
                each.process.signal(signal.SIGTERM)


def _shared_cores(jobs: int) -> list[list[int]]:
    """The cores of each of several trainings at a time; [] where one has them all."""
    if jobs == 1 or not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    each = min(len(cores), max(cores_here(), jobs)) // jobs or 1
    return [[cores[(job * each + k) % len(cores)] for k in range(each)] for job in range(jobs)]


def shares(jobs: int) -> str:
    """How the cores are divided, in words."""
    counts = Counter(len(each) for each in _shared_cores(jobs))
    if not counts:
        return ""
    count = next(iter(counts))
    return f"{jobs} trainings at a time, {count} of {cores_here()} cores each"


def is_here(run: Run) -> bool:
    """Whether a run lies on this machine's disk, whole."""
    return run.is_run() and run.best_path.is_file()
