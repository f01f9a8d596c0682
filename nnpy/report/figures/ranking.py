"""ROC and precision-recall curves, and labels one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nnpy.report.figures.style import BLUE, INK, MUTED, ORANGE, styled
from nnpy.text import plain

if TYPE_CHECKING:
    from nnpy.evaluation.labels import LabelsReport
    from nnpy.evaluation.ranking import Ranking

_MOST = 30


@styled
def ranking(found: Sequence[Ranking]) -> Figure:
    """The ROC curve and the precision-recall curve, of each yes or no a line."""
    figure = Figure(figsize=(7.2, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    alone = len(found) == 1
    for each in found[:_MOST]:
        look = {"color": BLUE, "linewidth": 1.8 if alone else 1.0, "alpha": 1 if alone else 0.55}
        left.plot(each.false_positives, each.true_positives, **look)
        right.step(each.recall, each.precision, where="pre", **look)
    left.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.2)
    area = f", area {found[0].auc:.3f}" if alone and found[0].auc is not None else ""
    left.set(title=f"ROC{area}", xlabel="false positive rate", ylabel="true positive rate")
    if alone:
        right.axhline(found[0].share, color=MUTED, linestyle=":", linewidth=1.2)
    mean = found[0].average_precision if alone and found else None
    area = f", area {mean:.3f}" if mean is not None else ""
    right.set(title=f"precision-recall{area}", xlabel="recall", ylabel="precision")
    for axes in (left, right):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    return figure


@styled
def label_bars(found: LabelsReport, limit: int = _MOST) -> Figure:
    """The average precision of each label as a bar, its share of the examples as a mark."""
    order = sorted(range(len(found.labels)), key=lambda i: found.rankings[i].average_precision or 0)
    chosen = order[:limit]
    height = 1.15 + 0.27 * max(len(chosen), 2)
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(chosen))
    precision = [found.rankings[i].average_precision or 0 for i in chosen]
    axes.barh(rows, precision, height=0.62, color=BLUE, alpha=0.3, label="average precision")
    axes.plot(
        [found.rankings[i].share for i in chosen],
        rows,
        linestyle="none",
        marker="D",
        markersize=4.6,
        color=ORANGE,
        label="of guessing",
    )
    axes.set_yticks(rows, [plain(found.labels[i].name, 28) for i in chosen])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_xlim(0, 1.015)
    axes.grid(axis="y", visible=False)
    axes.legend(ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return figure
