"""Examples and what a model makes of them, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nnpy.report.figures.style import styled

_Pairs = Sequence[tuple[int, np.ndarray, np.ndarray]]


def are_pictures(pairs: _Pairs) -> bool:
    """Whether the examples can be drawn: (h, w), (h, w, 1) or (h, w, 3)."""
    if not pairs:
        return False
    shape = pairs[0][1].shape
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


@styled
def pairs(pairs: _Pairs) -> Figure:
    """Above the examples, below the answers; from the best on the left to the worst."""
    count = len(pairs)
    figure = Figure(figsize=(1.1 * count, 2.4), layout="constrained")
    axes = figure.subplots(2, count, squeeze=False)
    values = np.concatenate([np.ravel(each[1]) for each in pairs])
    low, high = min(0.0, float(values.min())), max(1e-9, float(values.max()))
    for column, (index, *both) in enumerate(pairs):
        for row, array in enumerate(both):
            shown = (np.squeeze(array) - low) / (high - low)
            grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1}
            axes[row, column].imshow(
                shown.clip(0, 1), interpolation="none", **(grey if shown.ndim == 2 else {})
            )
            axes[row, column].set_axis_off()
        axes[0, column].set_title(str(index), fontsize=8, weight="normal")
    return figure
