"""What was trained, on what, how it went, and how to repeat it."""

from __future__ import annotations

import math

import numpy as np

from nnpy.report import figures, html
from nnpy.report.contents import Contents
from nnpy.report.formatting import MOST_ROWS, words
from nnpy.report.html import safe


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
