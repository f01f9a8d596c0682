"""What the numbers of a run depend on beside its config."""

from __future__ import annotations

import os
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
        changed = _git(*_without_programs(), "status", "--porcelain", "--untracked-files=no")
        return head + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _without_programs() -> list[str]:
    """Options that keep git from running what the checkout's own configuration names.

    We may be in a folder that a stranger made, and `git status` runs the monitor of the file
    system and the filters that .git/config asks for.
    """
    safe = ["core.fsmonitor=false", f"core.hooksPath={os.devnull}"]
    try:
        names = _git("config", "--local", "--name-only", "--get-regexp", r"^filter\.").splitlines()
    except subprocess.CalledProcessError:  # there is none
        names = []
    safe += [f"{name}=" for name in names if not name.endswith(".required")]
    safe += [f"{name}=false" for name in names if name.endswith(".required")]
    return [part for each in safe for part in ("-c", each)]


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "--no-optional-locks", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
        timeout=5,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()
