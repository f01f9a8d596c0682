"""The config.yaml of a run as plain data, to be shown and compared: read, not checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnpy.config.yaml.parse import MAX_BYTES, parse
from nnpy.errors import ConfigError, RunError
from nnpy.storage import json_file
from nnpy.storage.json_file import WrongKind, either, mapping, number, optional, record, text
from nnpy.storage.regular import read_regular

_OBJECT = either(text, mapping(json_file.plain))
_CONFIG = record(
    {
        "data": optional(record({"validation_split": optional(number)})),
        "training": optional(record({"optimizer": optional(_OBJECT)})),
    }
)


def read_resolved(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of the config that a run keeps, and what it says; sections are dicts.

    Raises RunError when it cannot be read.
    """
    try:
        content = read_regular(path, 4 * MAX_BYTES)
        plain = parse(content, str(path)).plain() or {}
        _CONFIG(plain, "")
        shown = content.decode("utf-8-sig")
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except ConfigError as error:
        raise RunError(f"{path} cannot be read: {error.problems[0].message}") from None
    except (WrongKind, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    return shown, plain | {name: plain.get(name) or {} for name in ("data", "training")}
