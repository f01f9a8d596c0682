"""Keras's public objects and their signatures, known without importing Keras.

`catalog.json`, made by `nnpy.catalog.build` from an installed Keras, is read here. Where the
user's Keras is another version, a catalog of that version is made once, in a process of its
own, and kept in the cache. Importing this module and reading the shipped catalog takes
milliseconds.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from nnpy.catalog.entries import Entry, Parameter

FORMAT = 2  # of catalog.json; a cached file of another format is made anew

SHIPPED = Path(__file__).with_name("catalog.json")

# A policy that quantizes: how, to how many bits, in groups of how many, from what.
_QUANTIZED = re.compile(r"(?:int8|float8|int4(?:/-?\d+)?|(?:gptq|awq)/\d+/-?\d+)_from_(\w+)")

_BUILD_SECONDS = 300  # importing Keras takes seconds; on a cold network disk, minutes


class Catalog:
    """All entries of one version of Keras; `note` says what the user should know of it.

    `dtypes` are the names of data types and dtype policies; policies that quantize are made of
    them, `int8_from_float32`: `is_dtype` knows those too.
    """

    def __init__(self, data: Mapping, note: str = "") -> None:
        self.keras_version: str = data["keras"]
        self.dtypes: tuple[str, ...] = tuple(data["dtypes"])
        self.note = note
        self._data = data
        self._entries: dict[tuple[str, str], Entry] = {}
        self._names: dict[str, dict[str, str]] = {}

    def is_dtype(self, name: str) -> bool:
        """Whether it is the name of a data type or of a dtype policy."""
        quantized = _QUANTIZED.fullmatch(name)
        return name in self.dtypes or (quantized is not None and quantized[1] in self.dtypes)

    def find(self, kind: str, name: str) -> Entry | None:
        """The entry of that name or alias, or None."""
        primary = self._index(kind).get(name)
        if primary is None and kind == "optimizer":  # Keras ignores their case
            primary = self._index(kind).get(name.lower())
        if primary is None:
            return None
        key = (kind, primary)
        if key not in self._entries:
            self._entries[key] = _entry(kind, primary, self._data["kinds"][kind])
        return self._entries[key]

    def names(self, kind: str) -> tuple[str, ...]:
        """Every primary name of a kind, in order."""
        return tuple(self._data["kinds"][kind]["entries"])

    def suggestions(self, kind: str) -> tuple[str, ...]:
        """Every name and alias of a kind, for a "did you mean"."""
        return tuple(self._index(kind))

    def _index(self, kind: str) -> dict[str, str]:
        """Name or alias → primary name."""
        if kind not in self._names:
            entries = self._data["kinds"].get(kind, {"entries": {}})["entries"]
            index = {name: name for name in entries}
            for name, entry in entries.items():
                for alias in entry.get("aliases", ()):
                    index.setdefault(alias, name)
            self._names[kind] = index
        return self._names[kind]


def installed_keras() -> str | None:
    """The version of the installed Keras, or None; Keras is not imported.

    The name of the folder that describes an installed package holds its version. Looking at
    it costs a millisecond; importing importlib.metadata, which asks the same, costs twenty.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 – the quickest
        except OSError:
            continue
        for name in names:
            if name.startswith("keras-") and name.endswith(".dist-info"):
                return name.removeprefix("keras-").removesuffix(".dist-info")
    from importlib import metadata

    try:
        return metadata.version("keras")
    except metadata.PackageNotFoundError:
        return None


@cache
def load(version: str | None = None) -> Catalog:
    """The catalog of the installed Keras (or of `version`).

    Where that is not the shipped one, it is taken from the cache or made there, which takes
    seconds once; where that fails, it is the shipped one with a note.
    """
    shipped = _read(SHIPPED)
    if shipped is None:
        raise FileNotFoundError(f"{SHIPPED} is missing or damaged; reinstall nnpy")
    version = version or installed_keras()
    if version is None or version == shipped["keras"]:
        return Catalog(shipped)
    path = cache_folder() / f"catalog-{version}.json"
    data = _read(path, version)
    if data is None:
        _build(path)
        data = _read(path, version)
    if data is None:
        return Catalog(
            shipped,
            f"arguments are checked against Keras {shipped['keras']}: no catalog of the "
            f"installed Keras {version} could be made",
        )
    return Catalog(data, f"arguments are checked against the installed Keras {version} ({path})")


def cache_folder() -> Path:
    """Where catalogs of other versions are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "nnpy"


def _build(path: Path) -> None:
    """Makes the catalog of the installed Keras at `path`; leaves nothing on failure."""
    import subprocess  # not needed, and not cheap, where the shipped catalog fits

    try:
        subprocess.run(
            [sys.executable, "-m", "nnpy.catalog.build", str(path.absolute())],
            cwd=Path(__file__).parents[2],  # not the user's folder, whose files it might import
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_BUILD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # the reader of the file will say so


def _read(path: Path, version: str | None = None) -> dict | None:
    """The content of a catalog file, or None where it is absent, damaged or of another kind."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        return None
    if not {"keras", "dtypes", "kinds"} <= data.keys():
        return None
    return data if version in (None, data["keras"]) else None


def _entry(kind: str, name: str, section: Mapping) -> Entry:
    """An entry from its JSON, which `nnpy.catalog.build.pack` describes."""
    raw = section["entries"][name]
    common = section["common"]
    return Entry(
        kind=kind,
        name=name,
        aliases=tuple(raw.get("aliases", ())),
        parameters=_parameters(raw.get("parameters", ()), common),
        call=_parameters(raw.get("call", ()), common),
        input_rank=raw.get("input_rank"),
        min_rank=raw.get("min_rank"),
        targets=raw.get("targets", ""),
        outputs=raw.get("outputs", ""),
        direction=raw.get("direction", ""),
        doc=raw.get("doc", ""),
        open_ended=raw.get("open_ended", False),
    )


def _parameters(raw: Iterable, common: Mapping) -> tuple[Parameter, ...]:
    return tuple(
        _parameter(each, common[each]) if isinstance(each, str) else _parameter(*each)
        for each in raw
    )


def _parameter(name: str, fields: Mapping) -> Parameter:
    tuples = {key: tuple(fields[key]) for key in ("types", "items", "choices") if key in fields}
    return replace(Parameter(name), **{**fields, **tuples})
