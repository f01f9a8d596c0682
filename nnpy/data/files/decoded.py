"""Pictures decoded once, and kept: a second epoch and a second run open no picture again.

The bytes lie in a file of the user's cache (`$XDG_CACHE_HOME/nnpy/pictures`), never beside the
pictures. Its name is a digest of all that they depend on: the pictures' names, sizes and times,
the geometry, the decoder. It appears whole or not at all, holds a SHA-256 of each example, and
is held against them whenever it is opened; one that is damaged is made anew. Of several
processes that need it one decodes, and the others wait.

    the examples' bytes, one after the other
    the SHA-256 of each
    a JSON object: shape, number, facts (see `decode_all`)
    the SHA-256 of the two before, the length of the JSON (8 bytes, big-endian), the magic number
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nnpy.catalog.catalog import cache_folder
from nnpy.data.files import mapped, pictures
from nnpy.data.files.decode_all import DIGEST, Facts, decode_all
from nnpy.data.files.geometry import Geometry
from nnpy.data.files.walk import File
from nnpy.devices.host import cores_here
from nnpy.errors import DataError, RunError
from nnpy.storage import atomic
from nnpy.storage.regular import open_regular

SUFFIX = ".pictures"
_MAGIC = b"nnpypic1"
_FOOTER = DIGEST + 8 + len(_MAGIC)
_JSON_LIMIT = 1 << 28  # bytes
_UNUSED_DAYS = 30  # until the bytes of a folder that no one trains on go
_RECENT = 86_400  # seconds in which what was used, or is being written, is let be
_SPARE = 64 << 20  # bytes that are left on the disk
_LOCKS = 64

Counter = Callable[[int, int], object]  # pictures so far, in all


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures: `x` (n, *shape) uint8 of those that can be read, in memory or mapped."""

    x: np.ndarray
    digests: np.ndarray  # (n, 32) uint8: the SHA-256 of each
    facts: Facts
    decoded: bool  # now, and not before
    notes: tuple[str, ...] = ()


class _Damaged(Exception):
    """A file of the cache is not what it must be."""


def load(
    root: Path,
    files: Sequence[File],
    geometry: Geometry,
    *,
    budget: int,
    progress: Counter = lambda done, total: None,
) -> Pictures:
    """The pictures `files` below `root`, decoded now or before.

    More than `budget` bytes stay on the disk. Where the cache cannot be written they are decoded
    into memory, which a note tells. Raises DataError where that is not possible either.
    """
    needed = len(files) * math.prod(geometry.shape)
    path, notes = path_of(root, files, geometry), []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(path):
            try:
                found = _open(path, geometry, budget)
            except FileNotFoundError:
                found = None
            except _Damaged as error:
                notes.append(f"{path} is damaged ({error}): the pictures are decoded anew")
                found = None
            if found is not None:
                return found
            _make_room(path.parent, needed)
            _write(path, root, files, geometry, progress)
            sweep(path)
            found = _open(path, geometry, budget)
        return Pictures(found.x, found.digests, found.facts, True, tuple(notes))
    except (RunError, OSError, _Damaged) as error:
        why = str(getattr(error, "strerror", None) or error)
    if needed > budget:
        raise DataError(
            f"decoded, the {len(files):,} pictures take {_size(needed)}, and cannot be kept in "
            f"{path.parent}: {why}. Set XDG_CACHE_HOME to a folder with more room, or a smaller "
            "image_size"
        )
    notes.append(f"the decoded pictures cannot be kept for the next time: {why}")
    return _into_memory(root, files, geometry, progress, tuple(notes))


def _into_memory(
    root: Path,
    files: Sequence[File],
    geometry: Geometry,
    progress: Counter,
    notes: tuple[str, ...],
) -> Pictures:
    x, filled = np.empty((len(files), *geometry.shape), np.uint8), 0

    def take(rows: np.ndarray) -> None:
        nonlocal filled
        x[filled : filled + len(rows)] = rows
        filled += len(rows)

    digests, facts = decode_all(root, [each.name for each in files], geometry, take, progress)
    return Pictures(x[:filled], digests, facts, True, notes)


def path_of(root: Path, files: Sequence[File], geometry: Geometry) -> Path:
    """The file of the cache: where it is, or would be."""
    import PIL
    from PIL import features

    codecs = {name: features.version(name) for name in ("jpg", "zlib", "libtiff", "webp", "avif")}
    place = hashlib.sha256()
    for each in (_MAGIC, pictures.VERSION, PIL.__version__, codecs, asdict(geometry)):
        place.update(f"{each!r}\n".encode())
    place.update(os.fsencode(root.resolve()))
    whole = place.copy()
    for file in files:
        name = file.name.encode(errors="surrogatepass")
        whole.update(b"%b\0%d %d %d\n" % (name, file.size, file.modified, file.changed))
    return _folder() / f"{place.hexdigest()[:16]}-{whole.hexdigest()[:32]}{SUFFIX}"


def sweep(keep: Path) -> None:
    """Removes what no one has used for a month, what `keep` is the successor of, and what a crash
    left. What was used, or written, within the last day stays: another process may be at it."""
    now = time.time()
    for path in sorted(keep.parent.iterdir()):
        with contextlib.suppress(OSError):
            age = now - _used(path)
            older = path.name.endswith(SUFFIX) and path.name[:16] == keep.name[:16]
            unused = path.name.endswith(SUFFIX) and age > _UNUSED_DAYS * 86_400
            useless = older or unused or atomic.is_temporary(path.name)
            if useless and path != keep and age > _RECENT:
                path.unlink()


def _folder() -> Path:
    try:
        return cache_folder() / "pictures"
    except RuntimeError:  # no home
        return Path(os.devnull) / "nnpy"


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """One process at a time for a file of the cache. Where there are no locks two may decode, and
    the later one's file replaces the other's, which is equal."""
    from filelock import FileLock

    number = int(path.stem.rpartition("-")[2][:8], 16) % _LOCKS
    lock = FileLock(path.parent / f".lock-{number:02d}", fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
    try:
        yield
    finally:
        lock.release()


def _make_room(folder: Path, needed: int) -> None:
    """Room on the disk, if need be that of bytes that were not used today. Raises OSError."""
    files = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            files.append((_used(path), path))
    for used, path in sorted(files):
        if shutil.disk_usage(folder).free >= needed + _SPARE or time.time() - used < _RECENT:
            break
        path.unlink(missing_ok=True)
    if (free := shutil.disk_usage(folder).free) < needed + _SPARE:
        reason = f"only {_size(free)} are free there"
        raise OSError(errno.ENOSPC, reason)


def _write(
    path: Path, root: Path, files: Sequence[File], geometry: Geometry, progress: Counter
) -> None:
    names = [file.name for file in files]

    def write(temporary: Path) -> None:
        with temporary.open("xb") as out:
            digests, facts = decode_all(
                root, names, geometry, lambda rows: out.write(rows.data), progress
            )
            head = {"shape": geometry.shape, "rows": len(digests), "facts": facts.as_dict()}
            tail = digests.tobytes() + (text := json.dumps(head).encode())
            out.write(tail)
            out.write(hashlib.sha256(tail).digest())
            out.write(len(text).to_bytes(8, "big") + _MAGIC)

    atomic.replace(path, write)


def _open(path: Path, geometry: Geometry, budget: int) -> Pictures:
    """What a file of the cache holds, checked. Raises _Damaged, FileNotFoundError, OSError."""
    with open_regular(path, follow_links=False) as file:
        end = os.fstat(file.fileno()).st_size
        if end < _FOOTER:
            raise _Damaged("it is cut short")
        footer = os.pread(file.fileno(), _FOOTER, end - _FOOTER)
        length = int.from_bytes(footer[DIGEST : DIGEST + 8], "big")
        if footer[DIGEST + 8 :] != _MAGIC or length > min(_JSON_LIMIT, end - _FOOTER):
            raise _Damaged("it has no end")
        size, row = end - _FOOTER - length, math.prod(geometry.shape)
        if size % (row + DIGEST):
            raise _Damaged("its length is another")
        rows = size // (row + DIGEST)
        file.seek(rows * row)
        tail = file.read(end - _FOOTER - rows * row)
        if hashlib.sha256(tail).digest() != footer[:DIGEST]:
            raise _Damaged("its end is another")
        digests = np.frombuffer(tail, np.uint8, rows * DIGEST).reshape(rows, DIGEST)
        try:
            head = json.loads(tail[rows * DIGEST :])
            facts = Facts.from_dict(head["facts"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise _Damaged("its end cannot be read") from None
        if head.get("rows") != rows or head.get("shape") != list(geometry.shape):
            raise _Damaged("it holds other pictures")
        x: np.ndarray
        if rows * row > budget:
            whole = mapped.mapped(path)
            x = np.frombuffer(whole, np.uint8, rows * row)
        else:
            x = np.empty(rows * row, np.uint8)
            file.seek(0)
            if file.readinto(x.data) != rows * row:  # type: ignore[attr-defined]
                raise _Damaged("it is cut short")
    x = x.reshape(rows, *geometry.shape)
    _check(x, digests)
    _mark_used(path)
    return Pictures(x, digests, facts, False)


def _mark_used(path: Path) -> None:
    """Keeps the file from being swept.

    By the time of access: a change of the other would tell each training that streams from this
    file that its data were changed.
    """
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _used(path: Path) -> float:
    """When the file was written or used last, in seconds."""
    found = path.stat()
    return max(found.st_atime, found.st_mtime)


def _check(x: np.ndarray, digests: np.ndarray) -> None:
    """Raises _Damaged unless each example has its digest."""
    if not len(x):
        return
    file = mapped.file_of(x)
    step = max(1, mapped.PIECE // x[0].nbytes)

    def check(start: int) -> bool:
        part = x[start : start + step]
        found = b"".join(hashlib.sha256(each).digest() for each in part)
        if file is not None:
            file.let_go()
        return found == digests[start : start + step].tobytes()

    with ThreadPoolExecutor(cores_here()) as pool:
        if not all(pool.map(check, range(0, len(x), step))):
            raise _Damaged("an example is another")


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
