"""How good the answers are and where they fail: classes, mistakes, calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nnpy.evaluation.classification import Mistake
from nnpy.report.figures.style import BLUE, GRID, INK, MUTED, ORANGE, PAPER, styled
from nnpy.text import columns_of, percent, plain

if TYPE_CHECKING:
    from nnpy.evaluation.classification import Calibration, ClassScore


@styled
def confusion(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Counts `(k, k)`, row = truth: right answers blue, wrong ones orange, by share of the row.

    The orange is the share's square root, so that a few mistakes are seen.
    """
    k = len(matrix)
    cell = float(np.clip(7.2 / k, 0.095, 0.48))  # inches
    size = max(2.2, cell * k)
    cell = size / k
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shades = np.empty((k, k, 4))
    shades[..., :3] = to_rgb(ORANGE)
    shades[..., 3] = np.sqrt(share)
    diagonal = np.arange(k)
    shades[diagonal, diagonal, :3] = to_rgb(BLUE)
    shades[diagonal, diagonal, 3] = np.diag(share)

    labels = [plain(name, 22) for name in names]
    font = min(9.0, cell * 72 * 0.72)
    every = max(1, math.ceil(4.5 / font))  # past a hundred classes not every row can have a label
    font = min(9.0, font * every)
    room = 0.3 + max(map(columns_of, labels), default=0) * font / 72 * 0.64
    figure = Figure(figsize=(size + room + 0.3, size + room + 0.3))
    axes = figure.add_axes(
        (
            room / (size + room + 0.3),
            room / (size + room + 0.3),
            size / (size + room + 0.3),
            size / (size + room + 0.3),
        )
    )
    axes.imshow(shades, interpolation="none", aspect="equal", extent=(-0.5, k - 0.5, k - 0.5, -0.5))
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(GRID)
    axes.set_xticks(diagonal[::every], labels[::every], rotation=90, fontsize=font)
    axes.set_yticks(diagonal[::every], labels[::every], fontsize=font)
    axes.set_title("row: truth · column: answer", fontsize=8.5, weight="normal", color=MUTED, pad=6)
    digits = len(str(int(matrix.max(initial=0))))
    number = min(9.0, cell * 72 / (0.68 * digits + 0.5))
    if number >= 4.5 and k <= 40:
        for row, column in zip(*np.nonzero(matrix), strict=True):
            axes.text(
                column,
                row,
                str(matrix[row, column]),
                ha="center",
                va="center_baseline",
                fontsize=number,
                color="#ffffff" if shades[row, column, 3] > 0.6 else INK,
            )
    return figure


@styled
def mistakes(items: Sequence[Mistake], examples: int) -> Figure:
    """A gallery of wrong answers: each picture with its truth, the answer and its probability."""
    if not items:
        return _notice(f"No mistakes among {examples:,} examples.")
    columns = min(6, len(items))
    rows = math.ceil(len(items) / columns)
    figure = Figure(figsize=(1.6 * columns, 2.0 * rows))
    # One axes for all pictures, in inches: an axes for each would take far longer to draw.
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, 1.6 * columns), ylim=(2.0 * rows, 0))
    axes.set_axis_off()
    for i, item in enumerate(items):
        left, top = 1.6 * (i % columns) + 0.08, 2.0 * (i // columns) + 0.46
        height, width = item.picture.shape[:2]
        size = 1.44 / max(height, width)
        grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255}
        axes.imshow(
            item.picture,
            interpolation="none",
            aspect="auto",
            extent=(left, left + size * width, top + size * height, top),
            **(grey if item.picture.ndim == 2 else {}),
        )
        answer = f"{plain(item.answer, 13)} {percent(item.probability)}"
        words: dict[str, Any] = {"fontsize": 7.8, "va": "baseline"}
        axes.text(left, top - 0.21, answer, color=ORANGE, weight="bold", **words)
        axes.text(left, top - 0.06, f"is {plain(item.truth, 15)}", **words)
    axes.set(xlim=(0, 1.6 * columns), ylim=(2.0 * rows, 0))  # imshow has moved them
    return figure


@styled
def class_bars(scores: Sequence[ClassScore], limit: int = 30) -> Figure:
    """F1 of each class as a bar, best first, with its precision and recall as marks.

    Of more than `limit` classes the weakest are shown.
    """
    ordered = sorted(scores, key=lambda score: score.f1)
    chosen = ordered[:limit]
    height = 1.15 + 0.27 * max(len(chosen), 2)
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(chosen))
    axes.barh(rows, [s.f1 for s in chosen], height=0.62, color=BLUE, alpha=0.28, label="F1")
    axes.plot(
        [s.precision for s in chosen],
        rows,
        linestyle="none",
        marker="o",
        markersize=5,
        color=BLUE,
        label="precision",
    )
    axes.plot(
        [s.recall for s in chosen],
        rows,
        linestyle="none",
        marker="D",
        markersize=4.6,
        markerfacecolor=PAPER,
        markeredgecolor=ORANGE,
        markeredgewidth=1.5,
        label="recall",
    )
    axes.set_yticks(rows, [plain(score.name, 28) for score in chosen])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.6, max(len(chosen), 1) - 0.4)
    axes.set_xlim(0, 1.015)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    if len(scores) > limit:
        figure.suptitle(
            f"the {limit} weakest of {len(scores)} classes", x=0.01, ha="left", fontsize=9
        )
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return figure


@styled
def reliability(result: Calibration) -> Figure:
    """Of answers that are 80 % sure, are 80 % right? Below, how many answers are how sure."""
    figure = Figure(figsize=(4.4, 4.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    filled = [b for b in result.bins if b.count]
    width = 1 / max(len(result.bins), 1)
    places = [(b.low + b.high) / 2 for b in filled]
    upper.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.2, label="ideal")
    upper.bar(
        places,
        [b.accuracy for b in filled],
        width=width * 0.86,
        color=BLUE,
        alpha=0.3,
        label="fraction correct",
    )
    upper.plot(
        [b.confidence for b in filled],
        [b.accuracy for b in filled],
        marker="o",
        markersize=4,
        linewidth=1.2,
        color=BLUE,
    )
    upper.set_ylim(0, 1.02)
    upper.set_xlim(0, 1)
    upper.set_ylabel("accuracy")
    upper.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, fontsize=8.5)
    total = max(sum(b.count for b in filled), 1)
    lower.bar(places, [b.count / total for b in filled], width=width * 0.86, color=MUTED, alpha=0.5)
    lower.set_ylabel("of answers")
    lower.set_xlabel("probability of the predicted class")
    lower.tick_params(axis="x", pad=7)  # clear of the nought beside the corner
    lower.yaxis.set_major_locator(MaxNLocator(nbins=3))
    lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    return figure


def _notice(text: str) -> Figure:
    figure = Figure(figsize=(5, 0.8))
    figure.text(0.02, 0.5, text, va="center")
    return figure
