"""Runs a user's script in a process of its own, and makes configs of what it trained.

found = import_script("train.py", output=Path("train.yaml"))
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nnpy.errors import UsageError
from nnpy.workflows.import_script.configs import Imported, write_configs
from nnpy.workflows.import_script.script import Script

_LAST_LINES = 10
_INTERRUPTED = "interrupted"


@dataclass
class Import:
    """All models of a script, and the error with which it ended, if any."""

    models: list[Imported]
    error: str = ""
    interrupted: bool = False


def import_script(
    path: str | Path,
    *,
    arguments: Sequence[str] = (),
    output: Path | None = None,
    fit: bool = False,
    verify: bool = False,
    to_stdout: bool = False,
    stream: IO[str] | None = None,
) -> Import:
    """Runs the script and writes a config for each model that it compiles and fits.

    Args:
        path: A Python file or a notebook.
        arguments: Its command line.
        output: The config to write; several get the models' names too. Default: the script's
            name in the working folder.
        fit: Let the script train; else `fit` returns at once.
        verify: Build each config and compare it with the script's model.
        to_stdout: Write nothing where one file suffices; its text is returned.
        stream: Where the script's own output goes with `fit`.

    Raises:
        UsageError: When the script cannot be read, or a file is in the way.
    """
    script = Script.read(path)
    if output is not None and output.exists() and not output.is_dir():
        raise UsageError(f"{output} already exists; choose another name with -o FILE")
    with tempfile.TemporaryDirectory(prefix="nnpy-import-") as name:
        folder = Path(name)
        end = _run(script, folder, list(arguments), fit, verify, stream)
        return Import(
            write_configs(script, folder, output, to_stdout=to_stdout),
            _ending(script, end, folder),
            end.get("error") == _INTERRUPTED,
        )


# -- the process ---------------------------------------------------------------------------


def _run(
    script: Script,
    folder: Path,
    arguments: list[str],
    fit: bool,
    verify: bool,
    stream: IO[str] | None,
) -> dict[str, Any]:
    """Runs the script; what the child says of its end."""
    job = folder / "job.json"
    task = {
        "script": str(script.path),
        "arguments": arguments,
        "folder": str(folder),
        "fit": fit,
        "verify": verify,
    }
    job.write_text(json.dumps(task), encoding="utf-8")
    home = str(Path(__file__).resolve().parents[3])  # this very nnpy, installed or not
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    settings = {"PYTHONPATH": path, "KERAS_BACKEND": "tensorflow", "MPLBACKEND": "Agg"}
    with (folder / "output.txt").open("wb") as log:
        place: Any = stream if fit and stream is not None else log
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nnpy.workflows.import_script.child", str(job)],
            env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=place,
            stderr=place,
        )
        try:
            process.wait()
        except KeyboardInterrupt:  # the script got it too; what it has shown so far counts
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return {"error": _INTERRUPTED, "line": 0}
    end = folder / "end.json"
    if end.is_file():
        found: dict[str, Any] = json.loads(end.read_text(encoding="utf-8"))
        return found
    return {"error": f"its process ended with code {process.returncode}", "line": 0}


def _ending(script: Script, end: dict[str, Any], folder: Path) -> str:
    if not end:
        return ""
    place = f"{script.path}:{end['line']}" if end["line"] else str(script.path)
    text = f"{place}: {end['error']}"
    if end["line"] or end["error"] == _INTERRUPTED:
        return text
    said = (folder / "output.txt").read_text(encoding="utf-8", errors="replace")
    last = "".join(f"\n  {line}" for line in said.splitlines()[-_LAST_LINES:])
    return f"{text}; the last that it said:{last}" if last else text
