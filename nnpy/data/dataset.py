"""What a data set is: facts about it, and its splits.

The contract between a source (`sources/`) and everything above it:

- `info` tells, quickly and without NumPy, what is known before the examples are read: a `DataInfo`.
- `read` gives the examples as they are stored: a `Dataset` whose `train` holds all rows that may
  be held out, whose `validation` and `test` are there where the source has them itself.
- An example's `x` is one array, or several by name; so is its `y`. Bytes stay bytes. What is
  larger than the memory budget may be mapped (`files/mapped.py`): it is streamed.
- What a source learns from the rows themselves (means, vocabularies) it learns in `finish`, which
  is called when the splits are made, so that only training rows are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnpy.data.targets import Target, Task

if TYPE_CHECKING:
    import numpy as np

# progress(what is done, how much so far, how much in all or None when that is not known), such as
# ("download train.gz", bytes, bytes) and ("decode pictures", files, files)
Progress = Callable[[str, int, "int | None"], None]


@dataclass(frozen=True)
class Part:
    """One of several arrays that make up an example, without the batch axis."""

    shape: tuple[int, ...]
    dtype: str
    scale: float = 1.0  # as that of `DataInfo`


@dataclass(frozen=True)
class DataInfo:
    """What is known of a data set without reading its examples."""

    name: str
    shape: tuple[int, ...]  # of one example as stored: (28, 28) or (32, 32, 3)
    dtype: str
    classes: tuple[str, ...]  # class names of the only target; the label is the position
    train: int  # examples to train on, with those that are yet to be held out
    test: int  # examples of the source's own test set; 0 where it has none
    scale: float  # stored value * scale = model input
    validation: int = 0  # examples of the source's own validation set
    inputs: Mapping[str, Part] = field(default_factory=dict)  # of several; `shape` is the first's
    targets: tuple[Target, ...] = ()  # what is to be answered; by default one of `classes`
    # How many different codes each of the last places of `shape` has, where these are codes of
    # categories that the model must embed.
    embedded: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.targets:
            kind = Task.CLASSES if self.classes else Task.UNKNOWN
            object.__setattr__(self, "targets", (Target(task=kind, classes=self.classes),))

    @property
    def is_split(self) -> bool:
        """Whether the source itself says which examples are for the test."""
        return self.test > 0


@dataclass(frozen=True)
class Split:
    """Examples as stored: `x` (n, *shape) and `y` (n, ...), or several of each by name.

    `columns` (n,) are no input of the model: groups, times, names of files, by which the examples
    can be split.
    """

    x: Any
    y: Any
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(first_array(self.y))

    def first(self, count: int) -> Split:
        """The first examples."""
        return self.map(lambda array: array[:count])

    def map(self, function: Callable[[Any], Any]) -> Split:
        """`function` of each array."""
        columns = {name: function(each) for name, each in self.columns.items()}
        return replace(
            self, x=map_tree(function, self.x), y=map_tree(function, self.y), columns=columns
        )


@dataclass(frozen=True)
class HeldOut:
    """Which rows of what the source gave for training went where, and a digest of that."""

    validation: np.ndarray | None  # int64, ascending; None where the source has its own, or none
    test: np.ndarray | None
    digest: str


@dataclass(frozen=True)
class Dataset:
    """A data set in memory, its files checked."""

    info: DataInfo
    train: Split
    validation: Split | None
    test: Split | None
    digests: dict[str, str]  # SHA-256 of each file's unpacked content (or of each array)
    source: str  # where it was found
    notes: tuple[str, ...] = field(default=())  # what the user should know, e.g. a damaged file
    held_out: HeldOut | None = None
    # What makes a raw example (a row of a table, a file) a stored one: plain data for a JSON file
    # beside the model, of which `predict` and exports make use.
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    # Of a source: called with the splits made; learns from `train` and applies it to all.
    finish: Callable[[Dataset], Dataset] | None = None
    # Of a source: what it knows of each of its columns, for `nnpy data`.
    describe: Callable[[Dataset], Iterable[Mapping[str, Any]]] | None = None

    @property
    def final(self) -> tuple[str, Split]:
        """What the finished model is judged by: the test set, or the nearest to one, by name."""
        return next(reversed(self.splits().items()))

    def splits(self) -> dict[str, Split]:
        """The splits that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}


@dataclass(frozen=True)
class Place:
    """A place where data is looked for, and whether it is there now."""

    path: str
    found: bool
    detail: str


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """`function` of an array, or of each of several by name or in a list."""
    if isinstance(tree, Mapping):
        return {key: map_tree(function, each) for key, each in tree.items()}
    if isinstance(tree, list | tuple):
        return [map_tree(function, each) for each in tree]
    return function(tree)


def first_array(tree: Any) -> Any:
    """The array, or the first of several."""
    while isinstance(tree, Mapping | list | tuple):
        tree = next(iter(tree.values() if isinstance(tree, Mapping) else tree))
    return tree
