"""The section of the page about how good the model is, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnpy.evaluation.classification import ClassReport, ClassScore
from nnpy.report import figures
from nnpy.report.contents import Contents, Evaluation
from nnpy.report.formatting import interval, words
from nnpy.report.html import Cell, Number, Table
from nnpy.text import plain


def quality_section(contents: Contents) -> dict[str, Any] | None:
    """The facts of sections/quality.html."""
    evaluation = contents.evaluation
    if not evaluation:
        return None
    report = evaluation.classes if evaluation.examples else None
    facts = {
        "examples": Number(evaluation.examples),
        "split": evaluation.split,
        "measures": _measures(evaluation, report),
        "classes": None,
        "terms": ["confidence interval"],
    }
    if report is None:
        return facts
    drawings = contents.drawings
    return facts | {
        "classes": _class_table(report.classes),
        "class_bars": figures.inline_svg(
            drawings["classes"], "classes", "F1, precision, recall by class"
        ),
        "plane": figures.inline_svg(
            drawings["plane"], "plane", "What is answered at every place of the plane"
        )
        if "plane" in drawings
        else None,
        "calibration": _calibration_words(report),
        "reliability": figures.inline_svg(
            drawings["reliability"], "reliability", "Reliability diagram"
        ),
        "terms": ["confidence interval", "precision", "recall", "F1", "calibration"],
    }


def _measures(evaluation: Evaluation, report: ClassReport | None) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, value in evaluation.metrics.items():
        sure = "–"
        if name == "loss" and evaluation.loss:
            sure = interval(evaluation.loss)
        elif name in ("accuracy", "acc") and report:
            sure = interval(report.accuracy)
        rows.append((plain(words(name), 40), Number(float(value)), sure))
    if report and report.top2_accuracy:
        top2 = report.top2_accuracy
        rows.append(("top-2 accuracy", Number(top2.value), interval(top2)))
    if report:
        rows.append(("mean F1 of the classes", Number(report.macro_f1), "–"))
        rows.append(("calibration error (ECE)", Number(report.calibration.ece), "–"))
    return Table(("measure", "value", "95\u202f% interval"), rows, numeric=(1,))


def _class_table(scores: Sequence[ClassScore]) -> Table:
    rows = [
        (
            plain(score.name, 200),
            f"{score.precision:.3f}",
            f"{score.recall:.3f}",
            f"{score.f1:.3f}",
            f"{score.support:,}",
        )
        for score in scores
    ]
    head = ("class", "precision", "recall", "F1", "examples")
    return Table(head, rows, numeric=(1, 2, 3, 4), tall=len(rows) > 30)


def _calibration_words(report: ClassReport) -> str:
    filled = [b for b in report.calibration.bins if b.count]
    total = sum(b.count for b in filled)
    mean = sum(b.confidence * b.count for b in filled) / max(total, 1)
    gap = mean - report.accuracy.value
    facts = (
        f"On average the model is {100 * mean:.1f}\u202f% confident in its prediction, "
        f"and right for {100 * report.accuracy.value:.1f}\u202f%: "
    )
    if abs(gap) < 0.01:
        return facts + "its probabilities can be taken at face value."
    side = "overconfident" if gap > 0 else "underconfident"
    return f"{facts}it is {side}."
