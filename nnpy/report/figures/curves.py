"""How a training went: loss, metrics and learning rate, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from nnpy.report.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, styled
from nnpy.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CYCLE = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#e69f00")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)))
_MARKERS = "os^Dv"


def panels(history: Mapping[str, Sequence[float]]) -> list[str]:
    """What of a history is worth a panel, in order: loss, each metric, learning rate."""
    rest = [name for name in history if not name.startswith("val_")]
    last = [name for name in ("learning_rate",) if name in rest]
    names = [name for name in rest if name not in ("epoch", "seconds", "loss", *last)]
    return [name for name in ("loss",) if name in rest] + names + last


@styled
def curve(
    history: Mapping[str, Sequence[float]],
    name: str,
    best_epoch: int | None,
    starts: Sequence[int] = (),
) -> Figure:
    """One panel of the learning curves: training and, where there is one, validation."""
    figure = Figure(figsize=(3.7, 2.7), layout="constrained")
    _draw_curve(figure.subplots(), history, name, best_epoch, starts)
    return figure


@styled
def curves(
    history: Mapping[str, Sequence[float]], best_epoch: int | None, starts: Sequence[int] = ()
) -> Figure:
    """All panels. `history` holds `epoch` (from 1) and a value an epoch for each name.

    `starts` are epochs with which another stage of the training begins.
    """
    names = panels(history) or ["loss"]
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(3.7 * columns, 2.7 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(grid, names, strict=False):
        _draw_curve(axes, history, name, best_epoch, starts)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    return figure


@styled
def overlaid(
    histories: Mapping[str, Mapping[str, Sequence[float]]], names: Sequence[str]
) -> Figure:
    """A panel a name with the curves of several runs: validation where there is one."""
    columns = max(1, min(3, len(names)))
    rows = math.ceil(len(names) / columns) or 1
    lines = math.ceil(len(histories) / (2 * columns))
    figure = Figure(figsize=(3.9 * columns, 2.6 * rows + 0.2 * lines + 0.1), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    handles: dict[str, Any] = {}
    for axes, name in zip(grid, names, strict=False):
        axes.set_axis_on()
        _overlay(axes, histories, name, handles)
    if handles:
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside lower left",
            ncols=2 * columns,
            fontsize=8,
        )
    return figure


def _overlay(
    axes: Axes,
    histories: Mapping[str, Mapping[str, Sequence[float]]],
    name: str,
    handles: dict[str, Any],
) -> None:
    shown: list[float] = []
    longest = max((len(history.get("epoch", ())) for history in histories.values()), default=0)
    for number, (run, history) in enumerate(histories.items()):
        values = history.get(f"val_{name}", history.get(name))
        if values is None:
            continue
        shown.extend(values)
        (handles[plain(run, 30)],) = axes.plot(
            history["epoch"],
            values,
            color=_CYCLE[number % len(_CYCLE)],
            linestyle=_DASHES[number // len(_CYCLE) % len(_DASHES)],
            marker=_MARKERS[number % len(_MARKERS)] if longest <= 30 else None,
            markersize=4.5,
        )
    _finish_curve(axes, _title(name), shown, range(1, longest + 1), columns=0)


def _draw_curve(
    axes: Axes,
    history: Mapping[str, Sequence[float]],
    name: str,
    best_epoch: int | None,
    starts: Sequence[int],
) -> None:
    epochs, values = history["epoch"], history.get(name, ())
    for start in starts:
        if start in epochs:
            axes.axvline(start - 0.5, color=MUTED, linewidth=0.9, linestyle="--", zorder=1)
    marks: dict[str, Any] = {"markersize": 4} if len(epochs) <= 30 else {"marker": ""}
    alone = name == "learning_rate"
    colour = MUTED if alone else BLUE
    axes.plot(epochs, values, color=colour, label="training", **{"marker": "o", **marks})
    shown = list(values)
    if validation := history.get(f"val_{name}"):
        # Where not every epoch is validated, the line goes on from one that is to the next.
        seen = [pair for pair in zip(epochs, validation, strict=True) if not math.isnan(pair[1])]
        axes.plot(
            [epoch for epoch, _ in seen],
            [value for _, value in seen],
            color=ORANGE,
            linestyle=(0, (5, 1.5)),
            label="validation",
            **{"marker": "s", **marks},
        )
        shown += validation
    if best_epoch is not None and best_epoch in epochs and not alone:
        axes.axvline(best_epoch, color=MUTED, linewidth=0.9, linestyle=":", zorder=1)
        height = (history.get(f"val_{name}") or values)[list(epochs).index(best_epoch)]
        axes.plot(
            [best_epoch],
            [height],
            marker="o",
            markersize=10,
            markerfacecolor="none",
            markeredgecolor=INK,
            linestyle="none",
            label=f"best epoch: {best_epoch}",
        )
    _finish_curve(axes, _title(name), shown, epochs, columns=0 if alone else 3)


def _finish_curve(
    axes: Axes, title: str, shown: Sequence[float], epochs: Sequence[float], *, columns: int
) -> None:
    axes.set_title(title, pad=24 if columns else 12)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    first, last = (epochs[0], epochs[-1]) if len(epochs) else (1, 1)
    margin = 0.04 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)  # also where every value is NaN
    finite = np.array([value for value in shown if math.isfinite(value)])
    if not finite.size:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", color=MUTED)
    elif finite.min() > 0 and finite.max() / finite.min() > 50:
        axes.set_yscale("log")
        steps = (1, 2, 5) if finite.max() / finite.min() < 2000 else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=8))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        if finite.min() == finite.max() != 0:
            axes.set_ylim(*sorted((0.0, 1.5 * float(finite[0]))))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.5g}"))
    if columns:  # above the drawing, where no curve can run through it
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.02, 0.985),
            ncols=columns,
            fontsize=8,
            handlelength=1.6,
            columnspacing=0.9,
            borderpad=0.2,
            handletextpad=0.4,
        )


def _title(name: str) -> str:
    return plain(name.replace("_", " ") if name.isidentifier() else name, 40)
