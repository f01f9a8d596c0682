"""Who trains which trial, and whether they are still alive.

Each process that is at work on a sweep holds the lock of a folder of its own within the sweep's,
and a trial bears its name. On the same disk the lock tells: it is gone with its process. Where
another machine works on another disk, the storage has the beats of its heart.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nnpy.storage import lock
from nnpy.workflows.sweep.folder import SweepFolder

if TYPE_CHECKING:
    import optuna

OWNER = "owner"  # the attribute of a trial
_BEAT = "beat "  # and, before the owner's name, of a study
BEAT = float(os.environ.get("NNPY_SWEEP_BEAT", 10))  # seconds
_MISSED = 6  # beats after which an owner elsewhere is taken for dead


class Owner:
    """This process as an owner of trials.

    Args:
        folder: The sweep's.
        study: Where the beats are kept.
        beats: Whether others may look from another disk.
    """

    def __init__(self, folder: SweepFolder, study: optuna.Study, *, beats: bool) -> None:
        host = re.sub(r"[^\w.-]", "_", socket.gethostname())
        self.name = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
        self._folder, self._study, self._beats = folder, study, beats
        self._over = threading.Event()
        self._seen: dict[str, tuple[Any, float]] = {}  # the last beat, and when it came here

    @contextlib.contextmanager
    def alive(self) -> Iterator[Owner]:
        """Within this context the process is seen to be alive."""
        own = self._folder.owners / self.name
        own.mkdir(parents=True, exist_ok=True)
        beating = threading.Thread(target=self._beat, name="nnpy-beat", daemon=True)
        try:
            with lock.locked(own):
                if self._beats:
                    self._study.set_user_attr(_BEAT + self.name, 0)
                    beating.start()
                yield self
        finally:
            self._over.set()
            if beating.is_alive():
                beating.join()
            shutil.rmtree(own, ignore_errors=True)

    def _beat(self) -> None:
        number = 0
        while not self._over.wait(BEAT):
            number += 1
            # A database that is away for a moment costs a beat, no more.
            with contextlib.suppress(Exception):
                self._study.set_user_attr(_BEAT + self.name, number)

    def is_dead(self, name: str | None) -> bool:
        """Whether the owner of that name trains nothing any more."""
        if name == self.name:
            return False
        if name is None or not is_name(name):  # killed before it could say so
            return True
        place = self._folder.owners / name
        if place.is_dir():
            return lock.holder(place) is None
        if not self._beats:
            return True
        beat, now = self._study.user_attrs.get(_BEAT + name), time.monotonic()
        before = self._seen.get(name)
        if before is None or before[0] != beat:
            self._seen[name] = (beat, now)
            return False
        return now - before[1] > _MISSED * BEAT

    def bury(self, name: str | None) -> None:
        """Clears away what a dead owner left in the folder."""
        if name and is_name(name):
            shutil.rmtree(self._folder.owners / name, ignore_errors=True)


def is_name(name: str) -> bool:
    """Whether a storage may have this name of an owner: that of a folder, and of no path."""
    return bool(re.fullmatch(r"[\w-][\w.-]{,300}", name))
