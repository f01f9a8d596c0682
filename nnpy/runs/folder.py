"""The run folder: every path in it, how it is made, opened and found.

    run = Run.create("mlp")          # runs/mlp, or runs/mlp-2 …
    run.write_json(run.summary_path, {"status": "running"})

No other module knows the names of the files.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnpy.errors import RunError, UsageError
from nnpy.storage import atomic, lock

ROOT = Path("runs")

# What a run may hold: only these are removed by --overwrite.
_FILES = (
    *("config.yaml", "environment.json", "metrics.csv", "summary.json", "log.txt", "report.html"),
    *("model.png", "model.svg", "model.dot", "evaluation.json", "predictions.npz", ".lock"),
)
_FOLDERS = ("checkpoints", "figures", "state", "code", "tensorboard")


@dataclass(frozen=True)
class Run:
    """A run folder, by its path."""

    folder: Path

    # -- what lies where ------------------------------------------------------------------

    @property
    def config_path(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def code_folder(self) -> Path:
        """Copies of the config's own Python files."""
        return self.folder / "code"

    @property
    def environment_path(self) -> Path:
        return self.folder / "environment.json"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.csv"

    @property
    def summary_path(self) -> Path:
        return self.folder / "summary.json"

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def best_path(self) -> Path:
        return self.folder / "checkpoints" / "best.keras"

    @property
    def last_path(self) -> Path:
        return self.folder / "checkpoints" / "last.keras"

    @property
    def state_folder(self) -> Path:
        return self.folder / "state"

    @property
    def best_state_path(self) -> Path:
        return self.state_folder / "best.nnpy"

    @property
    def figures_folder(self) -> Path:
        return self.folder / "figures"

    @property
    def tensorboard_folder(self) -> Path:
        return self.folder / "tensorboard"

    @property
    def report_path(self) -> Path:
        return self.folder / "report.html"

    @property
    def evaluation_path(self) -> Path:
        return self.folder / "evaluation.json"

    @property
    def predictions_path(self) -> Path:
        return self.folder / "predictions.npz"

    def diagram_path(self, form: str) -> Path:
        return self.folder / f"model.{form}"

    @property
    def name(self) -> str:
        return self.folder.name

    def __str__(self) -> str:
        return str(self.folder)

    # -- made, opened, found --------------------------------------------------------------

    @classmethod
    def create(cls, name: str, folder: str | Path | None = None, *, overwrite: bool = False) -> Run:
        """A new run folder: `folder`, or the first free of runs/NAME, runs/NAME-2, …

        Raises UsageError when `folder` is in use, RunError when it cannot be made.
        """
        if folder is None:
            return cls._numbered(name)
        run = cls(Path(folder))
        try:
            exists = run.folder.exists() and any(run.folder.iterdir())
        except NotADirectoryError:
            raise UsageError(f"--run-dir {folder}: a file stands there") from None
        except OSError as error:
            raise RunError(f"{folder} cannot be read: {error.strerror}") from None
        if exists and not run.is_run():
            raise UsageError(
                f"--run-dir {folder}: the folder holds other things; choose a new or empty one"
            )
        if exists and not overwrite:
            raise UsageError(
                f"--run-dir {folder}: holds a run already; add --overwrite to replace it"
            )
        if exists:
            run._clear()
        run._make()
        return run

    @classmethod
    def _numbered(cls, name: str) -> Run:
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
                run = cls(folder)
                run._make()
                return run

    def _make(self) -> None:
        with atomic.translate_error(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.best_path.parent.mkdir(exist_ok=True)
            self.state_folder.mkdir(exist_ok=True)

    def _clear(self) -> None:
        if held := lock.holder(self.folder):
            raise RunError(f"{self.folder} is in use by {held}")
        with atomic.translate_error(self.folder):
            for name in _FILES:
                (self.folder / name).unlink(missing_ok=True)
            for name in _FOLDERS:
                if (self.folder / name).is_dir():
                    shutil.rmtree(self.folder / name)

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """An existing run. Raises UsageError when `folder` is none."""
        run = cls(Path(folder))
        if not run.folder.exists():
            raise UsageError(f"{folder}: no such run")
        if not run.is_run():
            raise UsageError(
                f"{folder} is not a run folder: it has no config.yaml and summary.json"
            )
        return run

    @classmethod
    def newest(cls) -> Run:
        """The run in runs/ that was started last. Raises UsageError when there is none."""
        runs = cls.all()
        if not runs:
            raise UsageError(f"no run in {ROOT}/; train one first: nnpy train CONFIG")
        return max(runs, key=lambda run: run.started)

    @classmethod
    def newest_unfinished(cls) -> Run:
        """The run in runs/ that was started last and is not at its end. Raises UsageError."""
        runs = [run for run in cls.all() if run.status() in ("interrupted", "failed")]
        if not runs:
            raise UsageError(f"no unfinished run in {ROOT}/; name the run to go on with")
        return max(runs, key=lambda run: run.started)

    @classmethod
    def all(cls, root: Path = ROOT) -> list[Run]:
        """Every run in a folder of runs, by name."""
        folders = sorted(root.iterdir()) if root.is_dir() else []
        return [run for run in map(cls, folders) if run.is_run()]

    def is_run(self) -> bool:
        return self.config_path.is_file() and self.summary_path.is_file()

    @property
    def started(self) -> str:
        """When the run was started (ISO 8601), to sort by."""
        return str(self.environment().get("started", ""))

    # -- read and written -----------------------------------------------------------------

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        atomic.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def summary(self) -> dict[str, Any]:
        return _read_json(self.summary_path)

    def environment(self) -> dict[str, Any]:
        return _read_json(self.environment_path)

    def metrics(self) -> list[dict[str, float]]:
        """The rows of metrics.csv, an epoch each; an absent number is left out."""
        rows = csv.DictReader(atomic.read_lines(self.metrics_path))
        return [{key: float(value) for key, value in row.items() if value} for row in rows]

    def status(self) -> str:
        """running, finished, interrupted or failed; a run whose process died is interrupted."""
        told = str(self.summary().get("status", "failed"))
        if told == "running" and lock.holder(self.folder) is None:
            return "interrupted"
        return told


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise RunError(f"{path} cannot be read: expected a JSON object")
    return content
