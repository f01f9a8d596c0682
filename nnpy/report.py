"""The page of a run: what was trained, on what, how it went, how good it is, where it fails.

`render` turns plain facts into one self-contained HTML file; it reads nothing and knows no paths.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nnpy import figures, page
from nnpy.figures import Mistake
from nnpy.model_summary import LayerRow
from nnpy.page import number, safe
from nnpy.statistics import ClassReport, ClassScore, Estimate
from nnpy.text import percent

LIMIT = 3_000_000  # bytes of a page
MOST_ROWS = 200


@dataclass(frozen=True)
class Findings:
    """How the model answers on one split."""

    split: str  # "test"
    examples: int
    metrics: Mapping[str, float]  # loss and the config's metrics, as summary.json has them
    loss: Estimate | None = None  # with its interval, where the loss of each example is known
    classes: ClassReport | None = None  # None for a model that does not answer with classes
    mistakes: Sequence[Mistake] = ()  # the most confident ones


@dataclass(frozen=True)
class Contents:
    """Everything that a page tells. Only the name is needed; what is absent is left out."""

    name: str
    status: str = ""
    date: str = ""
    config: str = ""  # YAML
    command: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)  # name, counts, shape, source, digests
    facts: Mapping[str, str] = field(default_factory=dict)  # for the headline: device, time, …
    versions: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    monitor: str = "val_loss"
    layers: Sequence[LayerRow] = ()
    diagram: str | None = None  # SVG
    weights: np.ndarray | None = None
    findings: Findings | None = None

    @functools.cached_property
    def drawings(self) -> dict[str, Figure]:
        """The figures by name, as far as there is something to draw."""
        made: dict[str, Figure] = {}
        if self.history.get("epoch"):
            made["curves"] = figures.curves(self.history, self.best_epoch)
        found = self.findings
        if found is not None and found.classes is not None and found.examples:
            names = [score.name for score in found.classes.classes]
            made["confusion"] = figures.confusion(found.classes.confusion, names)
            made["classes"] = figures.class_bars(found.classes.classes)
            made["reliability"] = figures.reliability(found.classes.calibration)
            made["mistakes"] = figures.mistakes(found.mistakes, found.examples)
        if self.weights is not None and len(self.weights):
            made["weights"] = figures.weights(self.weights)
        return made


def render(contents: Contents) -> str:
    """The page as HTML, always under 3 MB: what is heavy is left out where it must."""
    for drawings in (True, False):
        body = "\n".join(
            part
            for part in (
                _head(contents),
                "<main>",
                _model(contents, drawings),
                _data(contents),
                _course(contents),
                _quality(contents),
                _failures(contents, drawings),
                _repeat(contents),
                "</main>",
                "<footer>Written by nnpy. This page is one file; it loads nothing from "
                "anywhere.</footer>",
            )
            if part
        )
        html = page.document(f"{contents.name} – nnpy", body)
        if len(html.encode()) <= LIMIT:
            break
    return html


# The headline ---------------------------------------------------------------------------------


def _head(contents: Contents) -> str:
    findings = contents.findings
    over = " · ".join(
        safe(part, 80) for part in (f"run {contents.name}", contents.date, contents.status) if part
    )
    if findings and findings.classes and findings.examples:
        title, lead = _class_headline(findings, findings.classes)
    elif findings and findings.metrics:
        name, value = next(
            ((k, v) for k, v in findings.metrics.items() if k != "loss"),
            next(iter(findings.metrics.items())),
        )
        title = f"<h1>{number(value, '.4g')}<small>{safe(_words(name), 40)}</small></h1>"
        interval = findings.loss if name == "loss" else None
        sure = (
            f" 95\u202f% interval: {interval.low:.4g} to {interval.high:.4g}." if interval else ""
        )
        lead = (
            f'<p class="lead">on {findings.examples:,} {findings.split} examples that the model '
            f"had never seen.{sure}</p>"
        )
    else:
        title = f'<h1 class="words">{safe(contents.name, 80)}</h1>'
        lead = '<p class="lead">Not evaluated yet.</p>'
    facts = "".join(
        f"<div><dt>{safe(key)}</dt><dd>{safe(value, 200)}</dd></div>"
        for key, value in contents.facts.items()
    )
    return f'<header><p class="over">{over}</p>{title}{lead}<dl class="facts">{facts}</dl></header>'


def _class_headline(findings: Findings, report: ClassReport) -> tuple[str, str]:
    accuracy = report.accuracy
    support = [score.support for score in report.classes]
    base = max(support) / findings.examples
    right = round(accuracy.value * findings.examples)
    title = (
        f'<h1><data value="{accuracy.value!r}" id="accuracy">{100 * accuracy.value:.1f}</data>'
        "<small>%</small></h1>"
    )
    lead = (
        f'<p class="lead">of the {findings.examples:,} {findings.split} examples, which the model '
        f"had never seen, are answered rightly: {right:,}. With 95\u202f% confidence the true "
        f"share lies between {100 * accuracy.low:.1f} and {100 * accuracy.high:.1f}\u202f%.</p>"
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


# What was trained, and on what ----------------------------------------------------------------


def _model(contents: Contents, drawings: bool) -> str:
    if not contents.layers and not contents.diagram:
        return ""
    parts = []
    if contents.layers:
        total = sum(row.parameters for row in contents.layers)
        known = [row.multiply_adds for row in contents.layers]
        work = sum(value or 0 for value in known)
        least = "at least " if None in known else ""
        parts.append(
            f"<p>A neural network of {_count(len(contents.layers), 'layer')} with "
            f"{number(total)} parameters. "
            f"Answering one example takes {least}{number(work)} multiply-adds.</p>"
        )
        parts.append(_layer_table(contents.layers, total, work, least))
    drawing = page.drawing(contents.diagram, "Diagram of the network") if contents.diagram else None
    if drawing and drawings and len(drawing) < 1_000_000:
        picture = page.figure(drawing, "Data flows from top to bottom.")
        small = len(contents.layers) <= 12
        parts.append(picture if small else page.more("The network as a diagram", picture))
    elif contents.diagram:
        parts.append("<p>The diagram is too large for this page; it is in model.svg.</p>")
    if contents.weights is not None and len(contents.weights):
        parts.append("<h3>What the first layer looks for</h3>")
        shown = min(len(contents.weights), 64)
        which = f"{shown} of {len(contents.weights)}" if shown < len(contents.weights) else "all"
        meaning = (
            "Bright where it wants light, in that colour."
            if contents.weights.ndim == 4
            else "Blue: the unit answers to light here. Red: light here silences it."
        )
        parts.append(
            page.figure(
                page.figure_png(contents.drawings["weights"], "Weights of the first layer"),
                f"The weights of the first layer's units ({which}) as pictures. {meaning}",
            )
        )
    terms = ("neural network", "layer", "parameters", "multiply-adds")
    return page.section("What was trained", "".join(parts), *terms)


def _layer_table(layers: Sequence[LayerRow], total: int, work: int, least: str) -> str:
    rows = [
        (
            safe(row.name, 60),
            safe(row.kind, 40),
            safe(" and ".join(_shape(shape) for shape in row.shapes) or "–", 60),
            f"{row.parameters:,}",
            "?" if row.multiply_adds is None else f"{row.multiply_adds:,}",
        )
        for row in layers
    ]
    rows.append(("all", "", "", f"{total:,}", f"{least}{work:,}"))
    head = ("layer", "kind", "output shape", "parameters", "multiply-adds")
    table = page.table(head, rows, numeric=(3, 4), css="tall" if len(rows) > 30 else "")
    return table if len(rows) <= 30 else page.more("Every layer", table)


def _data(contents: Contents) -> str:
    data = contents.data
    if not data:
        return ""
    counts = [
        (label, int(data[key]))
        for key, label in (
            ("train", "training set"),
            ("validation", "validation set"),
            ("test", "test set"),
        )
        if data.get(key)
    ]
    said = "; ".join(f"{number(count)} in the {label}" for label, count in counts)
    shape = _shape(data["shape"]) if data.get("shape") else ""
    classes = list(data.get("classes") or ())
    parts = [f"<p>The data set <em>{safe(data.get('name', ''), 200)}</em>"]
    parts.append(f": {said}." if said else ".")
    if shape:
        parts.append(f" Each example is {safe(shape)}.")
    parts.append("</p>")
    if classes:
        listed = ", ".join(safe(name, 60) for name in classes[:MOST_ROWS])
        rest = f" and {len(classes) - MOST_ROWS} more" if len(classes) > MOST_ROWS else ""
        parts.append(f"<p>{_count(len(classes), 'class', 'classes')}: {listed}{rest}.</p>")
    if data.get("digests"):
        rows = [
            (safe(name, 80), f"<code>{safe(value, 80)}</code>")
            for name, value in data["digests"].items()
        ]
        parts.append(
            page.more(
                "Where the files were, and their digests",
                f"<p>{safe(data.get('source', ''), 300)}</p>"
                + page.table(("file", "SHA-256 of its content"), rows),
            )
        )
    terms = ["training set"] + (["validation set"] if data.get("validation") else []) + ["test set"]
    return page.section("On what", "".join(parts), *terms)


# How it went ----------------------------------------------------------------------------------


def _course(contents: Contents) -> str:
    history = contents.history
    epochs = list(history.get("epoch", ()))
    if not epochs:
        return ""
    parts = [f"<p>{' '.join(_course_words(contents))}</p>", '<div class="panels">']
    for name in figures.panels(history)[:24]:
        drawing = figures.curve(history, name, contents.best_epoch)
        parts.append(
            page.figure(
                figures.inline_svg(drawing, f"curve-{name}", f"{_words(name)} by epoch"),
            )
        )
    parts.append("</div>")
    # Of a long training every so-many-th epoch, the last and the best.
    step = math.ceil(len(epochs) / MOST_ROWS)
    shown = [
        i
        for i, epoch in enumerate(epochs)
        if i % step == 0 or i == len(epochs) - 1 or epoch == contents.best_epoch
    ]
    names = list(history)
    table = page.table(
        [safe(_words(name), 40) for name in names],
        [
            [
                f"{history[name][i]:.6g}" if name != "epoch" else str(int(epochs[i]))
                for name in names
            ]
            for i in shown
        ],
        numeric=range(len(names)),
        css="tall",
    )
    parts.append(page.more("Every epoch in numbers", table))
    terms = ["epoch", "loss"]
    terms += ["accuracy"] if any("accuracy" in name for name in history) else []
    terms += ["learning rate"] if "learning_rate" in history else []
    terms += ["overfitting"] if "val_loss" in history else []
    return page.section("How it went", "".join(parts), *terms)


def _course_words(contents: Contents) -> list[str]:
    """What the curves say, in sentences."""
    history = contents.history
    epochs, loss = list(history["epoch"]), list(history.get("loss", ()))
    words = []
    if len(epochs) > 1 and loss:
        words.append(
            f"In {len(epochs)} epochs the training loss went from {loss[0]:.4g} to {loss[-1]:.4g}."
        )
    elif loss:
        words.append(f"One epoch was trained; its training loss is {loss[0]:.4g}.")
    best = contents.best_epoch
    if best in epochs and contents.monitor in history:
        value = history[contents.monitor][epochs.index(best)]
        words.append(
            f"Epoch {best} was the best, with {safe(_words(contents.monitor), 40)} {value:.4f}; "
            "the model of that epoch was kept."
        )
    validation = list(history.get("val_loss", ()))
    if len(validation) > 2 and loss and all(map(math.isfinite, [*validation, *loss])):
        lowest = int(np.argmin(validation))
        if lowest < len(validation) - 2 and loss[-1] < loss[lowest]:
            words.append(
                f"After epoch {epochs[lowest]} the validation loss rose from "
                f"{validation[lowest]:.4g} to {validation[-1]:.4g} while the training loss still "
                "fell: overfitting had begun."
            )
        elif lowest == len(validation) - 1:
            words.append("The validation loss was still falling at the end: more epochs may help.")
        else:
            words.append("The curves show no overfitting yet.")
    if loss and not all(map(math.isfinite, loss)):
        words.append("The loss left the finite numbers: try a smaller learning rate.")
    return words


# How good, how sure, where it fails -----------------------------------------------------------


def _quality(contents: Contents) -> str:
    findings = contents.findings
    if not findings:
        return ""
    report = findings.classes if findings.examples else None
    rows = []
    for name, value in findings.metrics.items():
        interval = "–"
        if name == "loss" and findings.loss:
            interval = _interval(findings.loss)
        elif name in ("accuracy", "acc") and report:
            interval = _interval(report.accuracy)
        rows.append((safe(_words(name), 40), number(float(value)), interval))
    if report and report.top2_accuracy:
        top2 = report.top2_accuracy
        rows.append(("top-2 accuracy", number(top2.value), _interval(top2)))
    if report:
        rows.append(("mean F1 of the classes", number(report.macro_f1), "–"))
        rows.append(("calibration error (ECE)", number(report.calibration.ece), "–"))
    parts = [
        f"<p>Measured once, after the training, on the {number(findings.examples)} examples of the "
        f"{safe(findings.split)} set. Intervals hold 95\u202f%: Wilson's for shares of examples, "
        "the bootstrap's for means.</p>",
        page.table(("measure", "value", "95\u202f% interval"), rows, numeric=(1,)),
    ]
    terms = ["confidence interval"]
    if report:
        parts.append("<h3>Class by class</h3>")
        parts.append(
            page.figure(
                figures.inline_svg(
                    contents.drawings["classes"], "classes", "F1, precision, recall by class"
                )
            )
        )
        parts.append(_class_table(report.classes))
        parts.append("<h3>Does it know how sure it is?</h3>")
        parts.append(f"<p>{_calibration_words(report)}</p>")
        parts.append(
            page.figure(
                figures.inline_svg(
                    contents.drawings["reliability"], "reliability", "Reliability diagram"
                ),
                "Bars above the dotted line: more often right than it says. Below: too sure.",
            )
        )
        terms += ["precision", "recall", "F1", "calibration"]
    return page.section("How good it is, and how sure that is", "".join(parts), *terms)


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
    return page.more(
        "The classes in numbers",
        page.table(head, rows, numeric=(1, 2, 3, 4), css="tall" if len(rows) > 30 else ""),
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


def _failures(contents: Contents, drawings: bool) -> str:
    findings = contents.findings
    report = findings.classes if findings else None
    if not findings or not report or not findings.examples:
        return ""
    wrong = int(report.confusion.sum() - np.trace(report.confusion))
    if not wrong:
        return page.section(
            "Where it fails",
            f"<p>Nowhere: all {findings.examples:,} examples are answered rightly. So good a "
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
        f"<p>{number(wrong)} of {findings.examples:,} answers are wrong. Most often:</p>",
        page.table(("this", "was taken for", "times", "of its class"), rows, numeric=(2, 3)),
    ]
    if drawings:
        parts.append(
            page.figure(
                figures.inline_svg(contents.drawings["confusion"], "confusion", "Confusion matrix"),
                "Blue: right. Orange: wrong. The stronger, the larger the share of the row "
                "(orange: its square root, so that rare mistakes are seen too).",
                "wide",
            )
        )
    if findings.mistakes:
        parts.append("<h3>The most confident mistakes</h3>")
        parts.append(
            "<p>Here the model was surest and yet wrong. Some of these examples are hard for "
            "people too, and some may be labelled wrongly.</p>"
        )
        parts.append(f'<ul class="gallery">{"".join(map(_mistake, findings.mistakes))}</ul>')
    return page.section("Where it fails", "".join(parts), "confusion matrix")


def _mistake(item: Mistake) -> str:
    alt = f"example {item.index}: {item.truth}, taken for {item.answer}"
    return (
        f"<li>{page.picture(item.picture, alt)}"
        f"<strong>{safe(item.answer, 40)}</strong> {percent(item.probability)}"
        f"<span>is {safe(item.truth, 40)}</span></li>"
    )


# How to repeat it -----------------------------------------------------------------------------


def _repeat(contents: Contents) -> str:
    parts = []
    if contents.command:
        parts.append(f"<p>The command was</p><pre>{page.block(contents.command, 4000)}</pre>")
    parts.append(
        "<p>From the run folder alone, with a comparison of every number:</p>"
        f"<pre>nnpy reproduce {safe(contents.name, 200)}</pre>"
    )
    if contents.config:
        parts.append("<h3>The config, with all defaults</h3>")
        parts.append(f"<pre>{page.block(contents.config)}</pre>")
    if contents.versions:
        rows = [(safe(key, 60), safe(value, 300)) for key, value in contents.versions.items()]
        parts.append("<h3>Made with</h3>" + page.table(("what", "which"), rows))
    return page.section("How to repeat it", "".join(parts), "seed")


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.4f} to {estimate.high:.4f} ({escape(estimate.method)})"


def _shape(shape: Sequence[int | None]) -> str:
    return " × ".join("?" if size is None else str(size) for size in shape) or "one number"


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _words(name: str) -> str:
    """A metric's name as people say it: `val_accuracy` is the validation accuracy."""
    said = f"validation {name[4:]}" if name.startswith("val_") else name
    return said.replace("_", " ") if said.replace(" ", "_").isidentifier() else said
