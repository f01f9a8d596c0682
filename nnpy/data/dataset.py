"""What a data set is: facts about it, its splits, and how a batch becomes a model's input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# progress(file name, bytes so far, bytes in all or None when the host does not say)
Progress = Callable[[str, int, "int | None"], None]


@dataclass(frozen=True)
class DataInfo:
    """What is known of a data set without reading its examples."""

    name: str
    shape: tuple[int, ...]  # of one example as stored: (28, 28) or (32, 32, 3)
    dtype: str
    classes: tuple[str, ...]  # class names; the label is the position
    train: int  # number of training examples, validation included
    test: int
    scale: float  # stored value * scale = model input


@dataclass(frozen=True)
class Split:
    """Examples as stored: `x` (n, *shape) and integer labels `y` (n,)."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int) -> Split:
        """The first examples."""
        return replace(self, x=self.x[:count], y=self.y[:count])


@dataclass(frozen=True)
class Dataset:
    """A data set in memory, its files checked."""

    info: DataInfo
    train: Split
    validation: Split | None
    test: Split
    digests: dict[str, str]  # SHA-256 of each file's unpacked content (or of each array)
    source: str  # where it was found
    notes: tuple[str, ...] = field(default=())  # what the user should know, e.g. a damaged file


@dataclass(frozen=True)
class Place:
    """A place where data is looked for, and whether it is there now."""

    path: str
    found: bool
    detail: str
