"""The section of the page about what the model gets wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnpy.evaluation.classification import ClassReport
from nnpy.report import figures, html
from nnpy.report.contents import Contents
from nnpy.report.figures import Mistake
from nnpy.report.html import Number, Table
from nnpy.text import percent, plain


def mistakes_section(contents: Contents, drawings: bool) -> dict[str, Any] | None:
    """The facts of sections/mistakes.html."""
    evaluation = contents.evaluation
    report = evaluation.classes if evaluation else None
    if not evaluation or not report or not evaluation.examples:
        return None
    wrong = int(report.confusion.sum() - np.trace(report.confusion))
    facts: dict[str, Any] = {"examples": f"{evaluation.examples:,}", "wrong": None}
    if not wrong:
        return facts
    return facts | {
        "wrong": Number(wrong),
        "pairs": _pairs(report),
        "confusion": figures.inline_svg(
            contents.drawings["confusion"], "confusion", "Confusion matrix"
        )
        if drawings
        else None,
        "gallery": [_picture(item) for item in evaluation.mistakes],
    }


def _pairs(report: ClassReport) -> Table:
    """The five commonest mistakes."""
    names = [score.name for score in report.classes]
    counts = report.confusion.copy()
    np.fill_diagonal(counts, 0)
    # Stable, so that equal counts keep the order of the classes.
    order = np.argsort(-counts, axis=None, kind="stable")[:5]
    cells = [(int(i) // len(names), int(i) % len(names)) for i in order if counts.flat[i]]
    rows = [
        (
            plain(names[truth], 60),
            plain(names[answer], 60),
            Number(int(counts[truth, answer])),
            f"{100 * counts[truth, answer] / max(report.classes[truth].support, 1):.1f}\u202f%",
        )
        for truth, answer in cells
    ]
    return Table(("this", "was taken for", "times", "of its class"), rows, numeric=(2, 3))


def _picture(item: Mistake) -> dict[str, Any]:
    alt = f"example {item.index}: {item.truth}, taken for {item.answer}"
    return {
        "image": html.picture(item.picture, alt),
        "answer": item.answer,
        "sure": percent(item.probability),
        "truth": item.truth,
    }
