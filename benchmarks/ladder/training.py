"""A row of the ladder trained with the real command, one seed after the other.

A training that was interrupted goes on where it was; one whose config has changed begins anew.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ladder import results
from benchmarks.ladder.rows import RUNS, Row, Step
from nnpy.config.load import load_config
from nnpy.errors import NnpyError
from nnpy.runs.folder import Run
from nnpy.storage import atomic


def train(row: Row, seed: int, epochs: int | None = None, *, again: bool = False) -> None:
    """Trains all steps of a row with a seed and keeps what came out.

    `epochs`, fewer than the config's, is a preview: told as such, and trained anew by the next
    `make ladder`. Raises SystemExit with the command's exit code where it fails or is stopped.
    """
    last = row.steps[-1]
    of_epochs = load_config(last.path, last.overrides).training.epochs
    end = f"-seed{seed}" + (f"-{epochs}-epochs" if epochs else "")
    took = []
    for step in row.steps:
        folder = RUNS / f"{step.config if len(row.steps) > 1 else row.name}{end}"
        settings = [f"training.seed={seed}", *step.overrides]
        if step.begins_with:
            settings.append(f"training.initial_weights={RUNS / (step.begins_with + end)}")
        if epochs:
            settings.append(f"training.epochs={epochs}")
        took.append(_train(step, folder, settings, again))
    results.keep(row, results.record(row, seed, of_epochs, took))


def _train(step: Step, folder: Path, settings: Sequence[str], again: bool) -> dict[str, Any]:
    """One training to its end; says how long it took, all goes together."""
    told = folder.with_name(f"{folder.name}.took.json")
    digest = results.config_digest(step)
    before = json.loads(told.read_text("utf-8")) if told.exists() else {}
    status = _status(folder) if before.get("config") == digest and not again else "none"
    if status == "none":
        before = {"config": digest, "folder": str(folder), "seconds": 0.0}
        before |= {"processor_seconds": 0.0, "seconds_of_others": 0.0}
        command = ["train", str(results.relative(step.path)), "--run-dir", str(folder)]
        command += ["--overwrite"] * folder.exists()
        command += [word for each in settings for word in ("--set", each)]
    elif status == "finished":
        return before
    else:
        command = ["train", "--resume", str(folder)]
    print("ladder: nnpy", " ".join(command), file=sys.stderr, flush=True)
    began = (time.perf_counter(), _processor_seconds(), _seconds_of_all())
    folder.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(told, json.dumps(before))
    try:
        code = _nnpy(command)
    finally:
        own, everything = _processor_seconds() - began[1], _seconds_of_all() - began[2]
        before["seconds"] += time.perf_counter() - began[0]
        before["processor_seconds"] += own
        before["seconds_of_others"] += max(everything - own, 0.0)
        atomic.write_text(told, json.dumps(before))
    if code:
        raise SystemExit(code)
    return before


def _nnpy(arguments: Sequence[str]) -> int:
    """The command's exit code; it gets the Ctrl-C that the terminal sends to both."""
    with subprocess.Popen([sys.executable, "-m", "nnpy", *arguments]) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def _status(folder: Path) -> str:
    try:
        return Run.open(folder).status()
    except NnpyError:
        return "none"


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds_of_all() -> float:
    """The time that the machine's processors have worked; 0 where /proc does not tell."""
    try:
        words = Path("/proc/stat").read_text("ascii").split(maxsplit=9)
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
