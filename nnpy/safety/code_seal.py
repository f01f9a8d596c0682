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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nnpy.errors import UsageError
from nnpy.storage.regular import read_regular

if TYPE_CHECKING:
    from nnpy.config.user_code import CodeFile

_NAME = "the name of a file"  # no Python file is called so


def seal(files: Mapping[str, bytes]) -> str:
    """The seal (hex) of some Python files, by name; "" where no key can be kept."""
    key = _key(make=True)
    return _digest(key, files) if key else ""


def contents(code: Iterable[CodeFile]) -> dict[str, bytes]:
    """The files of a config's `code:` as they are sealed and checked."""
    return {file.name: file.text.encode() for file in code}


def seal_name(name: bytes) -> str:
    """The seal (hex) of a file's name that a config says; "" where no key can be kept."""
    key = _key(make=True)
    return _digest(key, {_NAME: name}) if key else ""


def check(files: Mapping[str, bytes], sealed: str, *, trusted: bool) -> None:
    """Raise `UsageError` unless `files` may be run: sealed here, or `trusted` by the user."""
    if trusted or not files:
        return
    key = _key(make=False)
    if key and hmac.compare_digest(_digest(key, files).encode(), sealed.encode()):
        return
    raise refusal(files)


def refusal(names: Iterable[str]) -> UsageError:
    """The error for Python files that may not be run."""
    return UsageError(
        f"this run needs Python code that came with it ({', '.join(sorted(names))}) and was not "
        f"trained with by you on this machine, or has been changed since. Read the code; if you "
        f"trust it, say --trust-code"
    )


def is_sealed_name(name: bytes, seals: Iterable[str]) -> bool:
    """Whether one of the seals is that of a file's name, made here."""
    key = _key(make=False)
    if not key:
        return False
    own = _digest(key, {_NAME: name}).encode()
    return any(hmac.compare_digest(own, sealed.encode()) for sealed in seals)


def _digest(key: bytes, files: Mapping[str, bytes]) -> str:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _key(*, make: bool) -> bytes | None:
    path = _key_path()
    if path is None:
        return None
    with contextlib.suppress(OSError):
        if make and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was faster: use its key
                _create(path)
        key = read_regular(path, 64)
        return key if len(key) == 32 else None
    return None


def _key_path() -> Path | None:
    """Where the user's key lies. Never relative: what folder we are in is no matter of trust."""
    try:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:  # no home
        return None
    return base / "nnpy" / "key" if base.is_absolute() else None


def _create(path: Path) -> None:
    # Linked into place when it is whole: a reader must never see half a key.
    temporary = path.with_name(f".key.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(32))
        os.fsync(descriptor)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: FAT, and some on networks
            temporary.rename(path)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
