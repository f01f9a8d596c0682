"""The first thing on the page: how good the model is."""

from __future__ import annotations

import numpy as np

from nnpy.evaluation.classification import ClassReport
from nnpy.report.contents import Contents, Evaluation
from nnpy.report.formatting import words
from nnpy.report.html import number, safe


def head(contents: Contents) -> str:
    evaluation = contents.evaluation
    over = " · ".join(
        safe(part, 80) for part in (f"run {contents.name}", contents.date, contents.status) if part
    )
    if evaluation and evaluation.classes and evaluation.examples:
        title, lead = _class_headline(evaluation, evaluation.classes)
    elif evaluation and evaluation.metrics:
        name, value = next(
            ((k, v) for k, v in evaluation.metrics.items() if k != "loss"),
            next(iter(evaluation.metrics.items())),
        )
        title = f"<h1>{number(value, '.4g')}<small>{safe(words(name), 40)}</small></h1>"
        interval = evaluation.loss if name == "loss" else None
        sure = (
            f" 95\u202f% interval: {interval.low:.4g} to {interval.high:.4g}." if interval else ""
        )
        lead = (
            f'<p class="lead">on {evaluation.examples:,} {evaluation.split} examples that the '
            f"model had never seen.{sure}</p>"
        )
    else:
        title = f'<h1 class="words">{safe(contents.name, 80)}</h1>'
        lead = '<p class="lead">Not evaluated yet.</p>'
    facts = "".join(
        f"<div><dt>{safe(key)}</dt><dd>{safe(value, 200)}</dd></div>"
        for key, value in contents.facts.items()
    )
    return f'<header><p class="over">{over}</p>{title}{lead}<dl class="facts">{facts}</dl></header>'


def _class_headline(evaluation: Evaluation, report: ClassReport) -> tuple[str, str]:
    accuracy = report.accuracy
    support = [score.support for score in report.classes]
    base = max(support) / evaluation.examples
    right = round(accuracy.value * evaluation.examples)
    title = (
        f'<h1><data value="{accuracy.value!r}" id="accuracy">{100 * accuracy.value:.1f}</data>'
        "<small>%</small></h1>"
    )
    lead = (
        f'<p class="lead">of the {evaluation.examples:,} {evaluation.split} examples, which '
        f"the model had never seen, are answered rightly: {right:,}. With 95\u202f% confidence "
        f"the true share lies between {100 * accuracy.low:.1f} and "
        f"{100 * accuracy.high:.1f}\u202f%.</p>"
    )
    low, width = 100 * accuracy.low, 100 * (accuracy.high - accuracy.low)
    # The label in the middle leaves the two at the ends their room.
    place = min(max(100 * base, 0), 100)
    middle = (
        f'<span style="left:{min(max(place, 31), 66):.2f}%">'
        f"always “{safe(report.classes[int(np.argmax(support))].name, 18)}”: "
        f"{place:.0f}\u202f%</span>"
    )
    lead += (
        '<div class="scale" role="img" aria-label="The interval on a scale from 0 to 100\u202f%">'
        f'<i></i><u style="left:0"></u><u style="left:100%"></u><u style="left:{place:.2f}%"></u>'
        f'<b style="left:{low:.3f}%;width:{width:.3f}%"></b>'
        f'<span style="left:0">0\u202f%</span>{middle}'
        '<span style="left:100%">100\u202f%</span></div>'
    )
    return title, lead
