"""From a source to training, validation and test examples, verified.

    from nnpy import data
    fashion = data.load("fashion_mnist", validation_split=0.1)
    fashion.train.x.shape     # (54000, 28, 28), uint8

Importing this package imports neither NumPy nor TensorFlow.
"""

from __future__ import annotations

from nnpy.data.dataset import DataInfo, Dataset, Part, Place, Progress, Split
from nnpy.data.preprocessing import Preprocessing
from nnpy.data.registry import NAMES, SOURCES, Source, info, load, places
from nnpy.data.splits import SplitRule
from nnpy.data.targets import Target, Task

__all__ = [
    "NAMES",
    "SOURCES",
    "DataInfo",
    "Dataset",
    "Part",
    "Place",
    "Preprocessing",
    "Progress",
    "Source",
    "Split",
    "SplitRule",
    "Target",
    "Task",
    "info",
    "load",
    "places",
]
