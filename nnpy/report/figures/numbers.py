"""Predicted numbers against true ones, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from nnpy.report.figures.style import BLUE, MUTED, ORANGE, styled
from nnpy.text import plain

_POINTS = 2000  # more are thinned: a page must stay small
_PANELS = 9


@styled
def predicted(truth: np.ndarray, answers: np.ndarray, names: Sequence[str]) -> Figure:
    """Each answer (n, k) against its truth, in the user's units; on the dotted line it is right."""
    figure, panels = _panels(names)
    for axes, index in panels:
        rows = _thinned(len(truth))
        axes.plot(truth[rows, index], answers[rows, index], **_dots(len(rows)))
        ends = [
            min(truth[:, index].min(), answers[:, index].min()),
            max(truth[:, index].max(), answers[:, index].max()),
        ]
        axes.plot(ends, ends, color=MUTED, linestyle=":", linewidth=1.2)
        axes.set(xlabel="true", ylabel="predicted", title=plain(names[index], 30))
    return figure


@styled
def residuals(truth: np.ndarray, answers: np.ndarray, names: Sequence[str]) -> Figure:
    """How many answers are too low or too high (n, k), and by how much."""
    figure, panels = _panels(names)
    for axes, index in panels:
        apart = answers[:, index] - truth[:, index]
        axes.hist(apart, bins=min(40, max(5, int(np.sqrt(len(apart))))), color=BLUE, alpha=0.45)
        axes.axvline(0, color=MUTED, linestyle=":", linewidth=1.2)
        axes.axvline(float(apart.mean()), color=ORANGE, linewidth=1.4)
        axes.set(xlabel="predicted less true", ylabel="examples", title=plain(names[index], 30))
    return figure


def _panels(names: Sequence[str]) -> tuple[Figure, list]:
    count = min(len(names), _PANELS)
    columns = min(3, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(max(4.0, 3.1 * columns), 3.3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for each in axes[count:]:
        each.set_visible(False)
    return figure, [(axes[i], i) for i in range(count)]


def _dots(count: int) -> dict:
    alpha = float(np.clip(60 / max(count, 1), 0.15, 0.7))
    return {"linestyle": "none", "marker": "o", "markersize": 3.5, "color": BLUE, "alpha": alpha}


def _thinned(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, _POINTS)).astype(int))
