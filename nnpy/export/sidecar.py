"""The JSON beside an exported file: all that its user needs to give it examples and read answers.

The same JSON is the file's own metadata, where the format has any.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nnpy.data.files.geometry import FITS
from nnpy.errors import ModelError, RunError
from nnpy.storage import json_file
from nnpy.storage.json_file import mapping, number, one_of, optional, record, sequence, text, whole

FORMAT = 1
_LIMIT = 32 << 20  # bytes; a table's vocabularies are part of it
_MOST = 100_000  # classes

_DTYPE = one_of(
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    *("bool", "float16", "float32", "float64"),
)
_SHAPE = sequence(optional(whole), 20)


def _anything(value: Any, place: str) -> None:
    """Plain data that another module checks."""


def _flag(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise json_file.WrongKind(place, "true or false", value)


_KIND = record(
    {
        "format": whole,
        "kind": text,
        "quantize": text,
        "model": record({"name": text, "digest": text, "run": optional(text)}),
        "data": text,
        "task": text,
        "inputs": sequence(
            record(
                {"name": text, "shape": _SHAPE, "dtype": _DTYPE, "data": text},
                ("name", "shape", "dtype"),
            ),
            1000,
        ),
        "outputs": sequence(record({"name": text, "scale": optional(text)}, ("name",)), 1000),
        "answer": optional(text),
        "classes": sequence(text, _MOST),
        "raw_input": _flag,
        "stored": record({"shape": _SHAPE, "dtype": _DTYPE}, ("shape", "dtype")),
        "rescale": number,
        "channel_axis": _flag,
        "picture": optional(
            record(
                {"background": number, "border": optional(number), "fit": one_of(*FITS)}, ("fit",)
            )
        ),
        "table": optional(_anything),
        "versions": mapping(text),
    },
    ("format", "kind", "inputs", "outputs", "stored"),
)


def path_of(exported: Path) -> Path:
    """Where the JSON of an exported file or folder lies."""
    if exported.name in ("", ".."):
        exported = Path(os.path.abspath(exported))  # noqa: PTH100 – the name that it goes by
    return exported.parent / f"{exported.name}.json"


def read(exported: Path) -> dict[str, Any]:
    """What is known of an exported file. Raises ModelError where that is not there or damaged."""
    path = path_of(exported)
    if not path.exists():
        raise ModelError(
            f"{exported}: {path.name} does not lie beside it, in which `nnpy export` says what the "
            "file takes and gives; copy both"
        )
    return read_file(path)


def read_file(path: Path) -> dict[str, Any]:
    """What such a JSON says. Raises ModelError where it is not there or damaged."""
    try:
        told = json_file.read(path, _KIND, _LIMIT)
    except RunError as error:
        raise ModelError(str(error)) from None
    if not told:
        raise ModelError(f"{path} does not exist")
    if told["format"] > FORMAT:
        raise ModelError(f"{path} was written by a newer nnpy (format {told['format']})")
    return told
