"""Figures of ordinary and of odd runs: drawn, readable, literal."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from nnpy.evaluation.classification import ClassReport, class_report
from nnpy.report import figures

ODD = ("<script>alert(1)</script>", "$x_1$", "a\nb\x1b[31m", "日本語" * 30, r"$\frac{")
NAN = math.nan


def report(k: int, n: int, names: tuple[str, ...] | None = None) -> ClassReport:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    probs = np.exp(rng.normal(size=(n, k)) + 3 * np.eye(k)[truth])
    probs /= probs.sum(axis=1, keepdims=True)
    return class_report(probs, truth, names or tuple(f"class {i}" for i in range(k)))


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """The pairs of texts of a figure that lie over one another."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        canvas.draw()
    renderer = canvas.get_renderer()
    unseen = {label for axes in figure.axes for label in _out_of_range(axes)}
    texts = [t for t in figure.findobj(mpl.text.Text) if t.get_visible() and t.get_text().strip()]
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t not in unseen]
    found = []
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 1 and down > 1:
            found.append((one, other))
    return found


def _out_of_range(axes) -> list[mpl.text.Text]:
    """Labels of ticks beyond the ends of their axis, which are never drawn."""
    found = []
    for axis, minor in itertools.product((axes.xaxis, axes.yaxis), (False, True)):
        low, high = sorted(axis.get_view_interval())
        margin = 1e-9 * (high - low)
        places = axis.get_ticklocs(minor=minor)
        for label, place in zip(axis.get_ticklabels(minor=minor), places, strict=False):
            if not low - margin <= place <= high + margin or not axes.axison:
                found.append(label)
    return found


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


HISTORIES = {
    "ordinary": {
        "epoch": [1, 2, 3],
        "seconds": [1.0, 1.0, 1.0],
        "loss": [0.5, 0.4, 0.3],
        "accuracy": [0.8, 0.9, 0.95],
        "val_loss": [0.6, 0.5, 0.55],
        "val_accuracy": [0.8, 0.85, 0.84],
        "learning_rate": [0.001] * 3,
    },
    "one epoch, no validation": {"epoch": [1], "loss": [2.3], "learning_rate": [0.1]},
    "nothing finite": {"epoch": [1, 2], "loss": [NAN, NAN], "val_loss": [math.inf, NAN]},
    "no epoch": {"epoch": [], "loss": []},
    "long and steep": {
        "epoch": list(range(1, 2001)),
        "loss": [1e6 / i**3 for i in range(1, 2001)],
        "learning_rate": [10 ** (-i / 300) for i in range(2000)],
    },
    "odd names": {"epoch": [1, 2], "loss": [1.0, 2.0], "$m_1$": [1.0, 2.0]},
    "negative and constant": {"epoch": [1, 2], "loss": [-1.0, -1.0], "r2": [0.0, 0.0]},
}


@pytest.mark.parametrize("name", HISTORIES)
def test_curves(name, tmp_path):
    history = HISTORIES[name]
    best = history["epoch"][-1] if history["epoch"] else None
    figure = figures.curves(history, best)
    assert overlaps(figure) == []
    figures.save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert min(picture.size) > 200
    shown = texts(figures.inline_svg(figure, "a", "a"))
    assert "$m_1$" in shown or name != "odd names"
    if best is not None:
        assert f"best epoch: {best}" in shown


@pytest.mark.parametrize("k", [2, 3, 10, 40, 100])
def test_no_label_lies_over_another(k):
    long = tuple(f"class {i} with a long name, sixty characters of it, no less" for i in range(k))
    result = report(k, 40 * k, long)
    assert overlaps(figures.confusion(result.confusion, long)) == []
    assert overlaps(figures.class_bars(result.classes)) == []
    assert overlaps(figures.reliability(result.calibration)) == []


def test_names_come_out_as_they_are():
    result = report(5, 300, ODD)
    for figure in (figures.confusion(result.confusion, ODD), figures.class_bars(result.classes)):
        svg = figures.inline_svg(figure, "x", "<&>")
        assert "<script" not in svg
        shown = texts(svg)
        assert "$x_1$" in shown
        assert r"$\frac{" in shown
        assert "a b�[31m" in shown
        assert any(text.startswith("<script>alert(1)<") for text in shown)


def test_mistakes():
    rng = np.random.default_rng(0)
    items = [
        figures.Mistake(i, rng.integers(0, 255, shape, dtype=np.uint8), ODD[i], ODD[-i], 0.9, 0.1)
        for i, shape in enumerate([(28, 28), (32, 32, 3), (10, 60), (60, 10)])
    ]
    for count in (1, 4):
        figure = figures.mistakes(items[:count], 100)
        assert overlaps(figure) == []
        assert "<script" not in figures.inline_svg(figure, "m", "m")
    none = figures.mistakes([], 10_000)
    assert "No mistakes among 10,000 examples." in texts(figures.inline_svg(none, "n", "n"))


@pytest.mark.parametrize("shape", [(1, 3, 3), (100, 28, 28), (7, 5, 5, 3), (5, 300, 2)])
def test_weights(shape, tmp_path):
    for kernels in (np.random.default_rng(0).normal(size=shape), np.zeros(shape)):
        figures.save(figures.weights(kernels), tmp_path / "w.png")


def test_several_runs_overlaid():
    runs = {f"run {i}": HISTORIES["ordinary"] for i in range(9)}
    figure = figures.overlaid(runs, ["loss", "accuracy"])
    assert overlaps(figure) == []
    assert set(runs) <= set(texts(figures.inline_svg(figure, "o", "o")))


def test_one_figure_gives_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        for kind in ("png", "svg"):
            figures.save(figures.curves(HISTORIES["ordinary"], 2), tmp_path / f"{name}.{kind}")
    for kind in ("png", "svg"):
        a, b = (tmp_path / f"{name}.{kind}" for name in "ab")
        assert a.read_bytes() == b.read_bytes()


def test_the_pages_drawing_takes_the_pages_colours():
    svg = figures.inline_svg(figures.curves(HISTORIES["ordinary"], 2), "c", "c")
    assert "var(--blue)" in svg
    assert "#0072b2" not in svg
    assert "<style" not in svg  # it would hold for the whole page
    assert "<metadata" not in svg


def test_the_users_matplotlib_is_left_alone():
    code = (
        "import sys, matplotlib as mpl\n"
        "mpl.rcParams['font.size'] = 3\n"
        "from nnpy.report import figures\n"
        "figures.inline_svg(figures.curves({'epoch': [1], 'loss': [1.0]}, 1), 'a', 'a')\n"
        "assert mpl.rcParams['font.size'] == 3\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
