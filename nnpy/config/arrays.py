"""Arrays in a config: short ones in the text, long ones in an `.npz` file beside it.

    value: {array: [[0.5, 1.0], [2.0, 4.0]], dtype: float32}
    value: {array: glove.npz, name: matrix, sha256: 4b67…}

The digest is that of the array's `.npy` member, so that a check finds a file that was changed
without reading it as numbers: NumPy is not imported here.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnpy.storage.regular import open_regular

KEYS = ("array", "dtype", "name", "sha256")

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Array:
    """An array, not yet made: its values (nested lists), or where it lies."""

    values: Any = None
    dtype: str | None = None
    path: Path | None = None
    name: str = ""
    sha256: str = field(default="", repr=False)


def is_array(value: Any) -> bool:
    """Whether a mapping of a config says an array."""
    return isinstance(value, dict) and "array" in value and set(value) <= set(KEYS)


def digest(path: Path, name: str) -> str:
    """SHA-256 of an array in an .npz file, in hex.

    Raises ValueError that says what is wrong with the file.
    """
    found = hashlib.sha256()
    try:
        with (
            open_regular(path) as file,
            zipfile.ZipFile(file) as archive,
            archive.open(f"{name}.npy") as member,
        ):
            while chunk := member.read(_CHUNK):
                found.update(chunk)
    except KeyError:
        raise ValueError(f"{path} holds no array '{name}'") from None
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} is not an .npz file of NumPy: {error}") from None
    return found.hexdigest()


def used_by(value: Any) -> Iterator[Array]:
    """The arrays among the arguments of an object, however deep."""
    if isinstance(value, Array):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from used_by(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from used_by(each)
    elif hasattr(value, "arguments"):
        yield from used_by(value.arguments)


def files_in(resolved: Any) -> Iterator[str]:
    """The files of the arrays in a resolved config, each once for each array."""
    if is_array(resolved) and isinstance(resolved["array"], str):
        yield resolved["array"]
    elif isinstance(resolved, dict):
        for each in resolved.values():
            yield from files_in(each)
    elif isinstance(resolved, list):
        for each in resolved:
            yield from files_in(each)


def with_files(resolved: Any, places: Mapping[str, str]) -> Any:
    """The resolved config with the files of its arrays elsewhere: `{old: new}`."""
    if is_array(resolved) and isinstance(resolved["array"], str):
        return {**resolved, "array": places.get(resolved["array"], resolved["array"])}
    if isinstance(resolved, dict):
        return {key: with_files(each, places) for key, each in resolved.items()}
    if isinstance(resolved, list):
        return [with_files(each, places) for each in resolved]
    return resolved
