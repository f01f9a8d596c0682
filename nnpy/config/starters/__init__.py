"""Commented configs to begin with, one for each kind of network: the `*.yaml` beside this file."""

from __future__ import annotations

from pathlib import Path

from nnpy.errors import UsageError, did_you_mean
from nnpy.storage.atomic import create

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The kinds of networks there is a starter for."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def write(name: str, path: Path) -> None:
    """Writes the starter of that name as a new file.

    Raises UsageError for an unknown name, and when there is a file already or the place
    cannot be written.
    """
    if name not in names():
        hint = did_you_mean(name, names())
        raise UsageError(f"no starter '{name}'{hint}; available: {', '.join(names())}")
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    create(path, text.replace(f"# nnpy train {name}.yaml", f"# nnpy train {path}", 1))
