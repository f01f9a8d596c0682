"""Every data source by name: the one list of them.

A new source is one module in `sources/` with `PARAMETERS`, `info`, `read` and `places`, and one
line in `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nnpy.catalog.entries import Parameter
from nnpy.data.dataset import DataInfo, Dataset, Place, Progress
from nnpy.data.sources import fashion_mnist, idx_folder, keras_datasets
from nnpy.data.validation import hold_out
from nnpy.devices.host import free_memory
from nnpy.errors import DataError, did_you_mean


@dataclass(frozen=True)
class Source:
    """How one kind of data is known, read and looked for; `parameters` is what it takes."""

    parameters: tuple[Parameter, ...]
    info: Callable[[str | None], DataInfo]
    read: Callable[[str | None, Progress | None, int | None], Dataset]
    places: Callable[[], list[Place]]
    imports_keras: bool = False  # then read() must not run while another thread imports Keras


SOURCES = {
    "fashion_mnist": Source(
        fashion_mnist.PARAMETERS, fashion_mnist.info, fashion_mnist.read, fashion_mnist.places
    ),
    "mnist": Source((), *keras_datasets.functions("mnist"), imports_keras=True),
    "cifar10": Source((), *keras_datasets.functions("cifar10"), imports_keras=True),
    "cifar100": Source((), *keras_datasets.functions("cifar100"), imports_keras=True),
    "idx": Source(
        idx_folder.PARAMETERS,
        idx_folder.info,
        idx_folder.read,
        places=list,  # only where the path says
    ),
}


NAMES = tuple(SOURCES)


def info(name: str, path: str | None = None) -> DataInfo:
    """What is known of a data set without reading its examples.

    Raises DataError for an unknown name, and for `idx` when `path` is not a good folder.
    """
    return _source(name).info(path)


def load(
    name: str,
    *,
    path: str | None = None,
    validation_split: float = 0.1,
    stratify: bool = True,
    seed: int | None = 0,
    memory_budget: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Reads a data set, checks it, and holds out a part of its training examples.

    Which part is drawn by `seed`, class by class with `stratify`: see `nnpy.data.validation`.

    What is larger than `memory_budget` bytes stays on the disk, where the source's files allow it;
    by default half of the memory that is free.

    `progress(file, bytes so far, bytes in all or None)` is called during a download; an
    exception from it ends the download and leaves nothing half done. Raises DataError.
    """
    budget = free_memory() // 2 if memory_budget is None else memory_budget
    whole = _source(name).read(path, progress, budget)
    return hold_out(whole, validation_split, stratify=stratify, seed=seed)


def places(name: str) -> list[Place]:
    """Where a data set is looked for on this machine, and whether it is there now.

    A quick look: nothing is downloaded, unpacked or hashed. Raises DataError for an unknown name.
    """
    return _source(name).places()


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise DataError(
            f"unknown data set '{name}'{did_you_mean(name, NAMES)} (known: {', '.join(NAMES)})"
        )
    return SOURCES[name]
