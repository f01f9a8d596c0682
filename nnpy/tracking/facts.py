"""A run folder → what a tracker is told when the run begins and when it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnpy.runs.folder import Run
from nnpy.tracking.tracker import Ending, Facts, Group, flat

_LEFT_OUT = ("training.trackers",)  # addresses, perhaps with a password


def facts_of(run: Run, resolved: Mapping[str, Any], group: Group | None) -> Facts:
    """What is known when it begins."""
    environment, summary = run.environment(), run.summary()
    tags = {f"version.{name}": each for name, each in environment.get("versions", {}).items()}
    tags |= {
        name: str(environment[name])
        for name in ("command", "started", "platform", "git_commit")
        if environment.get(name)
    }
    tags |= {"device": str(summary.get("device", "")), "folder": str(run.folder.absolute())}
    parameters = {
        path: text for path, text in flat(resolved).items() if not path.startswith(_LEFT_OUT)
    }
    identity = str(environment.get("run") or run.folder.absolute())
    return Facts(run, run.name, identity, parameters, tags, group)


def ending_of(run: Run) -> Ending:
    """What came of it, as the folder tells."""
    summary = run.summary()
    scores = {
        f"{part}_{name}": value
        for part in ("best_validation", "test")
        for name, value in (summary.get(part.removeprefix("best_")) or {}).items()
        if value is not None and math.isfinite(value)
    }
    if summary.get("best_epoch") is not None:
        scores["best_epoch"] = summary["best_epoch"]
    status = run.status()
    model = run.best_path if status == "finished" and run.best_path.is_file() else None
    versions = run.environment().get("versions", {})
    return Ending(status, scores, _files(run), model, versions)


def _files(run: Run) -> list[tuple[Path, str]]:
    single = (
        *(run.config_path, run.report_path, run.summary_path, run.environment_path),
        *(run.metrics_path, run.evaluation_path, run.diagram_path("png"), run.log_path),
    )
    figures = sorted(run.figures_folder.glob("*")) if run.figures_folder.is_dir() else []
    found = [(path, "") for path in single] + [(path, "figures") for path in figures]
    return [(path, place) for path, place in found if path.is_file() and not path.is_symlink()]
