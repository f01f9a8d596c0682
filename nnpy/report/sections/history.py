"""What was trained, on what, how it went, and how to repeat it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnpy.models.summary import LayerRow
from nnpy.report import figures, html
from nnpy.report.contents import Contents
from nnpy.report.formatting import count, shape_words, words
from nnpy.report.html import number, safe

MOST_ROWS = 200


def model_section(contents: Contents, drawings: bool) -> str:
    if not contents.layers and not contents.diagram:
        return ""
    parts = []
    if contents.layers:
        total = sum(row.parameters for row in contents.layers)
        known = [row.multiply_adds for row in contents.layers]
        work = sum(value or 0 for value in known)
        least = "at least " if None in known else ""
        parts.append(
            f"<p>A neural network of {count(len(contents.layers), 'layer')} with "
            f"{number(total)} parameters. "
            f"Answering one example takes {least}{number(work)} multiply-adds.</p>"
        )
        parts.append(_layer_table(contents.layers, total, work, least))
    drawing = html.drawing(contents.diagram, "Diagram of the network") if contents.diagram else None
    if drawing and drawings and len(drawing) < 1_000_000:
        picture = html.figure(drawing, "Data flows from top to bottom.")
        small = len(contents.layers) <= 12
        parts.append(picture if small else html.more("The network as a diagram", picture))
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
            html.figure(
                html.figure_png(contents.drawings["weights"], "Weights of the first layer"),
                f"The weights of the first layer's units ({which}) as pictures. {meaning}",
            )
        )
    terms = ("neural network", "layer", "parameters", "multiply-adds")
    return html.section("What was trained", "".join(parts), *terms)


def _layer_table(layers: Sequence[LayerRow], total: int, work: int, least: str) -> str:
    rows = [
        (
            safe(row.name, 60),
            safe(row.kind, 40),
            safe(" and ".join(shape_words(shape) for shape in row.shapes) or "–", 60),
            f"{row.parameters:,}",
            "?" if row.multiply_adds is None else f"{row.multiply_adds:,}",
        )
        for row in layers
    ]
    rows.append(("all", "", "", f"{total:,}", f"{least}{work:,}"))
    head = ("layer", "kind", "output shape", "parameters", "multiply-adds")
    table = html.table(head, rows, numeric=(3, 4), css="tall" if len(rows) > 30 else "")
    return table if len(rows) <= 30 else html.more("Every layer", table)


def data_section(contents: Contents) -> str:
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
    shape = shape_words(data["shape"]) if data.get("shape") else ""
    classes = list(data.get("classes") or ())
    parts = [f"<p>The data set <em>{safe(data.get('name', ''), 200)}</em>"]
    parts.append(f": {said}." if said else ".")
    if shape:
        parts.append(f" Each example is {safe(shape)}.")
    parts.append("</p>")
    if classes:
        listed = ", ".join(safe(name, 60) for name in classes[:MOST_ROWS])
        rest = f" and {len(classes) - MOST_ROWS} more" if len(classes) > MOST_ROWS else ""
        parts.append(f"<p>{count(len(classes), 'class', 'classes')}: {listed}{rest}.</p>")
    if data.get("digests"):
        rows = [
            (safe(name, 80), f"<code>{safe(value, 80)}</code>")
            for name, value in data["digests"].items()
        ]
        parts.append(
            html.more(
                "Where the files were, and their digests",
                f"<p>{safe(data.get('source', ''), 300)}</p>"
                + html.table(("file", "SHA-256 of its content"), rows),
            )
        )
    terms = ["training set"] + (["validation set"] if data.get("validation") else []) + ["test set"]
    return html.section("On what", "".join(parts), *terms)


def course_section(contents: Contents) -> str:
    history = contents.history
    epochs = list(history.get("epoch", ()))
    if not epochs:
        return ""
    parts = [f"<p>{' '.join(_course_words(contents))}</p>", '<div class="panels">']
    for name in figures.panels(history)[:24]:
        drawing = figures.curve(history, name, contents.best_epoch)
        parts.append(
            html.figure(
                figures.inline_svg(drawing, f"curve-{name}", f"{words(name)} by epoch"),
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
    table = html.table(
        [safe(words(name), 40) for name in names],
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
    parts.append(html.more("Every epoch in numbers", table))
    terms = ["epoch", "loss"]
    terms += ["accuracy"] if any("accuracy" in name for name in history) else []
    terms += ["learning rate"] if "learning_rate" in history else []
    terms += ["overfitting"] if "val_loss" in history else []
    return html.section("How it went", "".join(parts), *terms)


def _course_words(contents: Contents) -> list[str]:
    """What the curves say, in sentences."""
    history = contents.history
    epochs, loss = list(history["epoch"]), list(history.get("loss", ()))
    said = []
    if len(epochs) > 1 and loss:
        said.append(
            f"In {len(epochs)} epochs the training loss went from {loss[0]:.4g} to {loss[-1]:.4g}."
        )
    elif loss:
        said.append(f"One epoch was trained; its training loss is {loss[0]:.4g}.")
    best = contents.best_epoch
    if best in epochs and contents.monitor in history:
        value = history[contents.monitor][epochs.index(best)]
        said.append(
            f"Epoch {best} was the best, with {safe(words(contents.monitor), 40)} {value:.4f}; "
            "the model of that epoch was kept."
        )
    validation = list(history.get("val_loss", ()))
    if len(validation) > 2 and loss and all(map(math.isfinite, [*validation, *loss])):
        lowest = int(np.argmin(validation))
        if lowest < len(validation) - 2 and loss[-1] < loss[lowest]:
            said.append(
                f"After epoch {epochs[lowest]} the validation loss rose from "
                f"{validation[lowest]:.4g} to {validation[-1]:.4g} while the training loss still "
                "fell: overfitting had begun."
            )
        elif lowest == len(validation) - 1:
            said.append("The validation loss was still falling at the end: more epochs may help.")
        else:
            said.append("The curves show no overfitting yet.")
    if loss and not all(map(math.isfinite, loss)):
        said.append("The loss left the finite numbers: try a smaller learning rate.")
    return said


def repeat_section(contents: Contents) -> str:
    parts = []
    if contents.command:
        parts.append(f"<p>The command was</p><pre>{html.block(contents.command, 4000)}</pre>")
    parts.append(
        "<p>From the run folder alone, with a comparison of every number:</p>"
        f"<pre>nnpy reproduce {safe(contents.name, 200)}</pre>"
    )
    if contents.config:
        parts.append("<h3>The config, with all defaults</h3>")
        parts.append(f"<pre>{html.block(contents.config)}</pre>")
    if contents.versions:
        rows = [(safe(key, 60), safe(value, 300)) for key, value in contents.versions.items()]
        parts.append("<h3>Made with</h3>" + html.table(("what", "which"), rows))
    return html.section("How to repeat it", "".join(parts), "seed")
