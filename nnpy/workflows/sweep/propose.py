"""Which values a trial tries: drawn from (the sweep's seed, the trial's number), never twice.

A sampler of Optuna is made for each trial with a seed of its own, so that no process repeats what
another draws, and a sweep that was killed goes on with the values that it would have had.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnpy.config.sweep.space import Dimension
from nnpy.config.sweep_settings import SweepSettings
from nnpy.workflows.sweep.store import optuna_here

if TYPE_CHECKING:
    import optuna

_ATTEMPTS = 30  # at values that were not tried yet, before they are looked for one by one
_MOST_LISTED = 100_000  # combinations that are looked through


def seed_of(seed: int, *numbers: int) -> int:
    """A seed from 0 to 2**32 - 1 that belongs to a trial: other numbers, another seed."""
    text = ",".join(map(str, (seed, *numbers)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def distributions(dimensions: Sequence[Dimension]) -> dict[str, Any]:
    """The search space as Optuna has it; a choice is its number: anything may be a choice."""
    kinds = optuna_here().distributions
    found: dict[str, Any] = {}
    for each in dimensions:
        if each.choices:
            found[each.path] = kinds.CategoricalDistribution(tuple(range(len(each.choices))))
        elif each.whole:
            step = int(each.step or 1)
            # Optuna lowers the end to the last step by itself, and warns of it.
            last = int(each.low) + (int(each.high) - int(each.low)) // step * step
            found[each.path] = kinds.IntDistribution(int(each.low), last, log=each.log, step=step)
        else:
            high = each.high
            if each.step:
                high = each.low + int((each.high - each.low) / each.step + 1e-9) * each.step
            found[each.path] = kinds.FloatDistribution(
                each.low, high, log=each.log, step=each.step or None
            )
    return found


def values_of(dimensions: Sequence[Dimension], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the config at each path, of what a trial has drawn."""
    return {
        each.path: each.choices[drawn[each.path]] if each.choices else drawn[each.path]
        for each in dimensions
    }


def size(dimensions: Sequence[Dimension]) -> int | None:
    """How many combinations there are; None where they cannot be counted."""
    counts = [each.count() for each in dimensions]
    return None if None in counts else math.prod(count for count in counts if count)


def key_of(drawn: Mapping[str, Any]) -> str:
    """What two trials with equal values have in common."""
    return json.dumps(dict(drawn), sort_keys=True)


class Proposer:
    """Draws the values of trials.

    Args:
        settings: The sampler and its seed.
        dimensions: What is searched.
    """

    def __init__(self, settings: SweepSettings, dimensions: Sequence[Dimension]) -> None:
        self._settings, self._dimensions = settings, dimensions
        self.space = distributions(dimensions)
        self.size = size(dimensions)

    def draw(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        """Values for a trial that has none yet, other than those of all trials before it.

        What is drawn is equal whenever the trials before it are.
        """
        others = [each for each in study.get_trials(deepcopy=False) if each.number != trial.number]
        tried = {key_of(each.params) for each in others if len(each.params) == len(self.space)}
        if self._settings.sampler == "grid":
            return self._from_list(tried, 0)
        for attempt in range(_ATTEMPTS):
            drawn = self._sample(study, trial, seed_of(self._settings.seed, trial.number, attempt))
            if key_of(drawn) not in tried:
                return drawn
        start = seed_of(self._settings.seed, trial.number)
        return self._from_list(tried, start) if self.size else drawn

    def is_exhausted(self, trials: Iterable[optuna.trial.FrozenTrial]) -> bool:
        """Whether every combination has been tried."""
        if self.size is None or self.size > _MOST_LISTED:
            return False
        return len({key_of(each.params) for each in trials if each.params}) >= self.size

    def _sample(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, seed: int
    ) -> dict[str, Any]:
        sampler = self._sampler(seed)
        drawn = sampler.sample_relative(study, trial, self.space)
        return {
            name: drawn[name]
            if name in drawn
            else sampler.sample_independent(study, trial, name, kind)
            for name, kind in self.space.items()
        }

    def _sampler(self, seed: int) -> Any:
        samplers = optuna_here().samplers
        match self._settings.sampler:
            case "random":
                return samplers.RandomSampler(seed)
            case "qmc":
                # The points of one sequence: the seed is the sequence's, not the trial's.
                with warnings.catch_warnings():  # that Optuna's interface may change
                    warnings.simplefilter("ignore")
                    return samplers.QMCSampler(
                        scramble=True,
                        seed=self._settings.seed,
                        independent_sampler=samplers.RandomSampler(seed),
                        warn_independent_sampling=False,
                    )
        return samplers.TPESampler(seed=seed)

    def _from_list(self, tried: set[str], start: int) -> dict[str, Any]:
        """The first combination not tried yet, counted from a number on."""
        counts = [each.count() or 1 for each in self._dimensions]
        total = math.prod(counts)
        for index in itertools.islice(itertools.count(start), min(total, _MOST_LISTED)):
            drawn, rest = {}, index % total
            for each, count in zip(reversed(self._dimensions), reversed(counts), strict=True):
                rest, number = divmod(rest, count)
                drawn[each.path] = number if each.choices else each.nth(number)
            drawn = {each.path: drawn[each.path] for each in self._dimensions}
            if key_of(drawn) not in tried:
                return drawn
        return drawn


def pruner(name: str, epochs: int) -> Any:
    """The pruner of that name; its resource is the epoch."""
    pruners = optuna_here().pruners
    match name:
        case "median":
            return pruners.MedianPruner()
        case "hyperband":
            return pruners.HyperbandPruner(max_resource=max(epochs, 1))
        case "halving":
            return pruners.SuccessiveHalvingPruner()
    return pruners.NopPruner()
