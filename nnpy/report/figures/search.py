"""What a search has tried and found: trial by trial, setting by setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from nnpy.config.sweep.space import words
from nnpy.report.figures.style import BLUE, INK, MUTED, ORANGE, styled
from nnpy.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 12  # settings that are drawn
_FEW = 8  # choices that are all named beside their axis
_LINES = 300  # of the parallel coordinates; more cannot be told apart

# As `Trial.as_dict` tells it: number, state, value, values by path.
Trials = Sequence[Mapping[str, Any]]


@styled
def history(trials: Trials, objective: str, mode: str) -> Figure:
    """The value of each trial in its turn, and the best so far."""
    figure = Figure(figsize=(7.6, 2.9), layout="constrained")
    axes = figure.subplots()
    for state, marker, colour, label in (
        ("complete", "o", BLUE, "trial"),
        ("pruned", "x", MUTED, "pruned"),
    ):
        seen = [each for each in trials if each["state"] == state and each["value"] is not None]
        axes.plot(
            [each["number"] for each in seen],
            [each["value"] for each in seen],
            marker,
            color=colour,
            markersize=4.5,
            label=label,
        )
    best: list[float] = []
    complete = [each for each in trials if each["state"] == "complete"]
    for each in complete:
        better = max if mode == "max" else min
        best.append(better([*best[-1:], each["value"]]))
    axes.step(
        [each["number"] for each in complete],
        best,
        where="post",
        color=ORANGE,
        label="best so far",
        linestyle=(0, (5, 1.5)),
    )
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(plain(objective, 40))
    axes.legend(loc="best", fontsize=8)
    return figure


@styled
def setting(trials: Trials, path: str, said: Mapping[str, Any], objective: str) -> Figure:
    """One setting: its value, and what the trials with it have reached."""
    figure = Figure(figsize=(3.7, 2.6), layout="constrained")
    axes = figure.subplots()
    scale = _Scale(said)
    for state, marker, colour in (("pruned", "x", MUTED), ("complete", "o", BLUE)):
        seen = [each for each in trials if each["state"] == state]
        axes.plot(
            [scale.place(each["values"][path]) for each in seen],
            [each["value"] for each in seen],
            marker,
            color=colour,
            markersize=4,
            alpha=0.8,
        )
    scale.mark(axes)
    axes.set_title(plain(label(path), 34), fontsize=9)
    axes.set_ylabel(plain(objective, 30))
    return figure


def label(path: str) -> str:
    """The end of a path, that tells settings of one name apart: `model.1.Dense.units`."""
    return path if len(path) <= 24 else path.rpartition(".")[2]


@styled
def parallel(
    trials: Trials, search: Mapping[str, Mapping[str, Any]], objective: str, mode: str
) -> Figure:
    """A line for each trial through its values; the best fifth of them stands out."""
    paths = list(search)[:MOST]
    scales = [_Scale(search[path]) for path in paths]
    done = [each for each in trials if each["state"] == "complete"]
    done = sorted(done, key=lambda each: each["value"], reverse=mode == "min")[-_LINES:]
    figure = Figure(figsize=(max(6.0, 1.7 * (len(paths) + 1)), 3.4), layout="constrained")
    axes = figure.subplots()
    low, high = done[0]["value"], done[-1]["value"]
    first = len(done) - max(1, len(done) // 5)
    for rank, each in enumerate(done):
        stands_out = rank >= first
        heights = [
            scale.share(each["values"][path]) for scale, path in zip(scales, paths, strict=True)
        ]
        heights.append(0.5 if low == high else (each["value"] - low) / (high - low))
        axes.plot(
            range(len(heights)),
            heights,
            color=BLUE if stands_out else MUTED,
            linewidth=1.8 if stands_out else 0.7,
            alpha=0.9 if stands_out else 0.45,
            zorder=3 if stands_out else 2,
        )
    titles = [_two_lines(each) for each in (*map(label, paths), objective)]
    axes.set_xticks(range(len(titles)), titles)
    axes.set_yticks([])
    axes.grid(visible=True, axis="x")
    axes.spines["left"].set_visible(False)
    ends = [*(scale.ends for scale in scales), (f"{low:.4g}", f"{high:.4g}")]
    for place, (bottom, top) in enumerate(ends):
        for height, text, side in ((-0.03, bottom, "top"), (1.03, top, "bottom")):
            axes.text(place, height, text, ha="center", va=side, fontsize=7.5, color=MUTED)
    for place, scale in enumerate(scales):
        for height, text in scale.between:
            axes.text(place + 0.03, height, text, va="center", fontsize=7.5, color=MUTED, zorder=4)
    axes.set_ylim(-0.14, 1.14)
    return figure


def _two_lines(text: str) -> str:
    """A long name broken where its words are, nearest to its middle."""
    ends = [place + 1 for place, letter in enumerate(text) if letter in "._"]
    if len(text) <= 14 or not ends:
        return plain(text, 18)
    end = min(ends, key=lambda place: abs(place - len(text) / 2))
    return f"{plain(text[:end], 18)}\n{plain(text[end:], 18)}"


@styled
def importance(shares: Mapping[str, float]) -> Figure:
    """How much of the difference between good and other trials lies in each setting."""
    named = list(shares.items())[:MOST][::-1]
    figure = Figure(figsize=(7.6, 0.6 + 0.34 * len(named)), layout="constrained")
    axes = figure.subplots()
    axes.barh(
        [plain(label(path), 40) for path, _ in named], [share for _, share in named], color=BLUE
    )
    most = max([share for _, share in named], default=0.0) or 1.0
    for place, (_, share) in enumerate(named):
        axes.text(
            share + most / 100, place, f"{100 * share:.0f} %", va="center", fontsize=8, color=INK
        )
    axes.set_xlim(0, most * 1.15)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    return figure


class _Scale:
    """Where the values of a setting lie on an axis."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._choices = said.get("choices")
        self._log = bool(said.get("log"))
        ends: list[float] = said.get("int") or said.get("float") or [0, 1]
        self._low, self._high = ends

    def place(self, value: Any) -> float:
        return self._choices.index(value) if self._choices else value

    def share(self, value: Any) -> float:
        """From 0 at the low end to 1 at the high one."""
        if self._choices:
            return self._choices.index(value) / (len(self._choices) - 1)
        ends = (self._low, self._high, value)
        low, high, at = map(math.log, ends) if self._log else ends
        return (at - low) / (high - low)

    @property
    def ends(self) -> tuple[str, str]:
        if self._choices:
            return _word(self._choices[0]), _word(self._choices[-1])
        return f"{self._low:.4g}", f"{self._high:.4g}"

    @property
    def between(self) -> list[tuple[float, str]]:
        """The choices between the first and the last, where so few can be told apart."""
        inner = self._choices[1:-1] if self._choices and len(self._choices) <= _FEW else []
        return [(self.share(each), _word(each)) for each in inner]

    def mark(self, axes: Axes) -> None:
        """The axis of a slice: its scale, or its choices."""
        if self._log:
            axes.set_xscale("log")
            # Words of its own: matplotlib's are in TeX, which no text here is read as.
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            if self._high / self._low < 10:
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        if self._choices:
            axes.set_xticks(range(len(self._choices)), [_word(each) for each in self._choices])
            if sum(len(_word(each)) for each in self._choices) > 30:
                axes.tick_params(axis="x", rotation=30)
            axes.set_xlim(-0.5, len(self._choices) - 0.5)


def _word(value: Any) -> str:
    return plain(words(value), 18)
