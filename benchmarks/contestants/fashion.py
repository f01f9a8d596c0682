"""What all contestants share: the images, the command line, and the line of results."""

from __future__ import annotations

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np

BEGAN = time.perf_counter()
BATCH = {"mlp": 32, "cnn": 64, "cnn_bn": 64, "lstm": 64, "resnet": 64}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=BATCH)
    parser.add_argument("--data", required=True, help="the folder of the four IDX files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--examples", type=int, default=60000)
    parser.add_argument("--out", default=".")
    return parser.parse_args()


def load(folder: str, examples: int) -> tuple[np.ndarray, ...]:
    """x_train, y_train, x_test, y_test as uint8."""

    def read(name: str, skip: int) -> np.ndarray:
        content = gzip.decompress((Path(folder) / f"{name}.gz").read_bytes())
        return np.frombuffer(content, np.uint8, offset=skip)

    return (
        read("train-images-idx3-ubyte", 16).reshape(-1, 28, 28)[:examples],
        read("train-labels-idx1-ubyte", 8)[:examples],
        read("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28),
        read("t10k-labels-idx1-ubyte", 8),
    )


def report(epochs: list[float], accuracy: float, score_after: float | None = None) -> None:
    """One line of JSON: seconds of each epoch, and the accuracy on the 10,000 test images.

    `score_after` are the seconds from the start until that score stood on the terminal, where
    something else comes after it.
    """
    result = {"epochs": epochs, "accuracy": accuracy, "score_after": score_after}
    print(json.dumps(result))
