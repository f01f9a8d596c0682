"""Many picture files → bytes, in threads (Pillow lets go of Python's lock), in their order.

A file that cannot be read does not end the work: all of them are known at the end.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.data.files.geometry import Geometry
from nnpy.data.files.pictures import Decoded, decode
from nnpy.devices.host import cores_here
from nnpy.errors import DataError
from nnpy.storage.regular import open_regular

DIGEST = 32  # bytes of a SHA-256
_PIECE = 16  # pictures that a thread takes at a time
_PIECE_BYTES = 1 << 23


@dataclass
class Facts:
    """What many pictures were like, and which of them cannot be read."""

    bad: list[tuple[int, str]] = field(default_factory=list)  # which of the files, and why
    widths: tuple[int, int] = (0, 0)  # the least and the greatest
    heights: tuple[int, int] = (0, 0)
    grey: int = 0  # how many are grey in the file
    animated: int = 0  # how many have several frames, of which the first counts
    fitted: int = 0  # how many were padded or cropped

    def add(self, picture: Decoded) -> None:
        width, height = picture.size
        self.widths, self.heights = _wider(self.widths, width), _wider(self.heights, height)
        self.grey += picture.grey
        self.animated += picture.frames > 1
        self.fitted += bool(picture.how)

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "bad": [list(each) for each in self.bad]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Facts:
        """Raises TypeError and others for what `as_dict` has not made."""
        facts = cls(**plain)
        facts.bad = [(int(index), str(reason)) for index, reason in facts.bad]
        facts.widths, facts.heights = (
            (int(low), int(high)) for low, high in (facts.widths, facts.heights)
        )
        return facts


def decode_all(
    root: Path,
    names: Sequence[str],
    geometry: Geometry,
    take: Callable[[np.ndarray], object],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[np.ndarray, Facts]:
    """Decodes the files of these names below `root`.

    `take` is given the readable pictures, some rows (k, *shape) of uint8 at a time, in the order
    of their names. `progress(done, in all)` is called now and then; an exception from either ends
    the work. Returns the SHA-256 of each readable picture, (n, 32) uint8, and the facts.
    """
    facts, digests = Facts(), []
    size = max(1, min(_PIECE, _PIECE_BYTES // int(np.prod(geometry.shape))))
    pieces = (names[start : start + size] for start in range(0, len(names), size))
    threads, done = cores_here(), 0

    def work(piece: Sequence[str]) -> list[tuple[Decoded, bytes] | str]:
        return [_one(root / name, geometry) for name in piece]

    progress(0, len(names))
    with ThreadPoolExecutor(threads, "nnpy-decode") as pool:
        try:
            for results in _in_order(pool, work, pieces, 3 * threads):
                rows = []
                for index, result in enumerate(results, done):
                    if isinstance(result, str):
                        facts.bad.append((index, result))
                        continue
                    picture, digest = result
                    facts.add(picture)
                    rows.append(picture.x)
                    digests.append(digest)
                if rows:
                    take(np.stack(rows))
                done += len(results)
                progress(done, len(names))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    joined = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST)
    return joined, facts


def _one(path: Path, geometry: Geometry) -> tuple[Decoded, bytes] | str:
    """The picture and its digest, or why it cannot be read."""
    try:
        with open_regular(path) as file:
            picture = decode(path, file, geometry)
    except OSError as error:
        return str(error.strerror or error)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    return picture, hashlib.sha256(np.ascontiguousarray(picture.x).data).digest()


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Any], Any], pieces: Iterator[Any], ahead: int
) -> Iterator[Any]:
    """What `work` makes of each piece, in their order; at most `ahead` are begun too early."""
    waiting: deque[Future] = deque()
    for piece in pieces:
        waiting.append(pool.submit(work, piece))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _wider(range_: tuple[int, int], value: int) -> tuple[int, int]:
    low, high = range_
    return (min(low or value, value), max(high, value))
