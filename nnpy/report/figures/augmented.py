"""What augmentation makes of the training's pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from nnpy.report.figures.style import styled

COLUMNS = 8


@styled
def augmented(pairs: np.ndarray) -> Figure:
    """Pictures `(2, n, h, w)` or `(2, n, h, w, channels)` of 0 to 1: each above what it becomes.

    One channel is grey, three and four are colours.
    """
    if pairs.ndim == 5 and pairs.shape[-1] == 1:
        pairs = pairs[..., 0]
    count, height, width = pairs.shape[1:4]
    gap = max(1, height // 10)
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    tall, wide = 2 * height + gap, width + gap
    shape = (rows * (tall + 3 * gap) - 3 * gap, columns * wide - gap, 4)
    sheet = np.zeros(shape, np.uint8)  # clear where there is no picture
    for i in range(count):
        top, left = i // columns * (tall + 3 * gap), i % columns * wide
        for j, picture in enumerate(pairs[:, i]):
            colour = picture[..., None].repeat(3, -1) if picture.ndim == 2 else picture[..., :3]
            place = sheet[top + j * (height + gap) :, left:][:height, :width]
            place[..., :3], place[..., 3] = np.rint(colour * 255), 255
    inches = 0.85 * columns
    figure = Figure(figsize=(inches, inches * shape[0] / shape[1]))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.imshow(sheet, interpolation="none", aspect="auto")
    return figure
