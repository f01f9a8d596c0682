"""Whole trainings on two logical devices of the CPU, begun, left and resumed; prints JSON.

    python -m tests.support.train_on_devices FOLDER

TensorFlow divides a CPU once, before its first operation: this is for a process of its own.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from nnpy import api
from nnpy.errors import Interrupted
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener
from nnpy.workflows import report
from nnpy.workflows.verify import digests
from tests.support.datasets import tiny_fashion_mnist

TWO = {"device": "cpu", "devices": "2"}
ONE = {"device": "cpu"}
MODEL = [
    {"Normalization": {"axis": None, "adapt": True}},
    "Flatten",
    {"Dense": {"units": 8, "use_bias": False}},
    "BatchNormalization",
    {"Dropout": {"rate": 0.3}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]


class Watcher(ProgressListener):
    """Hears what is said, and can leave a training within its first epoch."""

    def __init__(self, leaves: bool = False) -> None:
        self.said: list[str] = []
        self._leaves = leaves

    def on_message(self, message: str) -> None:
        self.said.append(message)

    def on_chunk_end(self, epoch: int, epochs: int, step: int, steps: int, logs: Any) -> None:
        if self._leaves and step > 1:
            raise Interrupted("left")


def main(folder: Path) -> dict[str, Any]:
    report.Reporter.report = lambda *_: None  # type: ignore[method-assign]  # not looked at here
    data = tiny_fashion_mnist(folder / "data", n_train=137, n_test=30)
    config = {
        "data": {"name": "idx", "path": str(data), "validation_split": 0.2},
        "model": MODEL,
        "training": {
            "optimizer": {"AdamW": {"learning_rate": 0.002, "use_ema": True}},
            "epochs": 2,
            "batch_size": 9,
            "checkpoint_minutes": 0,
            "execution": "graph",
        },
    }
    told, again = Watcher(), Watcher()
    whole = api.train(config, run_dir=str(folder / "whole"), listener=told, **TWO)
    try:
        api.train(config, run_dir=str(folder / "left"), listener=Watcher(leaves=True), **TWO)
    except Interrupted:
        shutil.copytree(folder / "left", folder / "moved")
    left = api.resume(folder / "left", **TWO)
    moved = api.resume(folder / "moved", listener=again, **ONE)
    back = {"whole": whole, "left": left, "moved": moved}
    return {
        "said": told.said,
        "said on one device": again.said,
        "digests": {name: digests(run.folder) for name, run in back.items()},
        "summaries": {name: run.summary() for name, run in back.items()},
        "rows": {name: _rows(run) for name, run in back.items()},
    }


def _rows(run: Run) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in run.metrics()]


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
