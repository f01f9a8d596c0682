"""A model → a file of a format; a Keras file is made by `to_keras.py`.

Importing this module imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.export import to_onnx, to_savedmodel, to_tflite
from nnpy.export.serving import Serving


def write(
    name: str,
    serving: Serving,
    path: Path,
    described: Mapping[str, Any],
    *,
    quantize: str = "none",
    opset: int | None = None,
    examples: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Writes `serving` to `path` in the format called `name`; `described` goes into its metadata.

    `examples` (n, …) by the names of the inputs are representative ones, of which int8 takes the
    range of the values. Raises ModelError for what the format cannot hold.
    """
    if name == "onnx":
        to_onnx.write(serving, path, described, opset=opset, quantize=quantize, examples=examples)
    elif name == "tflite":
        to_tflite.write(serving, path, described, quantize=quantize, examples=examples)
    else:
        to_savedmodel.write(serving, path, described)
