"""Runs side by side: how they differ in the making and in the outcome, and whether by chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nnpy.evaluation.comparison import Compared, Comparison, Pair
from nnpy.report import figures, html
from nnpy.report.html import number, safe
from nnpy.runs.differences import Difference
from nnpy.text import plain


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
