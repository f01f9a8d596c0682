"""How good the model is, how sure that is, and where it fails."""

from __future__ import annotations

from collections.abc import Sequence

from nnpy.evaluation.classification import ClassReport, ClassScore
from nnpy.report import figures, html
from nnpy.report.contents import Contents
from nnpy.report.formatting import interval, words
from nnpy.report.html import number, safe


def quality_section(contents: Contents) -> str:
    evaluation = contents.evaluation
    if not evaluation:
        return ""
    report = evaluation.classes if evaluation.examples else None
    rows = []
    for name, value in evaluation.metrics.items():
        sure = "–"
        if name == "loss" and evaluation.loss:
            sure = interval(evaluation.loss)
        elif name in ("accuracy", "acc") and report:
            sure = interval(report.accuracy)
        rows.append((safe(words(name), 40), number(float(value)), sure))
    if report and report.top2_accuracy:
        top2 = report.top2_accuracy
        rows.append(("top-2 accuracy", number(top2.value), interval(top2)))
    if report:
        rows.append(("mean F1 of the classes", number(report.macro_f1), "–"))
        rows.append(("calibration error (ECE)", number(report.calibration.ece), "–"))
    parts = [
        f"<p>Measured once, after the training, on the {number(evaluation.examples)} examples of "
        f"the {safe(evaluation.split)} set. Intervals hold 95\u202f%: Wilson's for shares of "
        "examples, the bootstrap's for means.</p>",
        html.table(("measure", "value", "95\u202f% interval"), rows, numeric=(1,)),
    ]
    terms = ["confidence interval"]
    if report:
        parts.append("<h3>Class by class</h3>")
        parts.append(
            html.figure(
                figures.inline_svg(
                    contents.drawings["classes"], "classes", "F1, precision, recall by class"
                )
            )
        )
        parts.append(_class_table(report.classes))
        parts.append("<h3>Does it know how sure it is?</h3>")
        parts.append(f"<p>{_calibration_words(report)}</p>")
        parts.append(
            html.figure(
                figures.inline_svg(
                    contents.drawings["reliability"], "reliability", "Reliability diagram"
                ),
                "Bars above the dotted line: more often right than it says. Below: too sure.",
            )
        )
        terms += ["precision", "recall", "F1", "calibration"]
    return html.section("How good it is, and how sure that is", "".join(parts), *terms)


def _class_table(scores: Sequence[ClassScore]) -> str:
    rows = [
        (
            safe(score.name, 200),
            f"{score.precision:.3f}",
            f"{score.recall:.3f}",
            f"{score.f1:.3f}",
            f"{score.support:,}",
        )
        for score in scores
    ]
    head = ("class", "precision", "recall", "F1", "examples")
    return html.more(
        "The classes in numbers",
        html.table(head, rows, numeric=(1, 2, 3, 4), css="tall" if len(rows) > 30 else ""),
    )


def _calibration_words(report: ClassReport) -> str:
    filled = [b for b in report.calibration.bins if b.count]
    total = sum(b.count for b in filled)
    mean = sum(b.confidence * b.count for b in filled) / max(total, 1)
    gap = mean - report.accuracy.value
    said = f"On average the model is {100 * mean:.1f}\u202f% sure of its answer, "
    said += f"and right in {100 * report.accuracy.value:.1f}\u202f%: "
    if abs(gap) < 0.01:
        return said + "its probabilities can be taken at their word."
    side = "more sure than it should be" if gap > 0 else "better than it believes"
    return said + f"it is {side}."
