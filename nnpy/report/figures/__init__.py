"""Pictures of a run: matplotlib figures on plain arrays, for files and for the page.

Every function returns a `matplotlib.figure.Figure`; `save` writes it, `inline_svg` makes the
page's version, whose colours follow the page's light or dark theme. No display is needed and
pyplot is never imported. The palette is Okabe and Ito's ("Color universal design", 2008), which
people of all colour visions tell apart; what colour says, shape or text says too.
"""

from nnpy.evaluation.classification import Mistake
from nnpy.report.figures.answers import class_bars, confusion, mistakes, reliability
from nnpy.report.figures.augmented import augmented
from nnpy.report.figures.curves import curve, curves, overlaid, panels
from nnpy.report.figures.kernels import weights
from nnpy.report.figures.numbers import predicted, residuals
from nnpy.report.figures.pairs import are_pictures, pairs
from nnpy.report.figures.plane import plane
from nnpy.report.figures.ranking import label_bars, ranking
from nnpy.report.figures.style import content, inline_svg, save, write_all

__all__ = [
    "Mistake",
    "are_pictures",
    "augmented",
    "class_bars",
    "confusion",
    "content",
    "curve",
    "curves",
    "inline_svg",
    "label_bars",
    "mistakes",
    "overlaid",
    "pairs",
    "panels",
    "plane",
    "predicted",
    "ranking",
    "reliability",
    "residuals",
    "save",
    "weights",
    "write_all",
]
