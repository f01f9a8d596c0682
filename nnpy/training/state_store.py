"""The states of a training on the disk: the last two, each whole or not at all."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from nnpy.storage import archive
from nnpy.training.state import State

_NAME = re.compile(r"state-(\d{6,})\.nnpy")
_KEPT = 2
ANY_RUN = "any run"


def write_state(path: str | Path, state: State, *, root: Path | None = None) -> None:
    """Write `state` to `path` whole or not at all, without copying its arrays.

    `root` as in `storage.atomic`.
    """
    content = {each.name: getattr(state, each.name) for each in fields(state)}
    archive.write(path, content, root=root)


def read_state(path: str | Path) -> State:
    """The state in the file `path`. Raises `archive.Damaged` unless it is as it was written."""
    content = archive.read(path)
    try:
        state = State(**content)
        _check(state)
    except (TypeError, ValueError) as error:
        raise archive.Damaged(f"{path} is not a training state: {error}") from error
    return state


def _check(state: State) -> None:
    """Raise `ValueError` unless every part is of its type."""
    for name in ("epoch", "step"):
        number = getattr(state, name)
        if type(number) is not int or not 0 <= number < 1 << 53:
            raise ValueError(f"its {name} is not a whole number")
    for name in ("variables", "numbers", "progress"):
        if type(getattr(state, name)) is not dict:
            raise ValueError(f"its {name} are not a mapping")
    if not isinstance(state.run, str | None):
        raise ValueError("its run is no text")
    for group in state.variables.values():
        for name, array in group:
            if type(name) is not str or type(array) is not np.ndarray:
                raise ValueError("a variable is no array with a name")
    for kind, attributes in state.callbacks:
        if type(kind) is not str or type(attributes) is not dict:
            raise ValueError("a callback is no mapping with a name")
        if not all(type(key) is str for key in attributes):
            raise ValueError("an attribute of a callback has no name")


class StateStore:
    """The last two states of a run, in its folder.

    `save` returns at once and writes in a thread of its own; when states come faster than the
    disk takes them, the newest is written and those between are left out. An error of the
    thread is raised by the next `save` or `flush`.
    """

    def __init__(self, folder: str | Path, *, root: Path | None = None) -> None:
        self.folder, self._root = Path(folder), root
        self._condition = threading.Condition()
        self._waiting: State | None = None
        self._writing = False
        self._error: BaseException | None = None
        self._good: list[Path] = []
        self.damaged = 0  # files that `latest` could not use

    def latest(
        self, warn: Callable[[str], None] = lambda message: None, run: str | None = ANY_RUN
    ) -> State | None:
        """The newest state of the run `run` that is whole, or None; others are told to `warn`."""
        found = None
        for path in reversed(self._paths()):
            try:
                state = read_state(path)
            except archive.Damaged as error:
                self.damaged += 1
                warn(f"{error}; the state before it is used")
                continue
            if run not in (ANY_RUN, state.run):
                warn(f"{path} is the state of another run and is not used")
                continue
            if found is None:
                found = state
            self._good.insert(0, path)
        return found

    def save(self, state: State) -> None:
        """Write `state` in the background, soon."""
        with self._condition:
            self._raise()
            self._waiting = state
            if not self._writing:
                self._writing = True
                # Not a daemon: a process that ends normally must end with its state on disk.
                threading.Thread(target=self._write, name="nnpy-state").start()

    def flush(self) -> None:
        """Wait until everything that was saved is on the disk."""
        with self._condition:
            self._condition.wait_for(lambda: not self._writing)
            self._raise()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _write(self) -> None:
        while True:
            with self._condition:
                state, self._waiting = self._waiting, None
                if state is None or self._error is not None:
                    self._writing = False
                    self._condition.notify_all()
                    return
            try:
                self._write_one(state)
            except BaseException as error:  # noqa: BLE001  (it is raised in the caller's thread)
                with self._condition:
                    self._error = error

    def _write_one(self, state: State) -> None:
        paths = self._paths()
        number = int(_NAME.fullmatch(paths[-1].name)[1]) + 1 if paths else 1  # type: ignore[index]
        path = self.folder / f"state-{number:06d}.nnpy"
        write_state(path, state, root=self._root)
        self._good = [*self._good, path][-_KEPT:]
        for old in paths:
            if old not in self._good:
                with contextlib.suppress(OSError):
                    old.unlink()

    def _paths(self) -> list[Path]:
        """The state files, oldest first."""
        try:
            found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            return []
        return sorted(found, key=lambda path: (len(path.name), path.name))
