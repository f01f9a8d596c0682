"""What a sweep keeps, in Optuna's storage: a file beside the runs, or a database."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import RunError, UsageError
from nnpy.runs.differences import differences
from nnpy.storage import atomic
from nnpy.workflows.sweep.folder import SweepFolder

if TYPE_CHECKING:
    import optuna

PLAN = "nnpy"  # the study's attribute that says what the sweep is
_FORMAT = 1
_PATIENCE = 60.0  # seconds for a lock that is held for some hundredths


def optuna_here() -> Any:
    """Optuna, quiet. Raises UsageError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise UsageError("Optuna is not installed; install nnpy with the extra: .[sweep]") from None
    optuna.logging.set_verbosity(logging.ERROR)
    return optuna


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """A lock on a file that dies with its process; waits for it."""
    from filelock import FileLock, Timeout

    try:
        with atomic.translate_error(path), FileLock(path, timeout=_PATIENCE, poll_interval=0.01):
            yield
    except Timeout:
        raise RunError(f"{path} has been locked by another process for a minute") from None


class _Lock:
    """The lock of the journal, as Optuna asks for one: unlike its own it ends with its process."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock

        self._lock = FileLock(path, timeout=_PATIENCE, poll_interval=0.002)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


def open_storage(folder: SweepFolder, url: str | None) -> optuna.storages.BaseStorage:
    """The storage of a sweep: that of `url`, or the journal in its folder.

    Raises UsageError when a database cannot be reached.
    """
    optuna = optuna_here()
    if url is None:
        return optuna.storages.JournalStorage(_journal(folder))
    try:
        # A process that was at a trial is not seen by the database's own means: owners.py.
        return optuna.storages.RDBStorage(url)
    except Exception as error:  # noqa: BLE001 – the driver's own kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"--storage: the database cannot be opened: {reason}") from None


def _journal(folder: SweepFolder) -> Any:
    from optuna.storages.journal import JournalFileBackend

    class Journal(JournalFileBackend):
        """A last line without its end is what a killed process left; it goes before the next."""

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            with held(folder.journal.with_suffix(".tail")):
                _cut_torn_line(folder.journal)
                super().append_logs(logs)

    lock: Any = _Lock(folder.journal.with_suffix(".lock"))  # all that Optuna asks of one
    return Journal(str(folder.journal), lock)


def _cut_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end:
            start = max(0, end - 4096)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def open_study(
    storage: optuna.storages.BaseStorage, name: str, plan: Mapping[str, Any], mode: str
) -> optuna.Study:
    """The study of that name, begun where there is none.

    Raises UsageError with the difference when it was begun with another `plan`.
    """
    optuna = optuna_here()
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize" if mode == "max" else "minimize",
        load_if_exists=True,
    )
    now = json.loads(json.dumps({"format": _FORMAT, **plan}))
    then = study.user_attrs.get(PLAN)
    if then is None:
        study.set_user_attr(PLAN, now)
        return study
    if then.get("format") != _FORMAT:
        raise UsageError(f"the sweep {name} was begun by another version of nnpy; add --new")
    if changed := differences([then, now]):
        lines = [f"  {each.path}: {each.values[0]} → {each.values[1]}" for each in changed]
        raise UsageError(
            f"the sweep {name} was begun with another config or search:\n"
            + "\n".join(lines)
            + "\nUndo the change to go on with it, or begin a new sweep with --new"
        )
    return study
