"""NumPy's .npz files from anywhere: no pickles, and no more memory than they hold content."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from nnpy.errors import RunError
from nnpy.storage.regular import open_regular

_MOST = 100  # members of an archive
_HEADER = 10_000  # bytes of an array's header


def read(path: Path, names: Iterable[str], limit: int) -> dict[str, np.ndarray]:
    """The arrays of these names, of at most `limit` bytes in all.

    Raises FileNotFoundError where there is no file, RunError for what is wrong with it.
    """
    arrays = {}
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) > _MOST:
                raise ValueError(f"it has more than {_MOST} members")
            for name in names:
                member = archive.getinfo(f"{name}.npy")
                limit -= member.file_size
                if limit < 0:
                    raise ValueError("its arrays are too large")
                with archive.open(member) as content:
                    arrays[name] = _array(content, member.file_size)
    except FileNotFoundError:
        raise
    except KeyError as error:
        raise RunError(f"{path} cannot be read: {error.args[0]}") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # RuntimeError: it is encrypted, or packed in a way that is not known
        raise RunError(f"{path} cannot be read: {error}") from None
    return arrays


def names(path: Path) -> list[str]:
    """What the arrays are called. Raises as `read`."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return [each.removesuffix(".npy") for each in archive.namelist()[:_MOST]]
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None


def _array(content: IO[bytes], size: int) -> np.ndarray:
    """The array in an .npy file of `size` bytes, once its header is seen to tell the truth."""
    version = npy.read_magic(content)
    header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if header is None:
        raise ValueError(f"its format {version} is unknown")
    try:
        shape, fortran, dtype = header(content, max_header_size=_HEADER)
    except (ValueError, SyntaxError, TypeError, tokenize.TokenError):
        # NumPy reads it as a Python literal: what Python says of another text helps no one.
        raise ValueError("its header is not one of NumPy's") from None
    if dtype.hasobject or fortran or any(not 0 <= axis <= size for axis in shape):
        raise ValueError("it holds no plain numbers")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"it declares the shape {shape}, which is more than it holds")
    numbers = content.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(numbers, dtype).reshape(shape)
