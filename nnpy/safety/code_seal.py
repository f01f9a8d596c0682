"""Which Python files of a run may be run: those that this user trained with on this machine.

A run's own layers are Python code, and a run folder may come from anywhere. When a training
begins, the code that it uses is sealed: HMAC-SHA256 (RFC 2104) over its names and contents with
a key that never leaves the user's state folder. Code whose seal fits was run here before; any
other is run only when the user says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnpy.errors import UsageError
from nnpy.runs.folder import Run

if TYPE_CHECKING:
    from nnpy.config.user_code import CodeFile


def seal(files: Mapping[str, bytes]) -> str:
    """The seal (hex) of some Python files, by name; "" where no key can be kept."""
    key = _key(make=True)
    return _digest(key, files) if key else ""


def contents(code: Iterable[CodeFile]) -> dict[str, bytes]:
    """The files of a config's `code:` as they are sealed and checked."""
    return {file.name: file.text.encode() for file in code}


def check_run(code: Sequence[CodeFile], *, trusted: bool) -> None:
    """As `check`, for code that lies in a run folder; other code the user has named himself."""
    run = Run(code[0].path.parent.parent)
    if run.is_run() and code[0].path.parent.name == run.code_folder.name:
        check(contents(code), str(run.environment().get("code_seal", "")), trusted=trusted)


def check(files: Mapping[str, bytes], sealed: str, *, trusted: bool) -> None:
    """Raise `UsageError` unless `files` may be run: sealed here, or `trusted` by the user."""
    if trusted or not files:
        return
    key = _key(make=False)
    if key and hmac.compare_digest(_digest(key, files), sealed):
        return
    raise UsageError(
        f"this run needs Python code that came with it ({', '.join(sorted(files))}) and was not "
        f"trained with by you on this machine, or has been changed since. Read the code; if you "
        f"trust it, say --trust-code"
    )


def _digest(key: bytes, files: Mapping[str, bytes]) -> str:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _key(*, make: bool) -> bytes | None:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(base) / "nnpy" / "key"
    with contextlib.suppress(OSError):
        if make and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was faster: use its key
                _create(path)
        key = path.read_bytes()
        return key if len(key) == 32 else None
    return None


def _create(path: Path) -> None:
    # Linked into place when it is whole: a reader must never see half a key.
    temporary = path.with_name(f".key.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(32))
        os.fsync(descriptor)
        path.hardlink_to(temporary)
    finally:
        os.close(descriptor)
        temporary.unlink()
