"""How a sweep's folder is known: where its trials lie, and the files beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nnpy.runs.folder import Run

JOURNAL, STORAGE, SUMMARY, TRIALS = "journal.log", "storage.txt", "sweep.json", "trials"


def around(path: Path) -> Path | None:
    """The folder of the sweep that a file lies in, at any depth."""
    for folder in path.parents:
        names = (folder / each for each in (JOURNAL, STORAGE, SUMMARY))
        if os.path.lexists(folder / TRIALS) and any(map(os.path.lexists, names)):
            return folder
    return None


def runs(sweep: Path) -> Iterator[Run]:
    """The runs of a sweep's trials."""
    yield from Run.all(sweep / TRIALS)
