"""How a setting is written in a dataclass: its default, its type, its limits and its doc."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, *types: str, doc: str, **limits: Any) -> Any:
    """A field with its default; `types` and `limits` are those of `Parameter`."""
    metadata = {"types": types, "doc": doc, **limits}
    if isinstance(default, list | dict):
        made = default
        return field(default_factory=lambda: made.copy(), metadata=metadata)
    return field(default=default, metadata=metadata)
