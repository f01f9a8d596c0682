"""The folder of a sweep: every path in it, how it is found and numbered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nnpy.errors import UsageError
from nnpy.runs import sweep_place
from nnpy.runs.folder import Run
from nnpy.storage import atomic
from nnpy.storage.regular import NotRegular

ROOT = Path("sweeps")


@dataclass(frozen=True)
class SweepFolder:
    """A sweep's folder, by its path."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        """What Optuna keeps, where no other storage is named."""
        return self.path / sweep_place.JOURNAL

    @property
    def storage(self) -> Path:
        """The address of the storage, where another one is named."""
        return self.path / sweep_place.STORAGE

    @property
    def lock(self) -> Path:
        """Held by who looks for a trial to train next."""
        return self.path / ".lock"

    @property
    def owners(self) -> Path:
        """A folder for each process that is at work on the sweep, locked by it."""
        return self.path / "owners"

    @property
    def trials(self) -> Path:
        return self.path / sweep_place.TRIALS

    def run(self, number: int, seed: int, seeds: int) -> Run:
        """The run of a trial; `seed` counts from 0 the trainings of one trial."""
        more = f"-seed{seed}" if seeds > 1 else ""
        return Run(self.trials / f"{number:04d}{more}")

    @property
    def best_config(self) -> Path:
        return self.path / "best.yaml"

    @property
    def summary(self) -> Path:
        return self.path / sweep_place.SUMMARY

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def make(self) -> None:
        """Makes it. Raises RunError when it cannot be made, or has a link for a folder in it."""
        for folder in (self.trials, self.owners):
            with atomic.translate_error(folder):
                folder.mkdir(parents=True, exist_ok=True)
                if folder.is_symlink():
                    raise NotRegular(folder, "it is a link: nothing is written through it")

    def exists(self) -> bool:
        return self.journal.is_file() or self.storage.is_file()


def newest(name: str) -> SweepFolder:
    """The sweep of that name that was begun last, or the first, not begun yet."""
    return SweepFolder(ROOT / (name if (last := _last(name)) <= 1 else f"{name}-{last}"))


def another(name: str) -> SweepFolder:
    """The folder of a new sweep of that name, not begun yet."""
    last = _last(name)
    return SweepFolder(ROOT / (name if last == 0 else f"{name}-{last + 1}"))


def _last(name: str) -> int:
    pattern = re.compile(re.escape(name) + r"(?:-(\d+))?")
    found = [pattern.fullmatch(each.name) for each in (ROOT.iterdir() if ROOT.is_dir() else ())]
    return max((int(each[1] or 1) for each in found if each), default=0)


def find(target: str) -> SweepFolder:
    """The sweep that a name, a folder or a config names. Raises UsageError when there is none."""
    for folder in (SweepFolder(Path(target)), newest(target), newest(Path(target).stem)):
        if folder.exists():
            return folder
    raise UsageError(f"{target}: no such sweep in {ROOT}/; begin it with: nnpy sweep CONFIG")
