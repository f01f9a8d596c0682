"""The trials of a sweep in its storage: claimed, given values, reported, closed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.config.arrays import files_in
from nnpy.config.config import Config
from nnpy.config.load import with_values
from nnpy.config.sweep.check import SweepPlan
from nnpy.errors import RunError
from nnpy.runs.folder import Run
from nnpy.workflows.sweep import stored
from nnpy.workflows.sweep.folder import SweepFolder
from nnpy.workflows.sweep.owners import OWNER, Owner
from nnpy.workflows.sweep.propose import Proposer, pruner, seed_of, values_of
from nnpy.workflows.sweep.result import CONFIG, RESULT, SURPLUS
from nnpy.workflows.sweep.store import held, optuna_here

if TYPE_CHECKING:
    import optuna

PRUNER = "pruner"  # who ended a pruned run, in its summary


@dataclass(eq=False)
class Claimed:
    """A trial that this process trains."""

    number: int
    id: int
    values: dict[str, Any]
    again: bool  # whether another process had begun it
    each: list[float] = field(default_factory=list)  # the values of its finished runs
    epochs: int = 0
    seconds: float = 0.0


class Trials:
    """What one process does with the trials of a sweep.

    Args:
        config: The config with its plan.
        folder: The sweep's.
        storage: Optuna's, and `study` in it.
        owner: This process.
    """

    def __init__(
        self,
        config: Config,
        folder: SweepFolder,
        storage: optuna.storages.BaseStorage,
        study: optuna.Study,
        owner: Owner,
    ) -> None:
        assert config.sweep is not None
        self._config, self._plan, self._folder = config, config.sweep, folder
        self._storage, self._study, self._owner = storage, study, owner
        self._id = storage.get_study_id_from_name(study.study_name)
        self._proposer = Proposer(self._plan.settings, self._plan.dimensions)
        stored.check(study, self._proposer.space, str(folder.path))
        self._pruner = pruner(self._plan.settings.pruner, config.training.epochs)

    @property
    def plan(self) -> SweepPlan:
        return self._plan

    def others(self) -> int:
        """How many trials other living processes train."""
        return sum(
            each.state.name == "RUNNING" and each.user_attrs.get(OWNER) != self._owner.name
            for each in self._study.get_trials(deepcopy=False)
        )

    def exhausted(self) -> bool:
        """Whether every combination of values has been tried."""
        return self._proposer.is_exhausted(self._study.get_trials(deepcopy=False))

    def claim(self) -> Claimed | None:
        """A trial to train: one that a dead process left, or a new one; None if there is none."""
        with held(self._folder.lock):
            trials = self._study.get_trials(deepcopy=False)
            for each in trials:
                name = each.user_attrs.get(OWNER)
                if each.state.name == "RUNNING" and self._owner.is_dead(name):
                    self._storage.set_trial_user_attr(each._trial_id, OWNER, self._owner.name)
                    self._owner.bury(name)
                    return self._given_values(each._trial_id, again=True)
            if len(trials) >= self._plan.settings.trials or self._proposer.is_exhausted(trials):
                return None
            trial = optuna_here().trial
            template = trial.create_trial(
                state=trial.TrialState.RUNNING, user_attrs={OWNER: self._owner.name}
            )
            new = self._storage.create_new_trial(self._id, template)
            # Without a disk in common no lock keeps two processes from beginning the last one.
            if self._storage.get_trial(new).number >= self._plan.settings.trials:
                self._end(new, trial.TrialState.FAIL, None, {"reason": SURPLUS})
                return None
            return self._given_values(new, again=False)

    def _given_values(self, id: int, *, again: bool) -> Claimed:
        """Of a trial that was left before all its values were kept the same are drawn again."""
        trial = self._storage.get_trial(id)
        space = self._proposer.space
        if len(trial.params) < len(space):
            drawn = self._proposer.draw(self._study, trial) | trial.params
            for name, kind in space.items():
                if name not in trial.params:
                    inner = kind.to_internal_repr(drawn[name])
                    self._storage.set_trial_param(id, name, inner, kind)
            trial = self._storage.get_trial(id)
        values = values_of(self._plan.dimensions, trial.params)
        return Claimed(trial.number, id, values, again)

    def config_of(self, trial: Claimed, index: int) -> Config:
        """The config of a trial's training number `index`. Raises ConfigError."""
        seed = seed_of(self._plan.settings.seed, trial.number, index)
        config = with_values(self._config, trial.values | {"training.seed": seed})
        if index == 0:  # as it is kept beside the trials: best.yaml
            files = {each: str(Path(each).absolute()) for each in files_in(config.resolved)}
            text = config.to_yaml(f"trials/{self.run_of(trial, 0).name}/code", files)
            self._storage.set_trial_user_attr(trial.id, CONFIG, text)
        return config

    def run_of(self, trial: Claimed, index: int) -> Run:
        return self._folder.run(trial.number, index, self._plan.settings.seeds)

    def report(self, trial: Claimed, epoch: int, epochs: int, value: float | None) -> bool:
        """Notes what an epoch has reached; whether the trial shall end here."""
        if value is None or not math.isfinite(value):
            return False
        self._storage.set_trial_intermediate_value(trial.id, epoch, value)
        if epoch >= epochs:
            return False
        return bool(self._pruner.prune(self._study, self._storage.get_trial(trial.id)))

    def read_run(self, trial: Claimed, run: Run) -> bool:
        """Adds what a finished run has reached to its trial; whether it was pruned.

        Raises RunError when there is nothing of it to compare.
        """
        summary, rows = run.summary(), run.metrics()
        best = summary.get("best_epoch")
        row = next((each for each in rows if each.get("epoch") == best), {})
        value = row.get(self._plan.objective)
        if value is None or not math.isfinite(value):
            shown = "no epoch was validated" if value is None else f"it was {value}"
            raise RunError(f"it has no {self._plan.objective}: {shown}")
        trial.each.append(value)
        trial.epochs = len(rows)
        trial.seconds += summary.get("seconds", {}).get("total") or 0.0
        return (summary.get("stopped") or {}).get("by") == PRUNER

    def complete(self, trial: Claimed, *, pruned: bool) -> None:
        """Closes a trial with the mean of its runs."""
        runs = [self.run_of(trial, index) for index in range(len(trial.each))]
        states = optuna_here().trial.TrialState
        summary = runs[0].summary()
        result = {
            "runs": [run.name for run in runs],
            "each": trial.each,
            "epochs": trial.epochs,
            "best_epoch": summary.get("best_epoch"),
            "seconds": trial.seconds,
            "metrics": summary.get("validation") or {},
            "device": summary.get("device"),
        }
        value = sum(trial.each) / len(trial.each)
        self._end(trial.id, states.PRUNED if pruned else states.COMPLETE, value, result)

    def fail(self, trial: Claimed, reason: str) -> None:
        """Closes a trial that came to nothing, with the reason."""
        runs = [self.run_of(trial, index) for index in range(len(trial.each) + 1)]
        result = {
            "reason": reason,
            "runs": [run.name for run in runs if run.is_run()],
            "seconds": trial.seconds,
        }
        self._end(trial.id, optuna_here().trial.TrialState.FAIL, None, result)

    def _end(self, id: int, state: Any, value: float | None, result: dict[str, Any]) -> None:
        now = self._storage.get_trial(id)
        if now.state.is_finished() or now.user_attrs.get(OWNER) != self._owner.name:
            return  # taken for dead, and done by another
        self._storage.set_trial_user_attr(id, RESULT, result)
        self._storage.set_trial_state_values(id, state, None if value is None else [value])
