"""What the numbers of a run depend on beside its config."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nnpy.version import __version__


def environment(digests: Mapping[str, str], devices: Mapping[str, Any]) -> dict[str, Any]:
    """What the numbers of a run depend on beside its config."""
    return {
        "command": " ".join(["nnpy", *sys.argv[1:]]) if _is_command() else "Python",
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(),
        "platform": platform.platform(),
        "devices": dict(devices),
        "git_commit": _git_commit(),
        "data": dict(digests),
    }


def versions() -> dict[str, str]:
    """Python, nnpy and the packages that compute."""
    found = {"python": platform.python_version(), "nnpy": __version__}
    for name in ("tensorflow", "keras", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # tensorflow-cpu and the like go by other names
    return found


def _is_command() -> bool:
    return Path(sys.argv[0]).name in ("nnpy", "__main__.py")


def _git_commit() -> str | None:
    """The commit of the checkout that the command was started in, "+" when it has changes."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, timeout=5
    )
    return done.stdout.strip()
