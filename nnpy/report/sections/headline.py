"""The first thing on the page: how good the model is."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnpy.evaluation.classification import ClassReport
from nnpy.report.contents import Contents, Evaluation
from nnpy.report.formatting import words
from nnpy.report.html import Number
from nnpy.text import plain


def headline(contents: Contents) -> dict[str, Any]:
    """The facts of sections/headline.html."""
    evaluation = contents.evaluation
    over = (f"run {contents.name}", contents.date, contents.status)
    facts: dict[str, Any] = {
        "over": " · ".join(plain(part, 80) for part in over if part),
        "name": contents.name,
        "facts": list(contents.facts.items()),
        "share": None,
        "measure": None,
    }
    if evaluation is None:
        return facts
    facts |= {"examples": f"{evaluation.examples:,}", "split": evaluation.split}
    if evaluation.classes and evaluation.examples:
        facts |= _share(evaluation, evaluation.classes)
    elif evaluation.metrics:
        name = next((key for key in evaluation.metrics if key != "loss"), "loss")
        interval = evaluation.loss if name == "loss" else None
        facts |= {
            "measure": Number(evaluation.metrics[name], ".4g"),
            "measure_name": words(name),
            "interval": f"{interval.low:.4g} to {interval.high:.4g}" if interval else "",
        }
    return facts


def _share(evaluation: Evaluation, report: ClassReport) -> dict[str, Any]:
    """The share of right answers, its interval, and what it is without learning."""
    accuracy = report.accuracy
    support = [score.support for score in report.classes]
    base = min(max(100 * max(support) / evaluation.examples, 0), 100)
    return {
        "share": {
            "exact": repr(accuracy.value),
            "percent": f"{100 * accuracy.value:.1f}",
            "right": f"{round(accuracy.value * evaluation.examples):,}",
            "low": f"{100 * accuracy.low:.1f}",
            "high": f"{100 * accuracy.high:.1f}",
        },
        "scale": {
            "left": f"{100 * accuracy.low:.3f}",
            "width": f"{100 * (accuracy.high - accuracy.low):.3f}",
            "base": f"{base:.2f}",
            "base_percent": f"{base:.0f}",
            "commonest": report.classes[int(np.argmax(support))].name,
            # The label in the middle leaves the two at the ends their room.
            "label": f"{min(max(base, 31), 66):.2f}",
        },
    }
