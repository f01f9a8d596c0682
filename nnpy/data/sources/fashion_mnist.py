"""Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist): found or downloaded, checked.

Looked for in Keras's cache, in the folder of Debian's package, and on the network. Every file is
checked, wherever it came from: Keras itself checks none and trusts a download that was cut short.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nnpy.catalog.entries import Parameter
from nnpy.data.dataset import DataInfo, Dataset, Place, Progress, Split
from nnpy.data.files.folders import find, folder_problem, user_folder
from nnpy.data.files.idx import parse_header, read_content, to_array
from nnpy.data.sources import idx_folder
from nnpy.data.sources.keras_datasets import keras_cache
from nnpy.errors import DataError

# file → size and SHA-256 of its unpacked content (the packed bytes differ between sources)
CONTENT = {
    idx_folder.TRAIN_X: (
        47_040_016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    idx_folder.TEST_X: (
        7_840_016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    idx_folder.TRAIN_Y: (
        60_008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    idx_folder.TEST_Y: (10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}
PARAMETERS = (
    Parameter(
        "path",
        types=("str", "null"),
        is_path=True,
        doc="The folder of its four files; null looks in the usual places.",
    ),
)

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
HOSTS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def info(path: str | None = None) -> DataInfo:
    """The facts of Fashion-MNIST; nothing is read."""
    return DataInfo("fashion_mnist", (28, 28), "uint8", CLASSES, 60_000, 10_000, 1 / 255)


def cache() -> Path:
    """Where `keras.datasets.fashion_mnist` keeps its files."""
    return keras_cache() / "fashion-mnist"


def read(
    path: str | None = None,
    progress: Progress | None = None,
    _budget: int | None = None,  # it is small
) -> Dataset:
    """Fashion-MNIST without validation, every file checked.

    With `path` (data.path) only that folder counts: silently taking other files than the ones
    that were asked for would be worse than an error. Without it, a missing or damaged file is
    looked for in the next place. Raises DataError with each place and what was wrong there.
    """
    if path is not None:
        folder = user_folder(path)
        found, failures = _read_folder(folder, CONTENT)
        if failures:
            raise DataError(
                "Fashion-MNIST cannot be read from data.path:\n"
                + _indented(failure.message for failure in failures)
                + "\nPut the four files of Fashion-MNIST there, or leave data.path out to have"
                " them looked for;\nfor other data in the same format, set data.name to idx."
            )
        return _dataset(found, [str(folder)], [])

    contents: dict[str, bytes] = {}
    sources: list[str] = []
    tried: list[str] = []
    notes: list[str] = []
    for folder in (cache(), DEBIAN):
        found, failures = _read_folder(folder, _missing(contents))
        contents |= found
        sources += [str(folder)] if found else []
        tried += [failure.message for failure in failures]
        notes += [f"{failure.message}; it was not used" for failure in failures if failure.damaged]
        if not _missing(contents):
            return _dataset(contents, sources, notes)
    for host in HOSTS:
        try:
            for name in _missing(contents):
                contents[name] = _download(host, name, progress)
                sources += [] if host in sources else [host]
        except DataError as error:  # the next host may have what is missing
            tried.append(str(error))
    if not _missing(contents):
        return _dataset(contents, sources, notes)
    raise DataError(
        f"Fashion-MNIST was not found. Searched:\n{_indented(tried)}\n"
        "Ways to get it:\n"
        "  on Debian or Ubuntu: apt install dataset-fashion-mnist\n"
        f"  by hand: put {', '.join(f'{name}.gz' for name in CONTENT)}\n"
        f"    from {HOSTS[0]}\n"
        f"    into {cache()}, or into the folder given by data.path"
    )


def _missing(contents: dict[str, bytes]) -> list[str]:
    return [name for name in CONTENT if name not in contents]


def places() -> list[Place]:
    """The folders looked in, and a quick look (no hashing) at what is there now."""
    return [_look(folder) for folder in (cache(), DEBIAN)]


def _look(folder: Path) -> Place:
    if problem := folder_problem(folder):
        return Place(str(folder), False, problem)
    wrong = []
    for name, (size, _) in CONTENT.items():
        file = find(folder, name)
        if file is None:
            wrong.append(f"no {name}.gz")
        elif _unpacked_size(file) != size:
            wrong.append(f"{file.name} is incomplete")
    return Place(str(folder), not wrong, ", ".join(wrong) or f"{len(CONTENT)} files")


def _unpacked_size(path: Path) -> int:
    """The size that the file says its content has: a gzip file ends with it (RFC 1952)."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            end = file.seek(0, os.SEEK_END)
            if not packed:
                return end
            file.seek(max(0, end - 4))
            return int.from_bytes(file.read(4), "little")
    except OSError:
        return -1


@dataclass(frozen=True)
class _Failure:
    """Why a file was not taken from a folder; a damaged one is worth a note to the user."""

    message: str
    damaged: bool = False


def _read_folder(folder: Path, names: Iterable[str]) -> tuple[dict[str, bytes], list[_Failure]]:
    """The contents of the files that are right, and what is wrong with the others."""
    if problem := folder_problem(folder):
        return {}, [_Failure(f"{folder}: {problem}")]

    def content(name: str) -> bytes | _Failure:
        path = find(folder, name)
        if path is None:
            return _Failure(f"{folder / name}.gz: no such file")
        try:
            return _checked(path, name)
        except DataError as error:
            return _Failure(str(error), damaged=True)

    names = list(names)
    results = dict(zip(names, idx_folder.in_parallel(content, names), strict=True))
    failures = [r for r in results.values() if isinstance(r, _Failure)]
    return {n: r for n, r in results.items() if isinstance(r, bytes)}, failures


def _checked(path: Path, name: str) -> bytes:
    """The content of a file, when it is that of the Fashion-MNIST file `name`."""
    size, digest = CONTENT[name]
    content = read_content(path, size)
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise DataError(
            f"{path} is not Fashion-MNIST's {name}: expected SHA-256 {digest[:16]}… of the"
            f" content, found {found[:16]}…"
        )
    return content


def _download(host: str, name: str, progress: Progress | None) -> bytes:
    """The content of one file, downloaded into Keras's cache."""
    from nnpy.data.files.download import download  # the network's modules take time to import

    return download(
        f"{host}{name}.gz",
        cache() / f"{name}.gz",
        limit=CONTENT[name][0] + 65_536,
        check=lambda path: _checked(path, name),
        progress=progress,
    )


def _dataset(contents: dict[str, bytes], sources: list[str], notes: list[str]) -> Dataset:
    arrays = {
        name: to_array(content, parse_header(content, Path(name)))
        for name, content in contents.items()
    }
    return Dataset(
        info=info(),
        train=Split(arrays[idx_folder.TRAIN_X], arrays[idx_folder.TRAIN_Y]),
        validation=None,
        test=Split(arrays[idx_folder.TEST_X], arrays[idx_folder.TEST_Y]),
        digests={name: digest for name, (_, digest) in CONTENT.items()},
        source=", ".join(sources),
        notes=tuple(notes),
    )


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
