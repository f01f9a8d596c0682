"""What a sweep keeps, in Optuna's storage: a file beside the runs, or a database."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.errors import RunError, UsageError
from nnpy.runs.differences import differences
from nnpy.storage import atomic
from nnpy.workflows.sweep.folder import SweepFolder
from nnpy.workflows.sweep.journal import open_journal

if TYPE_CHECKING:
    import optuna

PLAN = "nnpy"  # the study's attribute that says what the sweep is
KEY = "key"  # what tells it from any other sweep
_FORMAT = 1
_ATTEMPTS, _PAUSE = 10, 0.5  # at tables that another process makes; seconds between them
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

    lock = FileLock(path, timeout=_PATIENCE, poll_interval=0.005)
    try:
        with atomic.translate_error(path):
            lock.acquire()
    except Timeout:
        raise RunError(f"{path} has been locked by another process for a minute") from None
    try:
        yield
    finally:
        lock.release()


def open_storage(folder: SweepFolder, url: str | None) -> optuna.storages.BaseStorage:
    """The storage of a sweep: that of `url`, or the journal in its folder.

    Raises UsageError when a database cannot be reached.
    """
    optuna = optuna_here()
    if url is None:
        return open_journal(folder.journal, lambda: held(folder.journal.with_suffix(".lock")))
    for attempt in range(_ATTEMPTS):
        try:
            # A process that was at a trial is not seen by the database's own means: owners.py.
            return optuna.storages.RDBStorage(url)
        except Exception as error:  # noqa: BLE001 – the driver's own kinds
            if _made_by_another(error) and attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE)
                continue
            raise UsageError(
                f"--storage: the database cannot be opened: {_reason(error)}"
            ) from None
    raise AssertionError


def _made_by_another(error: Exception) -> bool:
    """Whether two processes have begun the tables at the same moment."""
    from sqlalchemy import exc

    return isinstance(error, exc.IntegrityError | exc.ProgrammingError)


def _reason(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return (
            f"its driver '{error.name}' is not installed; for PostgreSQL: "
            "pip install 'psycopg[binary]', with an address postgresql+psycopg://…"
        )
    return str(error).strip().partition("\n")[0] or type(error).__name__


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
        study.set_user_attr(KEY, secrets.token_hex(8))
        study.set_user_attr(PLAN, now)
        return study
    if not isinstance(then, dict) or then.get("format") != _FORMAT:
        raise UsageError(f"the sweep {name} was begun by another version of nnpy; add --new")
    if changed := differences([then, now]):
        lines = [f"  {each.path}: {each.values[0]} → {each.values[1]}" for each in changed]
        raise UsageError(
            f"the sweep {name} was begun with another config or search:\n"
            + "\n".join(lines)
            + "\nUndo the change to go on with it, or begin a new sweep with --new"
        )
    return study


def key_of(study: optuna.Study) -> str:
    """What tells a sweep from any other, on every machine."""
    return str(study.user_attrs.get(KEY) or study.study_name)
