"""Run folders are begun whole or not at all, and written by one training at a time.

    with begun("mlp", "my-run", overwrite=True) as run:    # locked
        ...                                                # its config.yaml is written last

Until config.yaml is there, a run has not begun: if anything fails before, all of it is taken
back, and what `--overwrite` moved aside is put back. What a kill left of such a beginning is
known as that, and the same command starts anew.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from nnpy.errors import RunError, UsageError
from nnpy.runs.folder import FILES, FOLDERS, REPLACED, ROOT, Run
from nnpy.storage import atomic, lock

# What the beginning of a run may hold before its config.yaml is there.
_FIRST = {
    *(".lock", "environment.json", "summary.json", "config.yaml", "model.dot", "log.txt"),
    *("checkpoints", "state", "code"),
}
_MOST = 10_000  # entries of a run folder that are looked at


@contextlib.contextmanager
def begun(name: str, folder: str | Path | None = None, *, overwrite: bool = False) -> Iterator[Run]:
    """A new run folder, locked: `folder`, or the first free of runs/NAME, runs/NAME-2, …

    Raises UsageError when `folder` is in use, RunError when it cannot be made.
    """
    if folder is None:
        run, made = _numbered(name), True
    else:
        run = Run(Path(folder))
        made = not _look(run, overwrite)
        with atomic.translate_error(run.folder):
            run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock.locked(run.folder):
            if folder is not None:
                recover(run)
                _look(run, overwrite)  # as it is now that no other training is at work in it
            aside = _Aside(run)
            try:
                aside.take()
                _make_folders(run)
                yield run
            except BaseException:
                if run.config_path.exists():
                    aside.drop()
                else:
                    aside.put_back()
                    if not run.config_path.exists():
                        _remove(run.folder / ".lock")
                raise
            aside.drop()
    finally:
        if made:
            with contextlib.suppress(OSError):
                run.folder.rmdir()  # where it is empty, nothing was begun


@contextlib.contextmanager
def claimed(run: Run) -> Iterator[Run]:
    """An existing run, locked, to be written in; what crashes left of unfinished writes goes.

    Raises RunError when it holds links, or another training is at work in it.
    """
    check_no_links(run)
    with lock.locked(run.folder):
        for folder in (run.folder, *(run.folder / name for name in FOLDERS)):
            atomic.sweep(folder)
        _Aside(run).drop()
        _make_folders(run)  # someone may have removed them
        yield run


def _make_folders(run: Run) -> None:
    with atomic.translate_error(run.folder):
        for folder in (run.best_path.parent, run.state_folder):
            folder.mkdir(exist_ok=True)


def check_no_links(run: Run) -> None:
    """Raise RunError when something that nnpy writes in a run is a link, or no file at all.

    A run folder may come from anywhere, and what is written through a link lands elsewhere.
    """
    waiting = [run.folder / name for name in (*FILES, *FOLDERS)]
    looked = 0
    while waiting:
        path = waiting.pop()
        looked += 1
        if looked > _MOST:
            raise RunError(f"{run} holds more than {_MOST:,} files, more than any run")
        try:
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) and path.name not in FILES:
                waiting += path.iterdir()
                continue
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from None
        if stat.S_ISLNK(mode):
            raise RunError(
                f"{path} is a link to {os.readlink(path)}; nnpy writes nothing through "  # noqa: PTH115
                f"links. Put what it leads to in its place, or remove it"
            )
        if not stat.S_ISREG(mode) or path.name in FOLDERS:
            raise RunError(f"{path} is not what a run keeps under this name; remove it")


def recover(run: Run) -> None:
    """Put back what a `--overwrite` that was killed while it began had moved aside."""
    if not run.config_path.exists():
        for folder in run.replaced():
            _Aside(run, folder).restore()


def _numbered(name: str) -> Run:
    number = 1
    with atomic.translate_error(ROOT / name):
        ROOT.mkdir(parents=True, exist_ok=True)
        while True:
            folder = ROOT / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()  # makes or fails at once: two trainings never share one
            except FileExistsError:
                number += 1
                continue
            return Run(folder)


def _look(run: Run, overwrite: bool) -> bool:
    """Whether the folder is there. Raises UsageError when no new run can be made in it."""
    folder = run.folder
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        raise UsageError(f"--run-dir {folder}: it is a file, or lies within one") from None
    except OSError as error:
        raise RunError(f"{folder} cannot be read: {error.strerror}") from None
    if run.is_run() or any(map(REPLACED.fullmatch, names)):
        if not overwrite:
            raise UsageError(
                f"--run-dir {folder}: already holds a run; add --overwrite to replace it"
            )
    elif names and not _is_beginning(run, names):
        raise UsageError(
            f"--run-dir {folder}: the folder holds other files; choose a new or empty one"
        )
    return True


def _is_beginning(run: Run, names: set[str]) -> bool:
    """Whether the folder holds nothing but what a killed training left before it had begun."""
    names = {name for name in names if not atomic.is_temporary(name)}
    if not names <= _FIRST:
        return False
    if names - {"checkpoints", "state"} and ".lock" not in names:
        return False  # a config.yaml of the user's own, perhaps
    return not any(
        path.is_symlink() or (path.is_dir() and any(not _is_first(p) for p in path.iterdir()))
        for path in (run.best_path.parent, run.state_folder, run.code_folder)
    )


def _is_first(path: Path) -> bool:
    return atomic.is_temporary(path.name) or (path.parent.name == "code" and path.suffix == ".py")


class _Aside:
    """What a run folder held before: moved into a folder within it, and back or away."""

    def __init__(self, run: Run, folder: Path | None = None) -> None:
        self._run = run
        self._folder = folder or run.folder / f".replaced-{secrets.token_hex(4)}"
        self._taken = False

    def take(self) -> None:
        """Move aside all that nnpy makes; all of it or nothing. A link is moved, not followed."""
        atomic.sweep(self._run.folder)
        names = [n for n in _in_order() if n != ".lock" and os.path.lexists(self._run.folder / n)]
        with atomic.translate_error(self._run.folder):
            if names:
                self._folder.mkdir()
            try:
                for name in names:
                    os.rename(self._run.folder / name, self._folder / name)  # noqa: PTH104
            except BaseException:
                self.restore()
                raise
        self._taken = True

    def put_back(self) -> None:
        """Take away what has come since `take`, and put the old back as it was."""
        if not self._taken:
            return
        for name in _in_order():
            if name != ".lock" and not os.path.lexists(self._folder / name):
                _remove(self._run.folder / name)
        self.restore()

    def restore(self) -> None:
        """Put the old back; what cannot be moved now stays where it is, for the next who looks."""
        with contextlib.suppress(OSError):
            for name in reversed(_in_order()):  # config.yaml last: with it the run is there again
                old, new = self._folder / name, self._run.folder / name
                if os.path.lexists(old):
                    _remove(new)
                    os.rename(old, new)  # noqa: PTH104
            self._folder.rmdir()

    def drop(self) -> None:
        """Remove what was moved aside, by this training or by one that was killed."""
        for folder in {self._folder, *self._run.replaced()}:
            shutil.rmtree(folder, ignore_errors=True)


def _in_order() -> tuple[str, ...]:
    return ("config.yaml", *(name for name in (*FILES, *FOLDERS) if name != "config.yaml"))


def _remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
