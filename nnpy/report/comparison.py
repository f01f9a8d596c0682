"""Runs side by side: how they differ in the making and in the outcome, and whether by chance."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnpy.evaluation.statistics import McNemar, mcnemar
from nnpy.report import figures, html
from nnpy.report.html import number, safe
from nnpy.text import plain

ABSENT = object()
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


@dataclass(frozen=True)
class Difference:
    """A place at which the runs differ, with the value of each (None: absent)."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Pair:
    """McNemar's test of two runs on the test set that they share."""

    first: str
    second: str
    test: McNemar


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
            ],
        }


def compare(runs: Sequence[Compared]) -> Comparison:
    """What differs between the runs; those with the same test set are tested in pairs."""
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    pairs = [
        Pair(one.name, other.name, mcnemar(one.right, other.right))
        for one, other in itertools.combinations(runs, 2)
        if one.right is not None and other.right is not None and one.test_set == other.test_set
    ]
    return Comparison(
        runs=tuple(runs),
        config=tuple(differences([run.config for run in runs])),
        environment=tuple(differences([run.environment for run in runs])),
        metrics=tuple(names),
        pairs=tuple(pairs[:MOST_PAIRS]),
    )


def differences(values: Sequence[Any], path: str = "") -> list[Difference]:
    """Where some trees of dicts, lists and scalars differ, as deep as their forms agree.

    Dicts of one key are objects as configs write them (`{Dense: {...}}`): with different keys
    they are different things, and not compared within.
    """
    there = [value for value in values if value is not ABSENT]
    if all(isinstance(value, Mapping) for value in there) and len(there) > 1:
        keys = list(dict.fromkeys(key for value in there for key in value))
        things = all(len(value) == 1 for value in there) and len(keys) > 1 and path
        if not things:
            return [
                difference
                for key in keys
                for difference in differences(
                    [v.get(key, ABSENT) if v is not ABSENT else ABSENT for v in values],
                    f"{path}.{key}" if path else str(key),
                )
            ]
    if all(isinstance(value, list | tuple) for value in there) and len(there) > 1:
        longest = max(map(len, there))
        return [
            difference
            for i in range(longest)
            for difference in differences(
                [v[i] if v is not ABSENT and i < len(v) else ABSENT for v in values],
                f"{path}[{i}]",
            )
        ]
    if len(there) == len(values) and all(_same(there[0], value) for value in there[1:]):
        return []
    return [Difference(path, tuple(None if v is ABSENT else v for v in values))]


def _same(one: Any, other: Any) -> bool:
    """Equality in which 1, 1.0 and True are three things only where YAML writes them so."""
    both_nan = one != one and other != other
    return bool(both_nan or (one == other and isinstance(one, bool) == isinstance(other, bool)))


def verdict(pair: Pair) -> str:
    """What the test of two runs says, in a sentence."""
    test = pair.test
    gap = test.only_first - test.only_second
    if gap == 0:
        return f"{pair.first} and {pair.second} are right equally often."
    better, worse = (pair.first, pair.second) if gap > 0 else (pair.second, pair.first)
    low, high = sorted((test.only_first, test.only_second))
    p = f"p = {test.p_value:.2g}" if test.p_value >= 1e-12 else "p < 1e-12"
    said = f"{better} alone is right on {high:,} examples, {worse} alone on {low:,}: "
    if test.p_value < 0.05:
        return f"{said}{better} is better, by more than chance ({p})."
    return f"{said}that may well be chance ({p})."


def short(value: Any, limit: int = 60) -> str:
    """A config value as one short line."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return plain(text, limit)


def render(comparison: Comparison) -> str:
    """The comparison as one self-contained page."""
    runs = comparison.runs
    parts = [
        '<header><p class="over">nnpy compare</p>'
        f'<h1 class="words">{" and ".join(safe(run.name, 60) for run in runs)}</h1></header><main>',
        html.section("What came out", _metrics(comparison), "accuracy", "loss"),
    ]
    if comparison.pairs:
        parts.append(
            html.section(
                "Is it more than chance?", _pairs(comparison), "McNemar's test", "test set"
            )
        )
    if curves := _curves(runs):
        parts.append(html.section("How they went", curves, "epoch", "validation set"))
    head = ["", *(safe(run.name, 40) for run in runs)]
    made = "".join(
        f"<h3>{title}</h3>{html.table(head, [_row(d) for d in found])}"
        if found
        else f"<p>{title}: no difference.</p>"
        for title, found in (
            ("The configs", comparison.config),
            ("The environments", comparison.environment),
        )
    )
    parts.append(html.section("What differs in how they were made", made))
    parts.append("</main><footer>Written by nnpy. This page is one file.</footer>")
    names = ", ".join(plain(run.name, 40) for run in runs)
    return html.document(f"{names} – nnpy compare", "\n".join(parts))


def _row(difference: Difference) -> list[str]:
    cells = [safe(short(value, 200)) for value in difference.values]
    return [f"<code>{safe(difference.path, 120)}</code>", *cells]


def _metrics(comparison: Comparison) -> str:
    rows = []
    for name in comparison.metrics:
        values = [run.metrics.get(name) for run in comparison.runs]
        cells = [
            number(value, "" if isinstance(value, int) else ".4f")
            if isinstance(value, int | float)
            else safe(short(value))
            for value in values
        ]
        rows.append([safe(name, 40), *cells])
    head = ["", *(safe(run.name, 40) for run in comparison.runs)]
    return html.table(head, rows, numeric=range(1, len(head)))


def _pairs(comparison: Comparison) -> str:
    rows = [
        (
            safe(pair.first, 40),
            safe(pair.second, 40),
            f"{pair.test.both_right:,}",
            f"{pair.test.only_first:,}",
            f"{pair.test.only_second:,}",
            f"{pair.test.both_wrong:,}",
            number(pair.test.p_value, ".3g"),
        )
        for pair in comparison.pairs
    ]
    head = ("first", "second", "both right", "only first", "only second", "neither", "p-value")
    said = "".join(f"<p>{safe(verdict(pair))}</p>" for pair in comparison.pairs[:5])
    return said + html.table(head, rows, numeric=range(2, 7))


def curve_names(runs: Sequence[Compared]) -> list[str]:
    """The values that two or more runs have a curve of."""
    names = [name for run in runs for name in figures.panels(run.history)]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _curves(runs: Sequence[Compared]) -> str:
    histories = {run.name: run.history for run in runs}
    drawn = [
        html.figure(
            figures.inline_svg(
                figures.overlaid(histories, [name]), f"over-{name}", f"{name} by epoch"
            )
        )
        for name in curve_names(runs)[:24]
    ]
    note = "<p>Of each run the validation curve, or the training curve where there is none.</p>"
    return f'{note}<div class="panels">{"".join(drawn)}</div>' if drawn else ""
