"""Pictures of a run: matplotlib figures on plain arrays, for files and for the page.

Every function returns a `matplotlib.figure.Figure`; `save` writes it, `inline_svg` makes the
page's version, whose colours follow the page's light or dark theme. No display is needed and
pyplot is never imported. The palette is Okabe and Ito's ("Color universal design", 2008), which
people of all colour visions tell apart; what colour says, shape or text says too.
"""

from __future__ import annotations

import functools
import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from nnpy.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nnpy.statistics import Calibration, ClassScore

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
INK, MUTED, GRID, PAPER = "#1a1a1b", "#5c5c5e", "#e2e2e3", "#fffffe"

# In the page these colours are the page's own, so that one drawing serves light and dark.
_PAGE_COLOURS = {
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    PAPER: "var(--paper)",
}

_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Noto Emoji")


@dataclass(frozen=True)
class Mistake:
    """An example that was answered wrongly."""

    index: int  # its place in the split
    picture: np.ndarray  # uint8 (h, w) or (h, w, 3)
    truth: str
    answer: str
    probability: float  # of the answer
    truth_probability: float


P = ParamSpec("P")
T = TypeVar("T")


def _styled(function: Callable[P, T]) -> Callable[P, T]:
    """Run with this module's matplotlib settings, whatever the user's own say."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with mpl.rc_context(), warnings.catch_warnings():
            mpl.rcdefaults()
            mpl.rcParams.update(_style())
            # A name in a script that no font here has is drawn as boxes; the page shows it right.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            return function(*args, **kwargs)

    return wrapper


@functools.cache
def _style() -> dict[str, Any]:
    from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    return {
        "text.parse_math": False,  # a class may be called $x_1$
        "svg.fonttype": "none",
        "font.family": [name for name in _FONTS if name in there] or ["sans-serif"],
        "font.size": 9.5,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlepad": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.facecolor": "none",
        "figure.facecolor": PAPER,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "hatch.linewidth": 0.6,
        "savefig.dpi": 160,
    }


# Saving ---------------------------------------------------------------------------------------


@_styled
def save(figure: Figure, path: Path) -> None:
    """Write a figure as the suffix says (.png, .svg, .pdf); the same figure gives the same bytes."""
    kind = path.suffix.lstrip(".").lower()
    mpl.rcParams["svg.hashsalt"] = "nnpy"
    figure.savefig(path, format=kind, metadata={"svg": {"Date": None}}.get(kind))


@_styled
def inline_svg(figure: Figure, name: str, description: str) -> str:
    """An `<svg>` element for the page; `name` keeps its ids apart from other figures'."""
    from html import escape

    mpl.rcParams["svg.hashsalt"] = name
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", facecolor="none", metadata={"Date": None})
    text = buffer.getvalue()
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    # Its style rule would hold for the whole page.
    body = re.sub(r"<style.*?</style>", "", body, flags=re.S)
    # matplotlib's ids of groups are the same in every figure, and nothing refers to them.
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", body)
    for colour, variable in _PAGE_COLOURS.items():
        body = body.replace(colour, variable)
    width, height = figure.get_size_inches()
    head = (
        f'<svg role="img" aria-label="{escape(description)}" '
        f'style="width:{width * 96:.0f}px;stroke-linejoin:round" '
        f'viewBox="0 0 {width * 72:.6g} {height * 72:.6g}" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg">'
    )
    return head + body[body.index(">") + 1 :].strip()


# Learning curves ------------------------------------------------------------------------------


def panels(history: Mapping[str, Sequence[float]]) -> list[str]:
    """What of a history is worth a panel, in order: loss, each metric, learning rate."""
    rest = [name for name in history if not name.startswith("val_")]
    last = [name for name in ("learning_rate",) if name in rest]
    names = [name for name in rest if name not in ("epoch", "seconds", "loss", *last)]
    return [name for name in ("loss",) if name in rest] + names + last


@_styled
def curve(history: Mapping[str, Sequence[float]], name: str, best_epoch: int | None) -> Figure:
    """One panel of the learning curves: training and, where there is one, validation."""
    figure = Figure(figsize=(4.4, 2.9), layout="constrained")
    _draw_curve(figure.subplots(), history, name, best_epoch)
    return figure


@_styled
def curves(history: Mapping[str, Sequence[float]], best_epoch: int | None) -> Figure:
    """All panels. `history` holds `epoch` (from 1) and a value an epoch for each name."""
    names = panels(history) or ["loss"]
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(4.4 * columns, 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(grid, names, strict=False):
        _draw_curve(axes, history, name, best_epoch)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    return figure


@_styled
def overlaid(histories: Mapping[str, Mapping[str, Sequence[float]]], name: str) -> Figure:
    """One value of several runs: validation where there is one, else training."""
    figure = Figure(figsize=(4.8, 3.1), layout="constrained")
    axes = figure.subplots()
    shown = []
    for number, (run, history) in enumerate(histories.items()):
        values = history.get(f"val_{name}", history.get(name))
        if values is None:
            continue
        shown.extend(values)
        axes.plot(
            history["epoch"],
            values,
            color=_CYCLE[number % len(_CYCLE)],
            linestyle=_DASHES[number // len(_CYCLE) % len(_DASHES)],
            marker=_MARKERS[number % len(_MARKERS)] if len(values) <= 30 else None,
            markersize=4.5,
            label=plain(run, 30),
        )
    longest = max((len(history["epoch"]) for history in histories.values()), default=1)
    _finish_curve(axes, _title(name), shown, longest, columns=1)
    return figure


_CYCLE = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#e69f00")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)))
_MARKERS = "os^Dv"


def _draw_curve(
    axes: Axes, history: Mapping[str, Sequence[float]], name: str, best_epoch: int | None
) -> None:
    epochs, values = history["epoch"], history.get(name, ())
    marks: dict[str, Any] = {"markersize": 4} if len(epochs) <= 30 else {"marker": ""}
    alone = name == "learning_rate"
    colour = MUTED if alone else BLUE
    axes.plot(epochs, values, color=colour, label="training", **{"marker": "o", **marks})
    shown = list(values)
    if validation := history.get(f"val_{name}"):
        axes.plot(
            epochs,
            validation,
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
    _finish_curve(axes, _title(name), shown, len(epochs), columns=0 if alone else 3)


def _finish_curve(
    axes: Axes, title: str, shown: Sequence[float], epochs: int, *, columns: int
) -> None:
    axes.set_title(title, pad=24 if columns > 1 else 12)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    if epochs <= 1:
        axes.set_xlim(0.5, 1.5)
        axes.set_xticks([1])
    finite = np.array([value for value in shown if math.isfinite(value)])
    if not finite.size:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", color=MUTED)
    elif finite.min() > 0 and finite.max() / finite.min() > 50:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        if finite.min() == finite.max() != 0:
            axes.set_ylim(sorted((0, 1.5 * finite[0])))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.5g}"))
    if columns and axes.get_legend_handles_labels()[0]:
        place: dict[str, Any] = {"loc": "best"}
        if columns > 1:  # above the drawing, where no curve can run through it
            place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.985)}
        axes.legend(
            ncols=columns,
            fontsize=8.5,
            handlelength=1.8,
            columnspacing=1.2,
            borderpad=0.2,
            handletextpad=0.5,
            **place,
        )


def _title(name: str) -> str:
    return plain(name.replace("_", " "), 40)


# Where it fails -------------------------------------------------------------------------------


@_styled
def confusion(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Counts `(k, k)`, row = truth: right answers blue, wrong ones orange, by share of the row.

    The orange is the share's square root, so that a few mistakes are seen.
    """
    from matplotlib.colors import to_rgb

    k = len(matrix)
    cell = float(np.clip(7.2 / k, 0.095, 0.56))  # inches
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
    room = 0.3 + max(map(len, labels), default=0) * font / 72 * 0.64
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
    axes.set_title(
        "row: truth    column: answer", fontsize=8.5, weight="normal", color=MUTED, pad=6
    )
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


@_styled
def mistakes(items: Sequence[Mistake], examples: int) -> Figure:
    """A gallery of wrong answers: each picture with its truth, the answer and its probability."""
    if not items:
        return _notice(f"No mistakes among {examples:,} examples.")
    columns = min(6, len(items))
    rows = math.ceil(len(items) / columns)
    figure = Figure(figsize=(1.6 * columns, 2.0 * rows))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.42 / (2.0 * rows), wspace=0.12, hspace=0.42)
    for axes in grid:
        axes.set_axis_off()
    for axes, item in zip(grid, items, strict=False):
        grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255}
        axes.imshow(item.picture, interpolation="nearest", **(grey if item.picture.ndim == 2 else {}))
        answer = f"{plain(item.answer, 13)} {_percent(item.probability)}"
        for line, (text, colour, weight) in enumerate(
            ((answer, ORANGE, "bold"), (f"is {plain(item.truth, 15)}", INK, "normal"))
        ):
            axes.annotate(
                text,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 15 - 11 * line),
                textcoords="offset points",
                fontsize=7.8,
                color=colour,
                weight=weight,
                annotation_clip=False,
            )
    return figure


@_styled
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


@_styled
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
        label="share that is right",
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
    lower.set_xlabel("probability that the model gives its answer")
    lower.yaxis.set_major_locator(MaxNLocator(nbins=3))
    lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    return figure


# What it learned ------------------------------------------------------------------------------


@_styled
def weights(kernels: np.ndarray, limit: int = 64) -> Figure:
    """Weights `(count, h, w)` or `(count, h, w, 3)` as pictures, all on one scale.

    One channel: blue is positive, red negative, white nought. Three: colour, from least to most.
    """
    shown = kernels[:limit]
    columns = min(16, max(4, math.ceil(math.sqrt(len(shown) * 1.9))), max(len(shown), 1))
    rows = math.ceil(len(shown) / columns) or 1
    figure = Figure(figsize=(0.6 * columns, 0.6 * rows))
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.995, wspace=0.1, hspace=0.1)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    bound = float(np.quantile(np.abs(shown), 0.998)) or 1.0
    for axes in grid:
        axes.set_axis_off()
    for axes, kernel in zip(grid, shown, strict=False):
        if kernel.ndim == 3:
            axes.imshow(np.clip((kernel / bound + 1) / 2, 0, 1), interpolation="nearest")
        else:
            axes.imshow(kernel, cmap="RdBu", vmin=-bound, vmax=bound, interpolation="nearest")
    return figure


def _notice(text: str) -> Figure:
    figure = Figure(figsize=(5, 0.8))
    figure.text(0.02, 0.5, text, va="center")
    return figure


def _percent(value: float) -> str:
    """A probability as people read it; never 100 % for what is not certain."""
    for digits in (1, 2, 3, 4):
        text = f"{100 * value:.{digits}f}"
        if float(text) < 100:
            return f"{text} %"
    return f"{100 * value:.0f} %"


def write_all(figures: Iterable[tuple[str, Figure]], folder: Path) -> list[Path]:
    """Write each figure as NAME.png and NAME.svg; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures:
        for kind in (".png", ".svg"):
            path = folder / f"{name}{kind}"
            save(figure, path)
            paths.append(path)
    return paths
