"""Plain data and arrays in one file that tells when it is damaged, and that runs no code.

What pickle would keep by naming code, this keeps as JSON and raw numbers: None, bool, int,
float, str, bytes, list, tuple, dict, set, deque, NumPy arrays and scalars (bfloat16 and its like
too), and the generators of random numbers of Python and NumPy. Everything comes back equal to
the bit and of the same type.

The file, little endian:

    magic       8 bytes         b"nnpypack"
    length      8 bytes         of the header
    header      JSON            the data; of each array its type, shape and place
    arrays      raw bytes       each starting at a multiple of 64
    digest      32 bytes        SHA-256 of all that comes before
"""

from __future__ import annotations

import base64
import collections
import hashlib
import json
import math
import os
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.errors import RunError
from nnpy.storage import atomic
from nnpy.storage.regular import open_regular

_MAGIC = b"nnpypack"
_ALIGNMENT = 64
_DEPTH = 50  # deeper data is taken for a cycle
_TAG = "!"  # the key of a JSON object that stands for something JSON does not have
_SEQUENCES = {
    kind.__name__: kind
    for kind in (tuple, set, frozenset, collections.deque, collections.OrderedDict)
}
_WRONG = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    struct.error,
    OverflowError,
    MemoryError,
)


class Damaged(RunError):
    """A file is torn, altered or not one of ours at all."""


def write(path: str | Path, value: Any, *, root: Path | None = None) -> None:
    """Write `value` to `path` whole or not at all; its arrays are not copied on the way.

    `root` as in `storage.atomic`.
    """
    encoded, arrays = _encoded(value)
    places, offset = [], 0
    for array in arrays:
        places.append([_dtype_name(array.dtype), list(array.shape), offset])
        offset += array.nbytes + -array.nbytes % _ALIGNMENT
    header = json.dumps({"data": encoded, "arrays": places}).encode()
    header += b" " * (-(len(_MAGIC) + 8 + len(header)) % _ALIGNMENT)
    parts: list[atomic.Buffer] = [_MAGIC, struct.pack("<Q", len(header)), header]
    for array in arrays:
        parts += [_bytes(array), b"\0" * (-array.nbytes % _ALIGNMENT)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    atomic.write_bytes(path, *parts, digest.digest(), root=root)


def read(path: str | Path) -> Any:
    """The value that `write` put into the file `path`; arrays are views of the file's content.

    Raises `Damaged` unless every byte is as it was written.
    """
    path = Path(path)
    try:
        content = _content(path)
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError:
        raise Damaged(f"{path} does not fit into memory") from None
    body = memoryview(content)[:-32]
    if hashlib.sha256(body).digest() != content[-32:]:
        raise Damaged(f"{path} is damaged: its content does not match its digest")
    try:
        (length,) = struct.unpack_from("<Q", body, len(_MAGIC))
        start = len(_MAGIC) + 8 + length
        header = json.loads(bytes(body[len(_MAGIC) + 8 : start]))
        arrays = []
        for name, shape, offset in header["arrays"]:
            size = math.prod(shape)
            if min(shape, default=0) < 0:
                raise ValueError(f"no array has the shape {shape}")
            array = np.frombuffer(body, _dtype(name), count=size, offset=start + offset)
            arrays.append(array.reshape(shape))
        return _decode(header["data"], arrays)
    except _WRONG as error:
        raise Damaged(f"{path} has unexpected content: {error}") from error


def _content(path: Path) -> bytearray:
    """The bytes of a file that begins as ours do; of another no more is read."""
    with open_regular(path) as file:
        begin = file.read(len(_MAGIC))
        if begin != _MAGIC:
            raise Damaged(f"{path} is not a file of this kind, or its beginning is damaged")
        content = bytearray(os.fstat(file.fileno()).st_size)
        content[: len(begin)] = begin
        rest, read = memoryview(content), len(begin)
        while count := file.readinto(rest[read:]):  # type: ignore[attr-defined]
            read += count
    return content


def holds(value: Any, depth: int = 0) -> bool:
    """Whether `write` can keep `value`.

    Types are taken as they are, not with their subclasses: a namedtuple or a defaultdict would
    not come back as what it was.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes, random.Random):
        return True
    if kind is np.ndarray or isinstance(value, np.generic):
        return value.dtype.kind in "biufcSUV" and value.dtype.fields is None
    if kind in (np.random.Generator, np.random.RandomState):
        return True
    if depth >= _DEPTH:
        return False
    if kind in (dict, collections.OrderedDict):
        return all(holds(part, depth + 1) for pair in value.items() for part in pair)
    if kind is list or (kind.__name__ in _SEQUENCES and kind is _SEQUENCES[kind.__name__]):
        return all(holds(part, depth + 1) for part in value)
    return False


def copy(value: Any) -> Any:
    """A copy of `value` that shares nothing with it that could change."""
    encoded, arrays = _encoded(value)
    return _decode(encoded, [array.copy() for array in arrays])


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal to the bit and of the same types all the way down."""
    (encoded, arrays), (encoded_other, others) = _encoded(one), _encoded(other)
    return (
        json.dumps(encoded) == json.dumps(encoded_other)
        and [(a.dtype, a.shape) for a in arrays] == [(b.dtype, b.shape) for b in others]
        and all(_bytes(a) == _bytes(b) for a, b in zip(arrays, others, strict=True))
    )


def _encoded(value: Any) -> tuple[Any, list[np.ndarray]]:
    arrays: list[np.ndarray] = []
    return _encode(value, arrays), arrays


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` in JSON's types; the arrays in it go to the end of `arrays`."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_encode(part, arrays) for part in value]
    if kind is dict and all(type(key) is str and key != _TAG for key in value):
        return {key: _encode(part, arrays) for key, part in value.items()}
    if kind is np.ndarray or isinstance(value, np.generic):
        array = np.asarray(value)
        arrays.append(array.astype(array.dtype.newbyteorder("="), copy=False))
        return {_TAG: "array" if kind is np.ndarray else "scalar", "of": len(arrays) - 1}
    if kind is bytes:
        return {_TAG: "bytes", "of": base64.b64encode(value).decode()}
    content: Any
    if kind in (dict, collections.OrderedDict):
        content = [[key, part] for key, part in value.items()]
    elif kind in (set, frozenset):
        content = sorted(value, key=repr)  # the same set must always give the same bytes
    elif kind is collections.deque:
        content = [value.maxlen, list(value)]
    elif kind is random.Random:
        content = value.getstate()
    elif kind is np.random.RandomState:
        content = value.get_state(legacy=True)
    elif kind is np.random.Generator:
        content = value.bit_generator.state
    elif kind is tuple:
        content = list(value)
    else:
        raise TypeError(f"a {kind.__name__} cannot be stored without running code on loading")
    return {_TAG: kind.__name__, "of": _encode(content, arrays)}


def _decode(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    if _TAG not in value:
        return {key: _decode(part, arrays) for key, part in value.items()}
    match value[_TAG]:
        case "array":
            return arrays[value["of"]]
        case "scalar":
            return arrays[value["of"]][()]
        case "bytes":
            return base64.b64decode(value["of"])
    content = _decode(value["of"], arrays)
    match value[_TAG]:
        case "dict":
            return dict(content)
        case "deque":
            return collections.deque(content[1], maxlen=content[0])
        case "Random":
            generator = random.Random()
            generator.setstate(content)
            return generator
        case "RandomState":
            numbers = np.random.RandomState()
            numbers.set_state(content)
            return numbers
        case "Generator":
            if content["bit_generator"] not in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"):
                raise ValueError(f"no such generator: {content['bit_generator']}")
            bits = getattr(np.random, content["bit_generator"])()
            bits.state = content
            return np.random.Generator(bits)
    return _SEQUENCES[value[_TAG]](content)


def _bytes(array: np.ndarray) -> memoryview:
    """The bytes of an array, as they lie in memory where they lie in order."""
    # bfloat16 and its like do not speak the buffer protocol; bytes do.
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _dtype_name(dtype: np.dtype) -> str:
    return dtype.name if dtype.kind == "V" else dtype.newbyteorder("<").str


def _dtype(name: str) -> np.dtype:
    if not isinstance(name, str) or name.startswith(("<", "|")):
        return np.dtype(name)
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name))
