"""A task in a process of its own: converters crash, and what they wrote may crash its reader."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnpy.errors import ModelError

_NOISE = re.compile(r"^(\d{4}-\d\d-\d\d |[IWE]\d{4} |[IWE]0000 |WARNING|INFO|To enable)")


def run(task: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What the child (`child.py`) answers to a task; files of both lie in `folder`.

    Raises ModelError with its reason when it fails or dies.
    """
    job, answer, log = folder / "task.json", folder / "answer.json", folder / "log.txt"
    answer.unlink(missing_ok=True)
    job.write_text(json.dumps(task), encoding="utf-8")
    home = str(Path(__file__).resolve().parents[3])  # this very nnpy, installed or not
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    settings = {
        "PYTHONPATH": path,
        "CUDA_VISIBLE_DEVICES": "-1",  # on a GPU recurrent layers become cuDNN's kernels
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nnpy.workflows.export.child", str(job)],
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
    if answer.is_file():
        told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in told:
            raise ModelError(told["error"])
        return told
    raise ModelError(_death(process.returncode, log))


def _death(code: int, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = next((each for each in reversed(lines) if each.strip() and not _NOISE.match(each)), "")
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        how = f"its process was ended by {name}"
        if -code == signal.SIGKILL:
            how += " (too little memory?)"
    else:
        how = f"its process ended with code {code}"
    return f"{how}; the last that it said: {said.strip()[:300]}" if said else how
