"""Runs held against each other: what differs, and whether by chance.

Classes are tested by McNemar's test, other answers by the paired bootstrap of their errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnpy.config.resolved import read_resolved
from nnpy.evaluation.statistics import McNemar, PairedDifference, mcnemar, paired_bootstrap
from nnpy.runs import listing
from nnpy.runs.differences import Difference, differences
from nnpy.runs.folder import Run
from nnpy.runs.metrics_csv import history
from nnpy.runs.predictions import kept_answers, kept_errors

MOST_PAIRS = 45  # of ten runs; more would drown the page


@dataclass(frozen=True)
class Compared:
    """What a comparison needs to know of one run."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)  # flat: "test accuracy", "seconds"
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    right: np.ndarray | None = None  # (n,) bool: which test examples it answers rightly
    test_set: str = ""  # a digest of the test set's truth: only the same can be compared
    errors: np.ndarray | None = None  # (n,) how far each answer is from the truth; not of classes
    measure: str = ""  # what `errors` are: "absolute error" and so on


@dataclass(frozen=True)
class Pair:
    """Two runs on the test set that they share: McNemar's test of classes, else the paired
    bootstrap of their errors by `measure`."""

    first: str
    second: str
    test: McNemar | PairedDifference
    measure: str = ""


@dataclass(frozen=True)
class Comparison:
    """Everything that is said of some runs beside one another."""

    runs: tuple[Compared, ...]
    config: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    metrics: tuple[str, ...]  # the names that any run has, in order
    pairs: tuple[Pair, ...]

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain data, for `--json`."""
        return {
            "runs": [run.name for run in self.runs],
            "config": {d.path: list(d.values) for d in self.config},
            "environment": {d.path: list(d.values) for d in self.environment},
            "metrics": {
                name: [run.metrics.get(name) for run in self.runs] for name in self.metrics
            },
            "mcnemar": [
                {
                    "first": pair.first,
                    "second": pair.second,
                    "both_right": pair.test.both_right,
                    "only_first": pair.test.only_first,
                    "only_second": pair.test.only_second,
                    "both_wrong": pair.test.both_wrong,
                    "p_value": pair.test.p_value,
                }
                for pair in self.pairs
                if isinstance(pair.test, McNemar)
            ],
            "bootstrap": [
                {"first": pair.first, "second": pair.second, "measure": pair.measure}
                | {"means": [pair.test.first, pair.test.second]}
                | {"difference": vars(pair.test.difference), "p_value": pair.test.p_value}
                for pair in self.pairs
                if isinstance(pair.test, PairedDifference)
            ],
        }


def compare(runs: Sequence[Compared]) -> Comparison:
    """What differs between the runs; those with the same test set are tested in pairs."""
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    pairs: list[Pair] = []
    for one, other in itertools.combinations(runs, 2):
        if one.test_set != other.test_set:
            continue
        if one.right is not None and other.right is not None:
            pairs.append(Pair(one.name, other.name, mcnemar(one.right, other.right)))
        elif one.errors is not None and other.errors is not None and one.measure == other.measure:
            test = paired_bootstrap(one.errors, other.errors)
            pairs.append(Pair(one.name, other.name, test, one.measure))
    return Comparison(
        runs=tuple(runs),
        config=tuple(differences([run.config for run in runs])),
        environment=tuple(differences([run.environment for run in runs])),
        metrics=tuple(names),
        pairs=tuple(pairs[:MOST_PAIRS]),
    )


def compared(runs: Iterable[Run]) -> list[Compared]:
    """What a comparison needs of each run; runs of one name are told apart by their paths."""
    runs = list(runs)
    names = [run.name for run in runs]
    found = []
    for run in runs:
        summary, environment = run.summary(), run.environment()
        row = listing.row(run)
        right, truth = kept_answers(run)
        errors, measure, of = kept_errors(run)
        skipped = ("run", "date", "config")
        found.append(
            Compared(
                name=run.name if names.count(run.name) == 1 else str(run),
                config=read_resolved(run.config_path)[1],
                environment={
                    **{k: environment.get(k) for k in ("versions", "devices", "platform", "data")},
                    "git_commit": environment.get("git_commit"),
                    "execution": (summary.get("execution") or {}).get("mode"),
                },
                metrics={
                    name.replace("_", " "): value
                    for name, value in row.items()
                    if name not in skipped
                },
                history=history(run),
                right=right,
                test_set=truth or of,
                errors=errors,
                measure=measure,
            )
        )
    return found
