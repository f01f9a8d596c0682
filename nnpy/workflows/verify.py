"""Proof that a training survives: once undisturbed, once killed over and over, compared.

Both are real processes of the real command. A kill is SIGKILL, which no program can catch:
at a random moment, or in the middle of a write, when a temporary file is seen.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnpy.errors import RunError
from nnpy.runs.folder import Run

_WATCH = 0.0005  # seconds between looks at the folder while waiting for a write


@dataclass
class Proof:
    """What came of it; `differences` is empty when every run ended as the undisturbed one."""

    kills: int = 0
    in_writes: int = 0  # how many of them in the middle of a write
    resumes: int = 0
    runs: int = 0  # killed runs that were carried to their end
    damaged: int = 0  # state files found torn or rotten by a resume
    digests: dict[str, str] = field(default_factory=dict)
    differences: list[tuple[str, str]] = field(default_factory=list)  # run, what differs


def verify_resume(
    arguments: Sequence[str],
    folder: str | Path,
    kills: int = 3,
    seed: int = 0,
    tell: Callable[[str], None] = lambda message: None,
) -> Proof:
    """Train as `nnpy train ARGUMENTS` says, undisturbed and with `kills` kills; compare.

    The runs are made in `folder`: `undisturbed`, and `killed-1`, `killed-2`, … for as many as
    the kills need. Raises `RunError` when a training fails by itself.
    """
    folder = Path(folder)
    chance = random.Random(seed)
    proof = Proof()
    tell("training undisturbed")
    began = time.monotonic()
    whole = folder / "undisturbed"
    Training([*arguments, "--run-dir", str(whole)]).finish()
    seconds = time.monotonic() - began
    proof.digests = digests(whole)
    while proof.kills < kills or not proof.runs:
        run = folder / f"killed-{proof.runs + 1}"
        shutil.rmtree(run, ignore_errors=True)
        training = Training([*arguments, "--run-dir", str(run)])
        while proof.kills < kills and (how := _kill(training, run, seconds, chance)):
            proof.kills += 1
            proof.in_writes += how == "in a write"
            tell(f"kill {proof.kills} of {kills}: {how}, {_progress(run)}")
            if Run(run).is_run() and Run(run).status() == "finished":
                break  # killed at its diagram, when all was said and done
            # Killed before there was anything to resume, a training simply starts again.
            begun = Run(run).is_run()
            again = ["--resume", str(run)] if begun else [*arguments, "--run-dir", str(run)]
            if not begun:
                shutil.rmtree(run, ignore_errors=True)
            proof.resumes += begun
            training = Training(again)
        else:
            training.finish()
        proof.damaged += sum(
            each.get("damaged", 0) for each in Run(run).summary().get("resumed", [])
        )
        proof.runs += 1
        found = digests(run)
        wrong = [name for name in proof.digests if found.get(name) != proof.digests[name]]
        proof.differences += [(run.name, name) for name in wrong]
        tell(f"{run.name} {'differs: ' + ', '.join(wrong) if wrong else 'is equal'}")
    return proof


def digests(run: str | Path) -> dict[str, str]:
    """SHA-256 (hex) of all that two equal trainings must share, by name.

    The arrays in the `.keras` files count, not the files: those hold the time of saving.
    """
    run = Path(run)
    try:
        summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
        return {
            "final weights and optimizer": _of_weights(run / "checkpoints" / "last.keras"),
            "best weights and optimizer": _of_weights(run / "checkpoints" / "best.keras"),
            "metrics.csv but seconds": _of(_rows(run / "metrics.csv")),
            "test metrics": _of([json.dumps(summary.get("test"), sort_keys=True).encode()]),
        }
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(f"{run} is not a finished run: {error}") from error


def _of(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _of_weights(path: Path) -> str:
    import h5py

    arrays: dict[str, bytes] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = f"{name} {item.dtype} {item.shape} ".encode() + item[()].tobytes()

    with zipfile.ZipFile(path) as archive:
        content = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(visit)
    return _of(arrays[name] for name in sorted(arrays))


def _rows(path: Path) -> Iterator[bytes]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            row.pop("seconds", None)
            yield (json.dumps(row, sort_keys=True) + "\n").encode()


# ---------------------------------------------------------------- processes


class Training:
    """A process of `nnpy train ARGUMENTS`."""

    def __init__(self, arguments: Sequence[str]) -> None:
        # A pipe that no one reads would stop the process.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        # This very nnpy, also where it is a folder that is not installed.
        home = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            # -P: what lies in the folder that we are in is no module.
            [sys.executable, "-P", "-m", "nnpy", "train", *arguments],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self._end()

    def finish(self) -> str:
        """Wait for its end; what it said. Raises `RunError` if it failed."""
        said = self._end()
        if self._process.returncode:
            raise RunError(f"the training failed without being killed:\n{said.strip()}")
        return said

    def _end(self) -> str:
        self._process.wait()
        with self._log:
            self._log.seek(0)
            return self._log.read().decode(errors="replace")


def _kill(training: Training, run: Path, seconds: float, chance: random.Random) -> str | None:
    """Kill the training at a moment of chance; how, or None if it came to its end before."""
    before = _newest(run)
    [how] = chance.choices(["at any time", "in a write", "while training"], [1, 4, 4])
    if how == "at any time":  # the start of the program included
        _wait(training, chance.uniform(0, seconds))
    else:
        _wait(training, math.inf, lambda: _newest(run) != before)
    if how == "while training":
        _wait(training, chance.uniform(0, seconds / 8))
    elif how == "in a write":
        _wait(training, chance.uniform(0, seconds / 8))
        if not _wait(training, max(1.0, seconds / 8), lambda: _writing(run)):
            how = "while training"  # the disk is too fast for the eye
    if not training.running:
        return None
    training.kill()
    return how


def _wait(training: Training, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
    """Wait while a training runs; whether what was waited for has come within the time."""
    end = time.monotonic() + seconds
    while training.running and time.monotonic() < end:
        if until():
            return True
        time.sleep(_WATCH)
    return False


def _writing(run: Path) -> bool:
    return any(
        name.startswith(".") and ".tmp" in name
        for folder in (run, run / "checkpoints", run / "state")
        for name in _names(folder)
    )


def _newest(run: Path) -> set[str]:
    return {name for name in _names(run / "state") if name.startswith("state-")}


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _progress(run: Path) -> str:
    try:
        rows = (run / "metrics.csv").read_bytes().count(b"\n") - 1
    except OSError:
        rows = 0
    return f"after {max(rows, 0)} epochs"
