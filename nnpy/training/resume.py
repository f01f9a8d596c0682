"""What a resumed training may change, and what it should say that it has found changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nnpy.errors import RunError, UsageError
from nnpy.runs.differences import differences
from nnpy.storage import atomic

# Everything else decides what has happened already.
MAY_CHANGE = (
    *("training.epochs", "training.checkpoint_minutes", "training.on_nan"),
    *("data.path", "data.memory_budget"),
)


def check_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming what of a resolved config would alter a training's past."""
    refused = [
        f"{path} is {old}, not {new}"
        for path, old, new in _changes(before, after)
        if path not in MAY_CHANGE
    ]
    if refused:
        raise UsageError(
            f"a resumed training cannot change its past: {'; '.join(refused)}. It may change "
            f"{', '.join(MAY_CHANGE)}; for anything else start a new run"
        )


def check_data(then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise `RunError` unless the data files are the same, by name and SHA-256."""
    changed = [path for path, _, _ in _changes(dict(then), dict(now))]
    if changed:
        raise RunError(
            f"the data are not those that this run was begun with: {', '.join(changed)} "
            f"changed; a resumed training needs the same (data.path says where they are)"
        )


def deciding(environment: Mapping[str, Any], device: str) -> dict[str, Any]:
    """What of an environment may decide about the last bit of a result."""
    versions = environment.get("versions", {})
    decide = ("nnpy", "tensorflow", "keras", "numpy")
    return {name: versions[name] for name in decide if name in versions} | {"device": device}


def notices(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A line for each thing that differs."""
    return [
        f"{path} was {old}, is {new}: equal results to the bit are not promised"
        for path, old, new in _changes(then, now)
    ]


def continue_files(callbacks: Iterable[Any], epochs: int) -> None:
    """Let callbacks that write files of their own go on with them after so many epochs."""
    for callback in callbacks:
        if type(callback).__name__ == "CSVLogger":
            callback.append = True
            _keep_rows(Path(callback.filename), epochs, callback.sep)


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


def _changes(before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    """Each place ("training.optimizer") where two trees of plain data differ, and both values."""
    for each in differences([before, after]):
        old, new = map(_shown, each.values)
        yield each.path, old, new


def _shown(value: Any) -> str:
    return "not set" if value is None else repr(value) if isinstance(value, str) else str(value)
