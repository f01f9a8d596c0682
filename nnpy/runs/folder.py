"""The run folder: every path in it, how it is made, opened and found.

    run = Run.newest()
    run.summary()["test"]["accuracy"]

No other module knows the names of the files.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnpy.errors import RunError, UsageError
from nnpy.runs import records
from nnpy.storage import atomic, lock
from nnpy.storage.csv_file import read_numbers

ROOT = Path("runs")
REPLACED = re.compile(r"\.replaced-[0-9a-f]{8}")
_METRICS_LIMIT = 64 << 20  # bytes
_MOST_EPOCHS = 1_000_000

# What nnpy writes in a run: only these are replaced by --overwrite.
FILES = (
    *("config.yaml", "environment.json", "metrics.csv", "summary.json", "log.txt", "report.html"),
    *("model.png", "model.svg", "model.dot", "evaluation.json", "predictions.npz", ".lock"),
    *("split.npz", "preprocessing.json", "export.json"),
)
FOLDERS = ("checkpoints", "figures", "state", "code", "tensorboard", "export", "trackers")


@dataclass(frozen=True)
class Run:
    """A run folder, by its path."""

    folder: Path

    # -- what lies where ------------------------------------------------------------------

    @property
    def config_path(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def arrays_folder(self) -> Path:
        """Copies of the files of the config's arrays."""
        return self.folder / "arrays"

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
    def trackers_folder(self) -> Path:
        """What was sent to which tracker."""
        return self.folder / "trackers"

    def sent_path(self, tracker: str) -> Path:
        return self.trackers_folder / f"{tracker}.json"

    @property
    def report_path(self) -> Path:
        return self.folder / "report.html"

    @property
    def evaluation_path(self) -> Path:
        return self.folder / "evaluation.json"

    @property
    def predictions_path(self) -> Path:
        return self.folder / "predictions.npz"

    @property
    def split_path(self) -> Path:
        """Which examples were held out for validation and test."""
        return self.folder / "split.npz"

    @property
    def preprocessing_path(self) -> Path:
        """What was learnt from the training rows, by which a raw one becomes the model's input."""
        return self.folder / "preprocessing.json"

    @property
    def export_folder(self) -> Path:
        """The model in other formats."""
        return self.folder / "export"

    @property
    def export_path(self) -> Path:
        """How each export agreed with the model."""
        return self.folder / "export.json"

    def diagram_path(self, form: str) -> Path:
        return self.folder / f"model.{form}"

    @property
    def name(self) -> str:
        return self.folder.name

    def __str__(self) -> str:
        return str(self.folder)

    # -- opened, found --------------------------------------------------------------

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """An existing run. Raises UsageError when `folder` is none."""
        run = cls(Path(folder))
        if not run.folder.exists():
            raise UsageError(f"{folder}: no such run")
        if not run.is_run():
            if aside := run.replaced():
                raise UsageError(
                    f"{folder}: a training with --overwrite was stopped while it began; the run "
                    f"before it lies in {aside[0]}. The same command puts it right"
                )
            if os.path.lexists(run.folder / ".lock"):
                raise UsageError(
                    f"{folder}: a training was stopped here before it had begun; start it with the "
                    f"same command again"
                )
            raise UsageError(
                f"{folder} is not a run folder: it has no config.yaml and summary.json"
            )
        return run

    @classmethod
    def newest(cls) -> Run:
        """The run in runs/ that was started last. Raises UsageError when there is none."""
        runs = cls._by_start()
        if not runs:
            raise UsageError(f"no run in {ROOT}/; train one first: nnpy train CONFIG")
        return runs[-1]

    @classmethod
    def newest_unfinished(cls) -> Run:
        """The run in runs/ that was started last and is not at its end. Raises UsageError."""
        runs = [run for run in cls._by_start() if run.status() in ("interrupted", "failed")]
        if not runs:
            raise UsageError(f"no unfinished run in {ROOT}/; name the run to resume")
        return runs[-1]

    @classmethod
    def _by_start(cls) -> list[Run]:
        """The runs in runs/ that can be read, the one that was started last at the end."""
        started = {}
        for run in cls.all():
            with contextlib.suppress(RunError):
                run.summary()
                started[run] = run.started
        return sorted(started, key=started.__getitem__)

    @classmethod
    def all(cls, root: Path = ROOT) -> list[Run]:
        """Every run in a folder of runs, by name. Raises RunError when it cannot be read."""
        try:
            folders = sorted(root.iterdir()) if root.is_dir() else []
        except OSError as error:
            raise RunError(f"{root} cannot be read: {error.strerror}") from None
        return [run for run in map(cls, folders) if run.is_run()]

    @classmethod
    def around(cls, path: Path) -> Run | None:
        """The run folder that a file lies in, at any depth; also one that is not whole."""
        for folder in path.parents:
            run = cls(folder)
            others = (run.summary_path, run.environment_path, folder / ".lock")
            if os.path.lexists(run.config_path) and any(map(os.path.lexists, others)):
                return run
        return None

    def is_run(self) -> bool:
        return self.config_path.is_file() and self.summary_path.is_file()

    def replaced(self) -> list[Path]:
        """Folders with the run before, which `--overwrite` moved aside and has not yet removed."""
        try:
            found = [path for path in self.folder.iterdir() if REPLACED.fullmatch(path.name)]
        except OSError:
            return []
        return [path for path in found if path.is_dir() and not path.is_symlink()]

    @property
    def started(self) -> str:
        """When the run was started (ISO 8601), to sort by."""
        return str(self.environment().get("started", ""))

    # -- read and written -----------------------------------------------------------------

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        self.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, path: Path, text: str) -> None:
        """Give a file of the run this text, whole or not at all, through no link."""
        atomic.write_text(path, text, root=self.folder)

    def write_bytes(self, path: Path, content: atomic.Buffer) -> None:
        """Give a file of the run these bytes, whole or not at all, through no link."""
        atomic.write_bytes(path, content, root=self.folder)

    def replace(self, path: Path, write: Callable[[Path], object]) -> None:
        """Let `write` make a file of the run, whole or not at all, through no link."""
        atomic.replace(path, write, root=self.folder)

    def summary(self) -> dict[str, Any]:
        """What summary.json tells. Raises RunError when it is not what it must be."""
        return records.read_summary(self.summary_path)

    def environment(self) -> dict[str, Any]:
        """What environment.json tells. Raises RunError when it is not what it must be."""
        return records.read_environment(self.environment_path)

    def metrics(self) -> list[dict[str, float]]:
        """The rows of metrics.csv, an epoch each; an absent number is left out."""
        return read_numbers(self.metrics_path, _METRICS_LIMIT, _MOST_EPOCHS)

    def exports(self) -> list[dict[str, Any]]:
        """What export.json tells of each export. Raises RunError when it is not what it must be."""
        return records.read_exports(self.export_path)

    def sent(self, tracker: str) -> dict[str, Any]:
        """How far the run was sent to a tracker. Raises RunError when nobody can tell."""
        return records.read_sent(self.sent_path(tracker))

    def status(self) -> str:
        """running, finished, interrupted or failed; a run whose process died is interrupted."""
        told = str(self.summary().get("status", "failed"))
        if told == "running" and lock.holder(self.folder) is None:
            return "interrupted"
        return told
