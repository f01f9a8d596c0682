"""Runs side by side: how they differ in the making and in the outcome, and whether by chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from nnpy.evaluation.comparison import Compared, Comparison, Pair
from nnpy.evaluation.statistics import McNemar, PairedDifference
from nnpy.report import figures, html
from nnpy.report.html import Cell, Code, Number, Table
from nnpy.runs.differences import Difference
from nnpy.text import plain


def verdict(pair: Pair) -> str:
    """What the test of two runs says, in a sentence."""
    test = pair.test
    if isinstance(test, PairedDifference):
        return _difference(pair, test)
    gap = test.only_first - test.only_second
    if gap == 0:
        return f"{pair.first} and {pair.second} are right equally often."
    better, worse = (pair.first, pair.second) if gap > 0 else (pair.second, pair.first)
    low, high = sorted((test.only_first, test.only_second))
    p = f"p = {test.p_value:.2g}" if test.p_value >= 1e-12 else "p < 1e-12"
    facts = f"{better} alone is right on {high:,} examples, {worse} alone on {low:,}: "
    if test.p_value < 0.05:
        return f"{facts}{better} is better, by more than chance ({p})."
    return f"{facts}that may well be chance ({p})."


def _difference(pair: Pair, test: PairedDifference) -> str:
    better, worse = (
        (pair.first, pair.second) if test.first < test.second else (pair.second, pair.first)
    )
    low, high = sorted((test.first, test.second))
    if low == high:
        return f"{pair.first} and {pair.second} have the same mean {pair.measure}."
    facts = f"{better} has the mean {pair.measure} {low:.4g}, {worse} {high:.4g}: "
    ends = sorted((abs(test.difference.low), abs(test.difference.high)))
    p = f"p = {test.p_value:.2g}, paired bootstrap"
    if test.p_value < 0.05:
        by = f"{ends[0]:.3g} to {ends[1]:.3g}"
        return f"{facts}{better} is better by {by}, more than chance ({p})."
    return f"{facts}that may well be chance ({p})."


def short(value: Any, limit: int = 60) -> str:
    """A config value as one short line."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return plain(text, limit)


def render(comparison: Comparison) -> str:
    """The comparison as one self-contained page."""
    runs = comparison.runs
    return html.render(
        "comparison.html",
        {
            "title": ", ".join(plain(run.name, 40) for run in runs) + " – nnpy compare",
            "heading": " and ".join(plain(run.name, 60) for run in runs),
            "metrics": _metrics(comparison),
            "verdicts": [verdict(pair) for pair in comparison.pairs[:5]],
            "pairs": _pairs(comparison) if _tested(comparison) else None,
            "curves": _curves(runs),
            "differences": [
                {"title": title, "table": _differences(runs, differences)}
                for title, differences in (
                    ("The configs", comparison.config),
                    ("The environments", comparison.environment),
                )
            ],
        },
    )


def _differences(runs: Sequence[Compared], differences: Sequence[Difference]) -> Table | None:
    rows: list[list[Cell]] = [
        [Code(plain(each.path, 120)), *(short(value, 200) for value in each.values)]
        for each in differences
    ]
    return Table(_head(runs), rows) if rows else None


def _head(runs: Sequence[Compared]) -> list[str]:
    return ["", *(plain(run.name, 40) for run in runs)]


def _metrics(comparison: Comparison) -> Table:
    rows = [
        [plain(name, 40), *(_metric(run.metrics.get(name)) for run in comparison.runs)]
        for name in comparison.metrics
    ]
    head = _head(comparison.runs)
    return Table(head, rows, numeric=range(1, len(head)))


def _metric(value: Any) -> Cell:
    return Number(value) if isinstance(value, int | float) else short(value)


def _tested(comparison: Comparison) -> list[tuple[Pair, McNemar]]:
    """The pairs that McNemar's test is of."""
    return [(each, each.test) for each in comparison.pairs if isinstance(each.test, McNemar)]


def _pairs(comparison: Comparison) -> Table:
    rows = [
        (
            plain(pair.first, 40),
            plain(pair.second, 40),
            f"{test.both_right:,}",
            f"{test.only_first:,}",
            f"{test.only_second:,}",
            f"{test.both_wrong:,}",
            Number(test.p_value, ".3g"),
        )
        for pair, test in _tested(comparison)
    ]
    head = ("first", "second", "both right", "only first", "only second", "neither", "p-value")
    return Table(head, rows, numeric=range(2, 7))


def curve_names(runs: Sequence[Compared]) -> list[str]:
    """The values that two or more runs have a curve of."""
    names = [name for run in runs for name in figures.panels(run.history)]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _curves(runs: Sequence[Compared]) -> list[Markup]:
    histories = {run.name: run.history for run in runs}
    return [
        figures.inline_svg(figures.overlaid(histories, [name]), f"over-{name}", f"{name} by epoch")
        for name in curve_names(runs)[:24]
    ]
