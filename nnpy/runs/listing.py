"""The runs of a folder as rows of a table. No NumPy, no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nnpy.errors import RunError, UsageError, did_you_mean
from nnpy.runs.folder import ROOT, Run


def rows(root: Path = ROOT) -> list[dict[str, Any]]:
    """A row for each run: what it was, how it ended and what came out. Oldest first.

    Raises UsageError when there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    return sorted((row(run) for run in Run.all(root)), key=lambda each: str(each["date"]))


def row(run: Run) -> dict[str, Any]:
    """One run; a run whose files cannot be read says so in its status."""
    try:
        summary, environment, status = run.summary(), run.environment(), run.status()
        # A run that is under way, or was killed, has written its epochs but no summary of them.
        epochs = max(summary.get("epochs") or 0, len(run.metrics()))
    except RunError as error:
        return {"run": str(run), "date": "", "status": "unreadable", "error": str(error)}
    told: dict[str, Any] = {
        "run": str(run),
        "date": str(environment.get("started", ""))[:19].replace("T", " "),
        "status": status,
        "config": summary.get("config"),
        "parameters": summary.get("parameters", {}).get("total"),
        "epochs": epochs,
        "best_epoch": summary.get("best_epoch"),
    }
    for split in ("validation", "test"):
        for name, value in summary.get(split, {}).items():
            told[f"{split}_{name}"] = value
    told["seconds"] = summary.get("seconds", {}).get("total")
    return told


def columns(table: Iterable[dict[str, Any]]) -> list[str]:
    """The columns that any row has, `seconds` last; the `error` of a bad run is none."""
    names = list(dict.fromkeys(name for each in table for name in each if name != "error"))
    return [name for name in names if name != "seconds"] + ["seconds"] * ("seconds" in names)


def ordered(table: list[dict[str, Any]], by: str, *, reverse: bool = False) -> list[dict[str, Any]]:
    """The rows sorted by a column; those without a value come last.

    Raises UsageError for a column that no row has.
    """
    known = columns(table)
    if table and by not in known:
        hint = did_you_mean(by, known) or f"; available: {', '.join(known)}"
        raise UsageError(f"--sort {by}: no such column{hint}")
    there = [each for each in table if each.get(by) is not None]
    absent = [each for each in table if each.get(by) is None]
    there.sort(key=lambda each: _key(each[by]), reverse=reverse)
    return there + absent


def _key(value: Any) -> tuple[int, float, str]:
    number = isinstance(value, int | float)
    return (0, float(value), "") if number else (1, 0.0, str(value))
