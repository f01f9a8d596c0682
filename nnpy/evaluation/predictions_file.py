"""Every answer of a model in a .csv or .npz file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nnpy.data import DataInfo
from nnpy.errors import UsageError
from nnpy.storage import atomic


class Answered(Protocol):
    """What a model, or an exported one, answered: its outputs, and of classes what is known."""

    @property
    def outputs(self) -> Any: ...
    @property
    def truth(self) -> np.ndarray | None: ...
    @property
    def probabilities(self) -> np.ndarray | None: ...


def write(result: Answered, info: DataInfo, path: Path) -> None:
    """Writes every answer to a .csv (a line an example) or .npz file (the outputs as arrays)."""
    probs, truth = result.probabilities, result.truth
    outputs = result.outputs
    if path.suffix == ".npz":
        arrays = outputs if isinstance(outputs, dict) else {"outputs": outputs}
        if isinstance(outputs, list | tuple):
            arrays = {f"outputs_{i}": each for i, each in enumerate(outputs)}
        known = {} if probs is None or truth is None else {"truth": truth, "probabilities": probs}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays, **known)
        atomic.write_bytes(path, buffer.getvalue())
        return
    if probs is None or truth is None:
        raise UsageError(f"{path}: only class predictions can be written as .csv; use .npz")
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["index", "truth", "answer", *info.classes])
    best = probs.argmax(axis=1)
    for i, row in enumerate(probs):
        lines.writerow([i, info.classes[truth[i]], info.classes[best[i]], *map(repr, row.tolist())])
    atomic.write_text(path, text.getvalue())
