"""What a resumed training may change, and what it should say that it has found changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnpy.errors import UsageError

# Everything else decides what has happened already.
MAY_CHANGE = (
    *("training.epochs", "training.checkpoint_minutes", "training.on_nan"),
    *("data.path", "data.memory_budget"),
)
_DECIDES = ("nnpy", "python", "tensorflow", "keras", "numpy", "device", "cpus", "threads")
_NOTHING = object()


def check_changes(before: Mapping[str, Any], after: Mapping[str, Any], epochs_done: int) -> None:
    """Raise `UsageError` naming what of a resolved config would alter a training's past."""
    refused = [
        f"{path} is {_shown(old)}, not {_shown(new)}"
        for path, old, new in differences(before, after)
        if path not in MAY_CHANGE
    ]
    if refused:
        raise UsageError(
            f"a resumed training cannot change its past: {'; '.join(refused)}. It may change "
            f"{', '.join(MAY_CHANGE)}; for anything else start a new run"
        )
    epochs = after["training"]["epochs"]
    if epochs < epochs_done:
        raise UsageError(
            f"training.epochs={epochs}: this run has finished {epochs_done} epochs already"
        )


def notices(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line for each thing of the environment that differs and may differ in the last bit."""
    return [
        f"{path} was {_shown(old)}, is {_shown(new)}: equal results to the bit are not promised"
        for path, old, new in differences(then, now)
        if any(word in path for word in _DECIDES)
    ]


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places ("training.optimizer") where two trees of plain data differ, and both values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, _NOTHING), after.get(key, _NOTHING), inner)
    elif type(before) is not type(after) or before != after:
        yield path, before, after


def _shown(value: Any) -> str:
    return "not set" if value is _NOTHING else repr(value) if isinstance(value, str) else str(value)
