"""Data sets made for tests: small, seeded, in the formats that real ones have."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

IDX_TYPES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C}
IDX_TYPES |= {"float32": 0x0D, "float64": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` in the IDX format."""
    head = bytes([0, 0, IDX_TYPES[array.dtype.name], array.ndim])
    head += struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path: str | Path, array: np.ndarray, gz: bool = True) -> Path:
    """Writes `array` as an IDX file; returns its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content, 1, mtime=0) if gz else content)
    return path


def tiny_fashion_mnist(
    folder: str | Path, n_train: int = 1000, n_test: int = 200, seed: int = 0
) -> Path:
    """Writes the four gz files of a generated 10-class set of 28×28 images; returns the folder.

    Load it with `name: idx, path: folder`. Each class is a blurred random picture, each example
    that picture moved by up to two pixels, dimmed and with noise: a small network learns it well
    above chance within an epoch or two, and the stored order is mixed.
    """
    folder = Path(folder)
    rng = np.random.default_rng(seed)
    coarse = rng.random((10, 7, 7)) > 0.5
    pictures = np.kron(coarse, np.ones((4, 4)))
    for name, n in (("train", n_train), ("t10k", n_test)):
        labels = rng.permutation(np.arange(n) % 10).astype("uint8")
        moves = rng.integers(-2, 3, (n, 2))
        images = np.stack(
            [
                np.roll(pictures[k], tuple(move), (0, 1))
                for k, move in zip(labels, moves, strict=True)
            ]
        )
        images = images * rng.uniform(120, 200, (n, 1, 1)) + rng.normal(20, 15, images.shape)
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", images.clip(0, 255).astype("uint8"))
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)
    return folder


def reviews(folder: str | Path, train: int = 80, test: int = 20, seed: int = 0) -> Path:
    """Writes generated reviews, train/neg/0_1.txt and so on, as IMDB's lie; returns the folder.

    A few words tell the classes apart, the others are in both.
    """
    rng = np.random.default_rng(seed)
    plain = [
        "the",
        "film",
        "was",
        "a",
        "movie",
        "of",
        "and",
        "it",
        "with",
        "story",
        "actor",
        "plot",
        "scene",
        "very",
    ]
    telling = {"neg": "bad awful poor boring dull", "pos": "good great fine lovely superb"}
    for split, count in (("train", train), ("test", test)):
        for i in range(count):
            kind = ("neg", "pos")[i % 2]
            place = Path(folder) / split / kind
            place.mkdir(parents=True, exist_ok=True)
            words = [*rng.choice(plain, rng.integers(5, 14)), *rng.choice(telling[kind].split(), 3)]
            rng.shuffle(words)
            text = " ".join(words).capitalize() + ".<br />"
            (place / f"{i}_{7 if kind == 'pos' else 2}.txt").write_text(text, encoding="utf-8")
    return Path(folder)
