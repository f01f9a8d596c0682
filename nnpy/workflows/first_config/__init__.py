"""A folder or a file of data → a config that trains on it as it is: `nnpy init --from PATH`.

`find.py` says which source it is for, `network.py` which network suits what it holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nnpy.data import Progress
from nnpy.errors import DataError
from nnpy.storage.atomic import create
from nnpy.workflows.first_config import find, network

is_data = find.is_data


@dataclass(frozen=True)
class First:
    """What was found, and the config for it, but for the place of the data."""

    path: Path
    source: str
    arguments: dict[str, Any]
    target: str | None  # data.target
    body: str  # the sections model and training
    told: list[str]

    def text(self, beside: Path | None = None) -> str:
        """The config; paths are relative to the folder `beside`, where they lie in it."""
        lines = [f"# {each}" for each in self.told]
        given = {"path": str(self.path), **self.arguments}
        if "train" in given:
            given.pop("path")
        shown = {key: _value(_near(value, beside)) for key, value in given.items()}
        inner = "".join(f"\n      {key}: {value}" for key, value in shown.items())
        source = f"  source:\n    {self.source}:{inner}"
        if self.target is not None:
            source += f"\n  target: {self.target}"
        return "\n".join([*lines, "", "data:", source, "", self.body])

    @property
    def plain(self) -> dict[str, Any]:
        """The config as plain data."""
        told: dict[str, Any] = yaml.safe_load(self.text())
        return told


def of(path: Path, target: Sequence[str] = (), progress: Progress | None = None) -> First:
    """Looks at what lies at `path`. Raises DataError where it is no data that nnpy knows."""
    place = Path(os.path.normpath(path.expanduser().absolute()))
    found = find.find(place, tuple(target), progress)
    if target and found.source != "table":
        raise DataError(f"--target is for a column of a table; {path} is read by {found.source}")
    made = network.suited(found)
    said = {} if found.options is None else found.options
    return First(place, found.source, said, made.target, made.text, [*found.told, *made.told])


def write(first: First, output: Path) -> Path:
    """Writes the config as a new file. Raises UsageError where there is one already."""
    head = f"# nnpy train {output}\n#\n"
    beside = Path(os.path.abspath(output)).parent  # noqa: PTH100 – links stay as they are
    create(output, head + first.text(beside))
    return output


def _near(value: Any, beside: Path | None) -> Any:
    """A path below the config's folder from there; everything else as it is."""
    if beside is None or not isinstance(value, str) or not os.path.isabs(value):  # noqa: PTH117
        return value
    try:
        return str(Path(value).relative_to(beside)) or "."
    except ValueError:
        return value


def _value(value: Any) -> str:
    """A value as YAML on one line; JSON is YAML."""
    text = json.dumps(value, ensure_ascii=False)
    plain = isinstance(value, str) and value.isascii() and value.replace("_", "a").isalnum()
    if plain and yaml.safe_load(value) == value:
        return value
    return text
