"""The folder that a user names, and the files in it."""

from __future__ import annotations

from pathlib import Path

from nnpy.errors import DataError


def user_folder(path: str) -> Path:
    """The folder that data.path names. Raises DataError when there is no such folder."""
    try:
        folder = Path(path).expanduser()
    except RuntimeError as error:  # ~ of a user that does not exist
        raise DataError(f"data.path: {path}: {error}") from None
    if problem := folder_problem(folder):
        raise DataError(f"data.path: {folder}: {problem}")
    return folder


def folder_problem(folder: Path) -> str:
    """Why nothing can be read from a folder, or an empty text."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return "no such folder"
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        return str(getattr(error, "strerror", error))
    return ""


def find(folder: Path, name: str) -> Path | None:
    """The file `name`.gz or `name` in `folder`, or None."""
    return next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)
