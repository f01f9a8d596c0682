"""The files that callbacks write: in the run folder, and gone on with when a run is resumed.

Importing this module imports Keras.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from nnpy.config.objects import KerasObject
from nnpy.errors import UsageError
from nnpy.storage import atomic


def keep_in(folder: Path, callbacks: Iterable[keras.callbacks.Callback]) -> None:
    """Relative files and folders of Keras's callbacks lie in the run folder.

    Those that a callback of the user's own inherits from Keras's do as well.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.filename = _placed(folder, callback.filename)
            Path(callback.filename).parent.mkdir(parents=True, exist_ok=True)  # Keras does not
        elif isinstance(callback, keras.callbacks.ModelCheckpoint):
            # What stands in braces in the name is filled in; in the run folder's it is not.
            home = Path(str(folder.absolute()).replace("{", "{{").replace("}", "}}"))
            callback.filepath = _placed(home, callback.filepath)
        elif isinstance(callback, keras.callbacks.TensorBoard):
            callback.log_dir = _placed(folder, callback.log_dir)
        elif isinstance(callback, keras.callbacks.BackupAndRestore):
            # Its constructor derives the names of several files, so it is called again.
            keras.callbacks.BackupAndRestore.__init__(
                callback,
                _placed(folder, callback.backup_dir),
                save_freq=callback.save_freq,
                double_checkpoint=callback.double_checkpoint,
                delete_checkpoint=callback.delete_checkpoint,
            )


def opens_at_once(told: KerasObject) -> bool:
    """Whether a callback opens its folder when it is made, so that it must know the run's."""
    kind = told.base if told.code else told.name
    return kind == "OrbaxCheckpoint" and isinstance(told.arguments.get("directory"), str)


def placed(told: KerasObject, folder: Path) -> KerasObject:
    """A callback that `opens_at_once`, its relative folder in the run folder."""
    directory = _placed(folder, told.arguments["directory"])
    return dataclasses.replace(told, arguments={**told.arguments, "directory": directory})


def _placed(folder: Path, name: Any) -> str:
    path = Path(str(name)).expanduser()
    return str(path if path.is_absolute() else folder.absolute() / path)


def take_up(
    callbacks: Iterable[keras.callbacks.Callback], folder: Path, epochs: int | None
) -> None:
    """Before a training begins, or with `epochs` goes on after so many of them."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger) and epochs is not None:
            callback.append = True
            _keep_rows(Path(callback.filename), epochs, callback.sep)
        elif isinstance(callback, keras.callbacks.BackupAndRestore) and epochs is None:
            # The backup that a run without any state has left would be loaded, though the run
            # begins again; one outside its folder is not ours to remove.
            backup = Path(callback.backup_dir)
            if backup.is_relative_to(folder.absolute()):
                shutil.rmtree(backup, ignore_errors=True)


def check_backup(callbacks: Sequence[keras.callbacks.Callback], model: keras.Model) -> None:
    """Raises UsageError where BackupAndRestore has begun a new run with an old one's weights."""
    # Where `fit` would go on is told by this private attribute alone.
    if not getattr(model, "_initial_epoch", 0):
        return
    backup = next(
        (each for each in callbacks if isinstance(each, keras.callbacks.BackupAndRestore)), None
    )
    if backup is not None:
        raise UsageError(
            f"BackupAndRestore found the backup of another training in {backup.backup_dir}: "
            "remove it, or give a relative backup_dir, which lies in the run folder. A run of "
            "nnpy goes on by itself: nnpy train --resume RUN"
        )


def _keep_rows(path: Path, epochs: int, separator: str) -> None:
    """Leave the rows of the first epochs: those that the resumed training does again would be
    there twice. The column `epoch` is the first, and counts from 0."""
    lines = atomic.read_lines(path)
    epochs_of = [line.partition(separator)[0] for line in lines]
    kept = [
        line
        for line, epoch in zip(lines, epochs_of, strict=True)
        if not epoch.isdigit() or int(epoch) < epochs  # the header has no number
    ]
    if kept != lines or (path.is_file() and not path.read_bytes().endswith(b"\n")):
        atomic.write_text(path, "".join(f"{line}\r\n" for line in kept))
