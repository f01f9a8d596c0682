"""The section of the page about how the training went."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnpy.report import figures
from nnpy.report.contents import Contents
from nnpy.report.formatting import MOST_ROWS, words
from nnpy.report.html import Table
from nnpy.text import plain


def history_section(contents: Contents) -> dict[str, Any] | None:
    """The facts of sections/history.html."""
    history = contents.history
    if not history.get("epoch"):
        return None
    terms = ["epoch", "loss"]
    terms += ["accuracy"] if any("accuracy" in name for name in history) else []
    terms += ["learning rate"] if "learning_rate" in history else []
    terms += ["overfitting"] if "val_loss" in history else []
    return {
        "sentences": _sentences(contents),
        "curves": [
            figures.inline_svg(
                figures.curve(history, name, contents.best_epoch, contents.stage_starts),
                f"curve-{name}",
                f"{words(name)} by epoch",
            )
            for name in figures.panels(history)[:24]
        ],
        "stages": _stages(contents),
        "table": _table(contents),
        "terms": terms,
    }


def _table(contents: Contents) -> Table:
    """Every epoch; of a long training every so-many-th, the last and the best."""
    history = contents.history
    epochs = list(history["epoch"])
    step = math.ceil(len(epochs) / MOST_ROWS)
    shown = [
        i
        for i, epoch in enumerate(epochs)
        if i % step == 0 or i == len(epochs) - 1 or epoch == contents.best_epoch
    ]
    rows = [[_cell(name, values[i]) for name, values in history.items()] for i in shown]
    head = [plain(words(name), 40) for name in history]
    return Table(head, rows, numeric=range(len(head)), tall=True)


def _stages(contents: Contents) -> Table | None:
    """What each stage of the training trained."""
    rows = []
    for number, each in enumerate(contents.stages, start=1):
        first, last = each["first_epoch"], each["first_epoch"] + each["epochs"] - 1
        ended = f", ended by {plain(each['ended_by'], 40)}" if "ended_by" in each else ""
        epochs = f"{first}" if first == last else f"{first} to {last}" if last > first else "–"
        frozen = ", ".join(each["frozen"]) or "nothing"
        rate = f"{plain(each['optimizer'], 40)}, {each['learning_rate']:.3g}"
        row = [f"{number}", epochs + ended, plain(frozen, 60), f"{each['trainable']:,}", rate]
        rows.append(row)
    head = ["Stage", "Epochs", "Frozen", "Weights that learn", "Optimizer, learning rate"]
    return Table(head, rows, numeric=[3]) if rows else None


def _cell(name: str, value: float) -> str:
    if name == "epoch":
        return str(int(value))
    # A validation that an epoch left out is a gap; a loss that is no number is told as one.
    return "–" if math.isnan(value) and name.startswith("val_") else f"{value:.6g}"


def _sentences(contents: Contents) -> list[str]:
    """What the curves say, in sentences."""
    history = contents.history
    epochs, loss = list(history["epoch"]), list(history.get("loss", ()))
    sentences = []
    if len(epochs) > 1 and loss:
        sentences.append(
            f"In {len(epochs)} epochs the training loss went from {loss[0]:.4g} to {loss[-1]:.4g}."
        )
    elif loss:
        sentences.append(f"One epoch was trained; its training loss is {loss[0]:.4g}.")
    if contents.stages:
        sentences.append(
            f"It was trained in {len(contents.stages)} stages; a dashed line is where one begins."
        )
    best = contents.best_epoch
    if best in epochs and contents.monitor in history:
        value = history[contents.monitor][epochs.index(best)]
        sentences.append(
            f"Epoch {best} was the best, with {plain(words(contents.monitor), 40)} {value:.4f}; "
            "the model of that epoch was kept."
        )
    if contents.averaged:
        sentences.append(
            "The optimizer kept moving averages of the weights (use_ema): they are what was "
            "validated, kept and tested."
        )
    validation = list(history.get("val_loss", ()))
    if len(validation) > 2 and loss and all(map(math.isfinite, [*validation, *loss])):
        lowest = int(np.argmin(validation))
        if lowest < len(validation) - 2 and loss[-1] < loss[lowest]:
            sentences.append(
                f"After epoch {epochs[lowest]:g} the validation loss rose from "
                f"{validation[lowest]:.4g} to {validation[-1]:.4g} while the training loss still "
                "fell: overfitting had begun."
            )
        elif lowest == len(validation) - 1:
            sentences.append(
                "The validation loss was still falling at the end: more epochs may help."
            )
        else:
            sentences.append("The curves show no overfitting yet.")
    if loss and not all(map(math.isfinite, loss)):
        sentences.append("The loss became NaN or infinite: try a smaller learning rate.")
    return sentences
