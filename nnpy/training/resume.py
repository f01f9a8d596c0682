"""What a resumed training may change, and what it should say that it has found changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnpy.errors import RunError, UsageError
from nnpy.runs.differences import differences
from nnpy.training.stages import epochs_not_used

# Everything else decides what has happened already.
MAY_CHANGE = (
    *("training.epochs", "training.checkpoint_minutes", "training.on_nan"),
    *("training.trackers", "training.distribute", "data.path", "data.memory_budget"),
)


def check_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming what of a resolved config would alter a training's past."""
    if more_patient(before, after):
        training = {**after["training"], "callbacks": before["training"]["callbacks"]}
        after = {**after, "training": training}
    refused = [
        f"{path} is {old}, not {new}"
        for path, old, new in _changes(before, after)
        if path not in MAY_CHANGE
    ]
    if refused:
        raise UsageError(
            f"a resumed training cannot change its past: {'; '.join(refused)}. It may change "
            f"{', '.join(MAY_CHANGE)}; for anything else, start a new run"
        )


def more_patient(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two resolved configs differ in their callbacks, and only by more patience.

    An EarlyStopping that waits longer has the same past, as far as the run has come.
    """
    old, new = (config["training"].get("callbacks", []) for config in (before, after))
    if len(old) != len(new) or old == new:
        return False
    for one, other in zip(old, new, strict=True):
        if one == other:
            continue
        then, now = (_early_stopping(each) for each in (one, other))
        if then is None or now is None:
            return False
        if now.pop("patience", 0) < then.pop("patience", 0) or then != now:
            return False
    return True


def _early_stopping(callback: Any) -> dict[str, Any] | None:
    """The arguments of an EarlyStopping as a resolved config has it; None of anything else."""
    if callback == "EarlyStopping":
        return {}
    if isinstance(callback, Mapping) and "EarlyStopping" in callback:
        return dict(callback["EarlyStopping"] or {})
    return None


def wanted_epochs(resolved: Mapping[str, Any], summary: Mapping[str, Any]) -> int:
    """How many epochs a run has when it is finished: fewer where a stage was ended early."""
    epochs: int = resolved["training"]["epochs"]
    return epochs - epochs_not_used(summary)


def ended_early(resolved: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Why more epochs alone make a finished run no longer, and what does; or nothing."""
    done, wanted = summary.get("epochs", 0), wanted_epochs(resolved, summary)
    if done >= wanted and not summary.get("stopped"):
        return ""
    by = summary.get("stopped", {}).get("by") or "a callback"
    why = f"{by} ended it after epoch {done} of {wanted}: more epochs alone change nothing"
    for index, each in enumerate(resolved["training"].get("callbacks", [])):
        arguments = _early_stopping(each)
        if arguments is not None and by != "TerminateOnNaN":
            patience = 2 * arguments.get("patience", 0) + 5
            path = f"training.callbacks.{index}.EarlyStopping.patience"
            return f"{why}; give it more patience as well: --set {path}={patience}"
    return f"{why}; begin a new run without it"


def check_data(then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise `RunError` unless the data files are the same, by name and SHA-256."""
    changed = [path for path, _, _ in _changes(dict(then), dict(now))]
    if changed:
        raise RunError(
            f"the data differ from those that this run started with: {', '.join(changed)} "
            f"changed; a resumed training needs the same data (see data.path)"
        )


def deciding(environment: Mapping[str, Any], device: str) -> dict[str, Any]:
    """What of an environment may decide about the last bit of a result."""
    versions = environment.get("versions", {})
    decide = ("nnpy", "tensorflow", "keras", "numpy")
    return {name: versions[name] for name in decide if name in versions} | {"device": device}


def notices(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A line for each thing that differs."""
    return [
        f"{path} was {old}, is {new}: bit-for-bit equal results are not guaranteed"
        for path, old, new in _changes(then, now)
    ]


def _changes(before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    """Each place ("training.optimizer") where two trees of plain data differ, and both values."""
    for each in differences([before, after]):
        old, new = map(_shown, each.values)
        yield each.path, old, new


def _shown(value: Any) -> str:
    return "not set" if value is None else repr(value) if isinstance(value, str) else str(value)
