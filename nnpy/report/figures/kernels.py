"""What the first layer learned: its weights as pictures, where they are pictures."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from nnpy.report.figures.style import styled

SIDE = 24  # pixels at least; a kernel of 3 × 3 is enlarged


@styled
def weights(kernels: np.ndarray, limit: int = 64) -> Figure:
    """Weights `(count, h, w)` or `(count, h, w, 3)` as pictures, all on one scale.

    One channel: blue is positive, red negative, white nought. Three: colour, from least to most.
    """
    tiles = _coloured(kernels[:limit])
    enlarge = math.ceil(SIDE / max(tiles.shape[1:3]))
    tiles = tiles.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    count, height, width = tiles.shape[:3]
    gap = max(2, width // 10)
    columns = min(16, max(4, math.ceil(math.sqrt(count * 1.9))), max(count, 1))
    rows = math.ceil(count / columns) or 1
    # One picture of all: an axes for each would take a hundred times as long to draw.
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    figure = Figure(figsize=(0.6 * columns, 0.6 * columns * sheet.shape[0] / sheet.shape[1]))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.imshow(sheet, interpolation="none", aspect="auto")
    return figure


def _coloured(kernels: np.ndarray) -> np.ndarray:
    """uint8 `(count, h, w, 4)`; the few largest weights do not wash out the rest."""
    bound = float(np.quantile(np.abs(kernels), 0.998)) or 1.0
    scaled = np.clip((kernels / bound + 1) / 2, 0, 1)
    if kernels.ndim == 3:
        return np.asarray(mpl.colormaps["RdBu"](scaled, bytes=True))
    opaque = np.ones((*kernels.shape[:3], 1))
    return np.rint(np.concatenate([scaled, opaque], axis=3) * 255).astype(np.uint8)
