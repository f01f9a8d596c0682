"""Runs a user's script in a process of its own, and makes configs of what it trained.

found = import_script("train.py", output=Path("train.yaml"), tell=print)
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import nnpy
from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.config.yaml.parse import parse
from nnpy.data import registry
from nnpy.devices import select
from nnpy.errors import ConfigError, UsageError
from nnpy.storage.atomic import create
from nnpy.workflows.import_script.script import Script
from nnpy.workflows.import_script.write import config_text

_LAST_LINES = 10
_INTERRUPTED = "interrupted"


@dataclass
class Imported:
    """A model of the script: where its config was written, or why there is none.

    `notes` are what could not be taken along, `mistakes` what `nnpy check` would say of it,
    `verdict` the outcome of a comparison with the script's model.
    """

    name: str
    line: int
    path: Path | None = None
    text: str = ""
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    refused: str = ""
    verdict: Any = None


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
        raise UsageError(f"{output} is there already; choose another name with -o FILE")
    with tempfile.TemporaryDirectory(prefix="nnpy-import-") as name:
        folder = Path(name)
        end = _run(script, folder, list(arguments), fit, verify, stream)
        return Import(
            write_configs(script, folder, output, to_stdout=to_stdout),
            _ending(script, end, folder),
            end.get("error") == _INTERRUPTED,
        )


def write_configs(
    script: Script, folder: Path, output: Path | None = None, *, to_stdout: bool = False
) -> list[Imported]:
    """The configs of the records in a folder; each is compared where there is a probe of it."""
    places = sorted(folder.glob("record-*.json"))
    records = [json.loads(each.read_text(encoding="utf-8")) for each in places]
    written = [each for each in records if "refused" not in each]
    names = _names(written)
    alone = to_stdout and output is None and len(written) == 1 and "own" not in written[0]
    found = []
    for record in records:
        one = Imported(record["name"], record["line"])
        found.append(one)
        if "refused" in record:
            one.refused = str(record["refused"])
            continue
        name = names[record["number"]] if len(written) > 1 else ""
        _write(one, record, script, None if alone else _config_path(script, output, name))
        if "probe" in record and not one.mistakes:
            select.prepare_environment()  # as the script's process did, before TensorFlow
            from nnpy.workflows.import_script import compare

            one.verdict = compare.verdict(_config(one), record, folder / record["probe"])
        elif "not_compared" in record:
            one.notes.append(f"not compared, the script's model fails: {record['not_compared']}")
    return found


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
    home = str(Path(nnpy.__file__).resolve().parent.parent)  # also where it is not installed
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


# -- the files -----------------------------------------------------------------------------


def _names(records: Sequence[dict[str, Any]]) -> dict[int, str]:
    """A name for the file of each record, no two alike."""
    found: dict[int, str] = {}
    for record in records:
        base = re.sub(r"\W+", "_", record["name"]).strip("_") or "model"
        name, number = base, 2
        while name in found.values():
            name, number = f"{base}-{number}", number + 1
        found[record["number"]] = name
    return found


def _config_path(script: Script, output: Path | None, name: str) -> Path:
    end = f"-{name}" if name else ""
    if output is not None and output.is_dir():
        return output / f"{script.path.stem}{end}.yaml"
    base = output if output is not None else Path(f"{script.path.stem}.yaml")
    return base.with_name(f"{base.stem}{end}{base.suffix}")


def _write(one: Imported, record: dict[str, Any], script: Script, path: Path | None) -> None:
    """The config of a record, beside it the script's own classes that it needs."""
    content = {key: record.get(key) for key in ("data", "model", "training")}
    content["model"] = _shortened(record)
    notes = record["notes"]
    one.notes = [each["text"] for each in notes]
    if path is not None and "own" in record:
        code = path.with_name(f"{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_code.py")
        content["code"] = code.name
    title = f"The model '{record['name']}' of {script.path.name}, line {record['line']}"
    one.text = config_text(title, content, notes)
    if path is not None:
        create(path, one.text)
        one.path = path
    if "code" in content:
        create(code, record["own"])
        one.files.append(code)
    try:
        _config(one)
    except ConfigError as error:
        one.mistakes = [str(each).split("\n", 1)[0] for each in error.problems]


def _config(one: Imported) -> Config:
    return load_config(one.path if one.path is not None else parse(one.text, "config").plain())


def _shortened(record: dict[str, Any]) -> Any:
    """The model without its input where that is what the data give anyway."""
    model, name = record["model"], record["data"].get("name")
    if name is None or set(model) != {"inputs", "layers"} or len(model["inputs"]) != 1:
        return model
    [(input_name, given)] = model["inputs"].items()
    plain = not any(f"{input_name}" in str(each) for each in model["layers"])
    if given == {"shape": list(registry.info(name).shape)} and plain and _is_default(input_name):
        return model["layers"]
    return model


def _is_default(name: str) -> bool:
    return re.fullmatch(r"input_layer(_\d+)?|keras_tensor(_\d+)?|.*_input", name) is not None
