"""Every data source by name: the one list of them.

A new source is one module in `sources/` with `PARAMETERS`, `info`, `read` and `places`, and one
line in `SOURCES`. Its parameters are its own: a config writes them as `source: {name: {…}}`, they
are checked by their types, choices and limits before anything is read, and may bear names that
`data:` has for its settings (`validation` may be a file of a source's own).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.data.dataset import DataInfo, Dataset, Place, Progress
from nnpy.data.sources import (
    arrays,
    fashion_mnist,
    idx_folder,
    image_folder,
    keras_datasets,
    table,
    text,
    toys,
)
from nnpy.data.splits import SplitRule, hold_out, shares
from nnpy.data.standardize import with_scales
from nnpy.devices.host import free_memory
from nnpy.errors import DataError, did_you_mean, printable


@dataclass(frozen=True)
class Source:
    """How one kind of data is known, read and looked for; `parameters` is what it takes.

    `info(path, **arguments)` and `read(path, progress, budget, **arguments)` get every parameter
    but `path` by its name, defaults filled in; paths are absolute. `info` reads as little as will
    do, without NumPy, and raises DataError where the data cannot be described; it is asked by
    `nnpy check` too. `read` keeps what is larger than `budget` bytes on the disk where it can.
    """

    parameters: tuple[Parameter, ...]
    info: Callable[..., DataInfo]
    read: Callable[..., Dataset]
    places: Callable[[], list[Place]]
    imports_keras: bool = False  # then read() must not run while another thread imports Keras
    # Of a source whose rows become a model's input by what the training rows say: the facts of
    # data that such a record (`Dataset.preprocessing`) is of. Its `info` knows no shape, and its
    # `read` takes `split_by`, the columns that rows are split by, and a record as `learnt`.
    learnt_info: Callable[[Mapping[str, Any]], DataInfo] | None = None


SOURCES = {
    "fashion_mnist": Source(
        fashion_mnist.PARAMETERS, fashion_mnist.info, fashion_mnist.read, fashion_mnist.places
    ),
    "mnist": Source((), *keras_datasets.functions("mnist"), imports_keras=True),
    "cifar10": Source((), *keras_datasets.functions("cifar10"), imports_keras=True),
    "cifar100": Source((), *keras_datasets.functions("cifar100"), imports_keras=True),
    **{
        name: Source((), *keras_datasets.functions(name), imports_keras=True)
        for name in ("boston_housing", "california_housing")
    },
    **{
        name: Source(keras_datasets.WORDS, *keras_datasets.functions(name), imports_keras=True)
        for name in ("imdb", "reuters")
    },
    "idx": Source(
        idx_folder.PARAMETERS,
        idx_folder.info,
        idx_folder.read,
        places=list,  # only where the path says
    ),
    arrays.NAME: Source(arrays.PARAMETERS, arrays.info, arrays.read, arrays.places),
    "table": Source(
        table.PARAMETERS, table.info, table.read, places=list, learnt_info=table.learnt_info
    ),
    text.NAME: Source(
        text.PARAMETERS, text.info, text.read, places=list, learnt_info=text.learnt_info
    ),
    image_folder.NAME: Source(
        image_folder.PARAMETERS, image_folder.info, image_folder.read, image_folder.places
    ),
    **{
        name: Source(parameters, *toys.functions(name))
        for name, parameters in toys.PARAMETERS.items()
    },
}


NAMES = tuple(SOURCES)


def info(name: str, path: str | None = None, **arguments: Any) -> DataInfo:
    """What is known of a data set without reading its examples.

    Raises DataError for an unknown name, for arguments that the source does not take, and when
    the data cannot be described, such as a `path` that is no good folder.
    """
    source = _source(name)
    return source.info(_named(path), **_filled(name, source, arguments))


def load(
    name: str,
    *,
    path: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    validation_split: float | None = None,
    stratify: bool = True,
    seed: int | None = 0,
    validation: SplitRule | None = None,
    test: SplitRule | None = None,
    memory_budget: int | None = None,
    progress: Progress | None = None,
    learnt: Mapping[str, Any] | None = None,
) -> Dataset:
    """Reads a data set, checks it, and holds out parts of its training examples.

    `arguments` are the source's own. For validation a share `validation_split` is drawn by
    `seed`, class by class with `stratify`; `validation` and `test` say the same and more in full
    (`nnpy.data.splits`). What is not said is decided by the data: a source with a test set gives
    0.1 for validation, one without any splits 0.15 for each.

    What is larger than `memory_budget` bytes stays on the disk, where the source's files allow it;
    by default half of the memory that is free.

    `learnt` is what another training has learnt from its rows (`Dataset.preprocessing`); then
    nothing is learnt from these.

    `progress(what, how much so far, how much in all or None)` is called while that takes time, as
    during a download; an
    exception from it ends the download and leaves nothing half done. Raises DataError.
    """
    budget = free_memory() // 2 if memory_budget is None else memory_budget
    source = _source(name)
    given = _filled(name, source, arguments or {})
    if source.learnt_info is not None:
        columns = [rule.column for rule in (validation, test) if rule and rule.column]
        given |= {"split_by": tuple(dict.fromkeys(columns)), "learnt": learnt or None}
    whole = source.read(_named(path), progress, budget, **given)
    usual, usual_test = shares(whole.info, validation_split, None)
    by = "stratify" if stratify else "random"
    validation = validation or SplitRule(usual, by, seed)
    return with_scales(hold_out(whole, validation, test or SplitRule(usual_test, by, seed)))


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


def _filled(name: str, source: Source, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a source but its path, defaults filled in."""
    known = {each.name: each.default for each in source.parameters if each.name != "path"}
    for key in arguments:
        if key not in known:
            hint = did_you_mean(key, known) or f" (known: {', '.join(known) or 'none'})"
            raise DataError(f"'{name}' takes no {key}{hint}")
    for each in source.parameters:
        if each.is_path:
            _named(arguments.get(each.name))
    return {**known, **arguments}


def _named(path: Any) -> Any:
    """A path as it is. Raises DataError for one that no file of this system can have."""
    if isinstance(path, str):
        try:
            if b"\0" in os.fsencode(path):
                raise DataError(f"{printable(path)}: the name has a null byte")
            Path(path).expanduser()
        except UnicodeEncodeError:
            reason = "the name has characters that no file of this system can have"
            raise DataError(f"{printable(path)}: {reason}") from None
        except RuntimeError as error:  # no such user
            raise DataError(f"{printable(path)}: {error}") from None
    return path
