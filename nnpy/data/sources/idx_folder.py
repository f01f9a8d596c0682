"""The IDX format (http://yann.lecun.com/exdb/mnist/) and folders of the four standard IDX files.

An IDX file is two zero bytes, a byte for the number type, a byte for the number of axes, each
axis's length as a big-endian uint32, then the numbers, big-endian. It may be packed with gzip.
"""

from __future__ import annotations

import array
import gzip
import hashlib
import math
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nnpy.data.dataset import DataInfo, Dataset, Progress, Split
from nnpy.data.files.mapped import PIECE, MappedFile, mapped
from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np

TRAIN_X, TRAIN_Y = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_X, TEST_Y = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_X, TEST_X, TRAIN_Y, TEST_Y)  # the largest first, so that it is read longest

# number type in the header → NumPy name, type code of the standard array module
TYPES = {
    0x08: ("uint8", "B"),
    0x09: ("int8", "b"),
    0x0B: ("int16", "h"),
    0x0C: ("int32", "i"),
    0x0D: ("float32", "f"),
    0x0E: ("float64", "d"),
}
Content = bytes | MappedFile  # of a file, unpacked
MAX_CLASSES = 65_536
# Deflate cannot pack more tightly (https://zlib.net/zlib_tech.html): a header that promises
# more than this is wrong, and is refused before memory is asked for.
DEFLATE_RATIO = 1032


@dataclass(frozen=True)
class Header:
    """What the first bytes of an IDX file say."""

    dtype: str
    code: str
    shape: tuple[int, ...]

    @property
    def offset(self) -> int:
        """Bytes before the first number."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the whole file, unpacked."""
        return self.offset + math.prod(self.shape) * array.array(self.code).itemsize


def user_folder(path: str) -> Path:
    """The folder that data.path names. Raises DataError when there is no such folder."""
    try:
        folder = Path(path).expanduser()
    except RuntimeError as error:  # ~ of a user that does not exist
        raise DataError(f"data.path: {path}: {error}") from None
    if problem := folder_problem(folder):
        raise DataError(f"data.path: {folder}: {problem}")
    return folder


def folder_problem(folder: Path) -> str:
    """Why nothing can be read from a folder, or an empty text."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return "no such folder"
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        return str(getattr(error, "strerror", error))
    return ""


def find(folder: Path, name: str) -> Path | None:
    """The file `name`.gz or `name` in `folder`, or None."""
    return next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """Opens a file, through gzip when it is packed; every failure to read is a DataError.

    Its first bytes decide, not its name: some browsers unpack a download and keep the `.gz`.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream
            else:
                yield raw
    except EOFError:
        raise DataError(f"{path} is cut short: the packed data ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except (MemoryError, OverflowError):
        raise DataError(f"{path} does not fit into memory") from None


def read_content(path: Path, size: int) -> bytes:
    """The unpacked content of a file that must be `size` bytes long; never reads further."""
    with unpacked(path) as stream:
        content = stream.read(size + 1)
    if len(content) != size:
        found = "more" if len(content) > size else f"only {len(content):,}"
        raise DataError(f"{path} is damaged: expected {size:,} bytes of content, found {found}")
    return content


def parse_header(head: bytes, path: Path) -> Header:
    """The header at the start of `head`. Raises DataError when it is not an IDX header."""
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES or head[3] == 0:
        found = f"found {head[:4].hex(' ')}" if head else "the file is empty"
        raise DataError(
            f"{path} is not an IDX file: expected it to start with 00 00, a number type"
            f" ({', '.join(f'{t:02x}' for t in TYPES)}) and the number of axes; {found}"
        )
    axes = head[3]
    if len(head) < 4 + 4 * axes:
        raise DataError(
            f"{path} is cut short: its header promises {axes} axes, and it ends in the header"
        )
    dtype, code = TYPES[head[2]]
    return Header(dtype, code, struct.unpack_from(f">{axes}I", head, 4))


def read_header(path: Path) -> Header:
    """The header of a file, without reading the rest; the promised length must be possible."""
    with unpacked(path) as stream:
        head = stream.read(4 + 4 * 255)
        packed = isinstance(stream, gzip.GzipFile)
    header = parse_header(head, path)
    stored = path.stat().st_size
    possible = header.size <= stored * DEFLATE_RATIO if packed else header.size == stored
    if not possible:
        raise DataError(
            f"{path} is damaged: its header promises {'×'.join(map(str, header.shape))} numbers of"
            f" {header.dtype}, {header.size:,} bytes in all; the file has {stored:,}"
            f"{' (packed)' if packed else ''}"
        )
    return header


def content(path: Path, header: Header, budget: int | None) -> Content:
    """The unpacked content; still on the disk where it is larger than `budget` bytes.

    Packed files, and those whose numbers have bytes to be put in order, must be in memory.
    """
    if budget is not None and header.size > budget and not why_in_memory(path, header):
        return mapped(path)
    return read_content(path, header.size)


def why_in_memory(path: Path, header: Header) -> str:
    """Why a file cannot be read from the disk as it is used, or an empty text."""
    with unpacked(path) as stream:
        if isinstance(stream, gzip.GzipFile):
            return f"{path.name} is packed: unpack it (gunzip)"
    if array.array(header.code).itemsize > 1:
        return f"{path.name} holds {header.dtype}: store bytes (uint8 or int8)"
    return ""


def digest(content: Content) -> str:
    """The SHA-256 of a file's unpacked content."""
    found = hashlib.sha256()
    with memoryview(content) as view:
        for start in range(0, len(view), PIECE):
            found.update(view[start : start + PIECE])
            if isinstance(content, MappedFile):
                content.let_go()
    return found.hexdigest()


def to_array(content: Content, header: Header) -> np.ndarray:
    """The numbers of an unpacked IDX file, in this machine's byte order."""
    import numpy as np

    stored = np.dtype(header.dtype).newbyteorder(">")
    numbers = np.frombuffer(content, stored, offset=header.offset).reshape(header.shape)
    return numbers.astype(header.dtype, copy=False)


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
    if not path.exists():
        return ()
    try:
        names = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from None
    names = [name.strip() for name in names]
    if not names or "" in names or len(set(names)) != len(names):
        raise DataError(f"{path}: expected a class name on each line, none empty, none twice")
    return tuple(names)
