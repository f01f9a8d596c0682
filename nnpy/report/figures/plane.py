"""The plane of two numbers, divided by what a classifier answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nnpy.evaluation.plane import Plane
from nnpy.report.figures.style import BLUE, GREEN, INK, ORANGE, styled
from nnpy.text import plain

COLOURS = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#e69f00")
_MARKERS = "osD^vP"


@styled
def plane(plane: Plane, names: Sequence[str]) -> Figure:
    """The region of each class, the line between them, and test examples; wrong ones ringed."""
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.grid(False)
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        lead = _lead(plane.probabilities, number)
        if lead.max() > 0:
            levels = [0.0, max(float(lead.max()), 1e-9)]
            axes.contourf(plane.first, plane.second, lead, levels, colors=[colour], alpha=0.16)
        if lead.min() < 0 < lead.max():
            axes.contour(plane.first, plane.second, lead, [0.0], colors=[INK], linewidths=1.2)
        own = plane.truth == number
        axes.scatter(
            plane.points[own, 0],
            plane.points[own, 1],
            s=14,
            color=colour,
            marker=_MARKERS[number % len(_MARKERS)],
            linewidths=0,
            label=plain(name, 20) if number < 2 * len(COLOURS) else None,
        )
    wrong = plane.points[plane.truth != plane.answers]
    if len(wrong):
        ring: dict[str, Any] = {"facecolors": "none", "edgecolors": INK, "linewidths": 0.8}
        axes.scatter(wrong[:, 0], wrong[:, 1], s=48, label="wrong", **ring)
    axes.set_xlim(plane.first[0], plane.first[-1])
    axes.set_ylim(plane.second[0], plane.second[-1])
    axes.set_xlabel("first number")
    axes.set_ylabel("second number")
    figure.legend(loc="outside upper left", ncols=5, fontsize=8, handletextpad=0.3)
    return figure


def _lead(probabilities: np.ndarray, number: int) -> np.ndarray:
    """How far a class is ahead of the best of the others."""
    others = np.delete(probabilities, number, axis=-1).max(axis=-1)
    return np.asarray(probabilities[..., number] - others)
