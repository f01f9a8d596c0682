"""The IDX format (http://yann.lecun.com/exdb/mnist/) and folders of the four standard IDX files.

An IDX file is two zero bytes, a byte for the number type, a byte for the number of axes, each
axis's length as a big-endian uint32, then the numbers, big-endian. It may be packed with gzip.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nnpy.catalog.entries import Parameter
from nnpy.data.dataset import DataInfo, Dataset, Progress, Split
from nnpy.data.files.folders import find, user_folder
from nnpy.data.files.idx import (
    Content,
    Header,
    content,
    digest,
    read_content,
    read_header,
    to_array,
    why_in_memory,
)
from nnpy.errors import DataError
from nnpy.storage.regular import read_text

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_X, TEST_X, TRAIN_Y, TEST_Y)  # the largest first, so that it is read longest

PARAMETERS = (
    Parameter(
        "path",
        required=True,
        types=("str",),
        is_path=True,
        doc="The folder with the four files of the MNIST format, packed by gzip or not.",
    ),
)

MAX_CLASSES = 65_536
_CLASSES_LIMIT = 16 << 20  # bytes of classes.txt


def in_parallel(function: Callable[[str], Any], names: Iterable[str]) -> list[Any]:
    """`function` of each name, in threads: unpacking and hashing let go of Python's lock."""
    with ThreadPoolExecutor(max_workers=len(FILES)) as pool:
        return list(pool.map(function, names))


def info(path: str | None = None) -> DataInfo:
    """The facts of an IDX folder, from the headers of its files.

    Where there is no classes.txt, the labels are read too: they say how many classes there are.
    """
    folder, paths = _folder(path)
    headers = {name: read_header(paths[name]) for name in FILES}
    contents = {}
    if not (folder / "classes.txt").exists():
        contents = {n: read_content(paths[n], headers[n].size) for n in (TRAIN_Y, TEST_Y)}
    return _info(folder, paths, headers, contents)


def read(
    path: str | None = None, progress: Progress | None = None, budget: int | None = None
) -> Dataset:
    """An IDX folder as a data set, without validation.

    Files larger than `budget` bytes stay on the disk where their form allows it.
    """
    folder, paths = _folder(path)
    headers = {name: read_header(paths[name]) for name in FILES}

    def read_one(name: str) -> tuple[Content, str]:
        data = content(paths[name], headers[name], budget)
        return data, digest(data)

    found = dict(zip(FILES, in_parallel(read_one, FILES), strict=True))
    contents = {name: data for name, (data, _) in found.items()}
    facts = _info(folder, paths, headers, contents)
    arrays = {name: to_array(contents[name], headers[name]) for name in FILES}
    held = [
        why_in_memory(paths[name], headers[name])
        for name in FILES
        if budget is not None and headers[name].size > budget
    ]
    return Dataset(
        info=facts,
        train=Split(arrays[TRAIN_X], arrays[TRAIN_Y]),
        validation=None,
        test=Split(arrays[TEST_X], arrays[TEST_Y]),
        digests={name: digest for name, (_, digest) in found.items()},
        source=str(folder),
        notes=tuple(
            f"larger than data.memory_budget, and yet in memory as a whole: {why}"
            for why in held
            if why
        ),
    )


def _folder(path: str | None) -> tuple[Path, dict[str, Path]]:
    """The folder and the path of each of its four files."""
    if path is None:
        raise DataError(
            "data.path is missing: 'idx' needs a folder that holds "
            + ", ".join(f"{name}(.gz)" for name in FILES)
        )
    folder = user_folder(path)
    paths = {name: file for name in FILES if (file := find(folder, name))}
    missing = [name for name in FILES if name not in paths]
    if missing:
        raise DataError(f"data.path: {folder} lacks {', '.join(missing)} (or the same with .gz)")
    return folder, paths


def _info(
    folder: Path,
    paths: dict[str, Path],
    headers: dict[str, Header],
    contents: Mapping[str, Content],
) -> DataInfo:
    """The facts, checked against one another; `contents` may lack files that were not read."""
    for x, y in ((TRAIN_X, TRAIN_Y), (TEST_X, TEST_Y)):
        if len(headers[x].shape) < 2:
            raise DataError(f"{paths[x]}: expected examples of at least one axis, found numbers")
        if len(headers[y].shape) != 1 or headers[y].dtype.startswith("float"):
            raise DataError(
                f"{paths[y]}: expected one axis of integer labels, found {len(headers[y].shape)}"
                f" of {headers[y].dtype}"
            )
        examples, labels = headers[x].shape[0], headers[y].shape[0]
        if examples != labels:
            raise DataError(
                f"{folder}: {paths[x].name} holds {examples:,} examples, but {paths[y].name} holds"
                f" {labels:,} labels"
            )
        if 0 in headers[x].shape:
            raise DataError(f"{paths[x]} holds no examples (shape {headers[x].shape})")
    train, test = headers[TRAIN_X], headers[TEST_X]
    if (train.shape[1:], train.dtype) != (test.shape[1:], test.dtype):
        raise DataError(
            f"{folder}: training examples are {train.dtype} {train.shape[1:]}, but test examples"
            f" are {test.dtype} {test.shape[1:]}"
        )
    return DataInfo(
        name="idx",
        shape=train.shape[1:],
        dtype=train.dtype,
        classes=_classes(folder, paths, headers, contents),
        train=train.shape[0],
        test=test.shape[0],
        scale=1 / 255 if train.dtype == "uint8" else 1.0,
    )


def _classes(
    folder: Path,
    paths: dict[str, Path],
    headers: dict[str, Header],
    contents: Mapping[str, Content],
) -> tuple[str, ...]:
    """The names of classes.txt, or "0", "1", … up to the highest label."""
    names = _class_names(folder / "classes.txt")
    count = len(names) if names else MAX_CLASSES
    highest = 0
    for name in (TRAIN_Y, TEST_Y):
        if name not in contents:
            continue
        labels = array.array(headers[name].code, contents[name][headers[name].offset :])
        if sys.byteorder == "little":
            labels.byteswap()
        low, high = min(labels), max(labels)
        if low < 0 or high >= count:
            limit = f"{count} classes in classes.txt" if names else f"at most {count:,} classes"
            raise DataError(
                f"{paths[name]}: label {low if low < 0 else high} is out of range: expected"
                f" 0 to {count - 1} ({limit})"
            )
        highest = max(highest, high)
    return names or tuple(str(label) for label in range(highest + 1))


def _class_names(path: Path) -> tuple[str, ...]:
    """The lines of classes.txt; none when there is no such file."""
    try:
        names = read_text(path, _CLASSES_LIMIT).removeprefix("\ufeff").rstrip().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    names = [name.strip() for name in names]
    if not names or "" in names or len(set(names)) != len(names):
        raise DataError(f"{path}: expected a class name on each line, none empty, none twice")
    return tuple(names)
