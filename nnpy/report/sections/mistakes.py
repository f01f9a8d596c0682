"""The section of the page about what the model gets wrong."""

from __future__ import annotations

import numpy as np

from nnpy.report import figures, html
from nnpy.report.contents import Contents
from nnpy.report.figures import Mistake
from nnpy.report.html import number, safe
from nnpy.text import percent


def failures_section(contents: Contents, drawings: bool) -> str:
    evaluation = contents.evaluation
    report = evaluation.classes if evaluation else None
    if not evaluation or not report or not evaluation.examples:
        return ""
    wrong = int(report.confusion.sum() - np.trace(report.confusion))
    if not wrong:
        return html.section(
            "Where it fails",
            f"<p>Nowhere: all {evaluation.examples:,} examples are answered rightly. So good a "
            "result is worth a doubt: do the test examples occur in the training set?</p>",
        )
    names = [score.name for score in report.classes]
    pairs = report.confusion.copy()
    np.fill_diagonal(pairs, 0)
    # Stable, so that equal counts keep the order of the classes.
    order = np.argsort(-pairs, axis=None, kind="stable")[:5]
    places = [(int(i) // len(names), int(i) % len(names)) for i in order if pairs.flat[i]]
    rows = [
        (
            safe(names[truth], 60),
            safe(names[answer], 60),
            number(int(pairs[truth, answer])),
            f"{100 * pairs[truth, answer] / max(report.classes[truth].support, 1):.1f}\u202f%",
        )
        for truth, answer in places
    ]
    parts = [
        f"<p>{number(wrong)} of {evaluation.examples:,} answers are wrong. Most often:</p>",
        html.table(("this", "was taken for", "times", "of its class"), rows, numeric=(2, 3)),
    ]
    if drawings:
        parts.append(
            html.figure(
                figures.inline_svg(contents.drawings["confusion"], "confusion", "Confusion matrix"),
                "Blue: right. Orange: wrong. The stronger, the larger the share of the row "
                "(orange: its square root, so that rare mistakes are seen too).",
                "wide",
            )
        )
    if evaluation.mistakes:
        parts.append("<h3>The most confident mistakes</h3>")
        parts.append(
            "<p>Here the model was surest and yet wrong. Some of these examples are hard for "
            "people too, and some may be labelled wrongly.</p>"
        )
        parts.append(f'<ul class="gallery">{"".join(map(_mistake, evaluation.mistakes))}</ul>')
    return html.section("Where it fails", "".join(parts), "confusion matrix")


def _mistake(item: Mistake) -> str:
    alt = f"example {item.index}: {item.truth}, taken for {item.answer}"
    return (
        f"<li>{html.picture(item.picture, alt)}"
        f"<strong>{safe(item.answer, 40)}</strong> {percent(item.probability)}"
        f"<span>is {safe(item.truth, 40)}</span></li>"
    )
