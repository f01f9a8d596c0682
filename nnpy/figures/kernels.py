"""What the first layer learned: its weights as pictures, where they are pictures."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from nnpy.figures.style import styled


@styled
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
