"""The picture of the ladder: how the accuracy of each network grew."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ladder.results import Results
from benchmarks.ladder.rows import ROWS


def draw(found: Results, path: Path) -> None:
    """The validation accuracy of each row's first seed, epoch by epoch, the name at its end.

    Nothing where no row of Fashion-MNIST is trained.
    """
    from matplotlib.figure import Figure

    from nnpy.report.figures import save, style

    curves = {
        row.name: found[row.name][0]["curve"]
        for row in ROWS
        if row.name in found and row.data == "Fashion-MNIST"
    }
    if not curves:
        return

    @style.styled
    def drawn() -> Figure:
        figure = Figure(figsize=(7.5, 4.6), layout="constrained")
        axes = figure.subplots()
        longest = max(map(len, curves.values()))
        colours = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
        ends = _apart({name: max(values) for name, values in curves.items()}, 0.005)
        for number, (name, values) in enumerate(curves.items()):
            colour = colours[number % len(colours)]
            dashes = ("-", (0, (4, 2)), (0, (1, 1.5)))[number // len(colours) % 3]
            best = values.index(max(values))
            epochs = range(1, 1 + len(values))
            axes.plot(epochs, values, color=colour, linestyle=dashes, linewidth=1.5)
            axes.plot([best + 1], [values[best]], "o", color=colour, markersize=4)
            axes.annotate(
                f"{name} {values[best]:.3f}",
                (best + 1, values[best]),
                (longest * 1.06, ends[name]),
                color=colour,
                fontsize=8,
                va="center",
                annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": style.GRID, "linewidth": 0.8},
            )
        axes.set_xlim(0.5, longest * 1.05)
        axes.set_ylim(min(0.8, *(min(_last_half(each)) for each in curves.values())), 0.97)
        axes.set_xlabel("epoch")
        axes.set_title("validation accuracy, the best epoch marked")
        return figure

    save(drawn(), path)


def _last_half(values: list[float]) -> list[float]:
    return values[len(values) // 2 :]


def _apart(heights: dict[str, float], gap: float) -> dict[str, float]:
    """The heights of labels, moved up where two would lie on each other."""
    placed: dict[str, float] = {}
    for name, height in sorted(heights.items(), key=lambda each: each[1]):
        last = max(placed.values(), default=0.0)
        placed[name] = max(height, last + gap)
    return placed
