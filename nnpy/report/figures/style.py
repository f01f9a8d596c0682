"""How every figure looks, and how it is written: to a file, or into the page."""

from __future__ import annotations

import functools
import io
import warnings
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends import backend_agg, backend_svg  # noqa: F401 – here, not at the first save
from matplotlib.figure import Figure

from nnpy.report import svg
from nnpy.storage import atomic

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
P = ParamSpec("P")
T = TypeVar("T")


def styled(function: Callable[P, T]) -> Callable[P, T]:
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
def _style() -> Any:
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


def save(figure: Figure, path: Path) -> None:
    """Write a figure as the suffix says (.png, .svg, .pdf), whole or not at all."""
    atomic.write_bytes(path, content(figure, path.suffix.lstrip(".").lower()))


@styled
def content(figure: Figure, kind: str) -> bytes:
    """A figure as a file of a kind ("png", "svg", "pdf"); always the same bytes."""
    if kind == "svg":
        return _svg(figure).encode()
    # Packing harder takes three times as long and saves a sixth of the bytes.
    packing: dict[str, Any] = {"pil_kwargs": {"compress_level": 3}} if kind == "png" else {}
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, **packing)
    _keep_layout(figure)
    return buffer.getvalue()


_drawn: weakref.WeakKeyDictionary[Figure, str] = weakref.WeakKeyDictionary()


@styled
def _svg(figure: Figure) -> str:
    """The figure as an SVG file; drawn once, for the page and for the file."""
    if figure not in _drawn:
        mpl.rcParams["svg.hashsalt"] = "nnpy"
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        _keep_layout(figure)
        _drawn[figure] = buffer.getvalue()
    return _drawn[figure]


def _keep_layout(figure: Figure) -> None:
    """Where things lie was found at the first drawing; finding it is half the work of each."""
    figure.set_layout_engine("none")


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """An `<svg>` element for the page; `name` keeps its ids apart from other figures'."""
    width, height = figure.get_size_inches()
    return svg.figure(_svg(figure), name, description, width, height, _PAGE_COLOURS)


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
