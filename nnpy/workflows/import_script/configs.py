"""The records of a script's models → the files of their configs, checked before written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.config.yaml.parse import parse
from nnpy.data import registry
from nnpy.devices import select
from nnpy.errors import ConfigError
from nnpy.storage.atomic import create, create_bytes
from nnpy.workflows.import_script.adapt import adapted, is_default_name
from nnpy.workflows.import_script.script import Script
from nnpy.workflows.import_script.write import ARRAYS, config_text


@dataclass
class Imported:
    """A model of the script: where its config was written, or why there is none (`refused`).

    `files` lie beside the config, `notes` are what could not be taken along, `verdict` is the
    outcome of a comparison with the script's model.
    """

    name: str
    line: int
    path: Path | None = None
    text: str = ""
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: str = ""
    verdict: Any = None


def write_configs(
    script: Script, folder: Path, output: Path | None = None, *, to_stdout: bool = False
) -> list[Imported]:
    """The configs of the records in a folder; each is compared where there are numbers of it."""
    drafts = [_Draft(_read(place), script, folder) for place in sorted(folder.glob("record-*"))]
    good = [each for each in drafts if not each.refused]
    alone = to_stdout and output is None and len(good) == 1 and not good[0].has_files
    names = _names([each.record for each in good])
    found = []
    for draft in drafts:
        one = Imported(draft.record["name"], draft.record["line"], refused=draft.refused)
        found.append(one)
        if draft.refused:
            continue
        name = names[draft.record["number"]] if len(good) > 1 else ""
        draft.write(one, None if alone else _config_path(script, output, name))
        if "probe" in draft.record:
            select.prepare_environment()  # as the script's process did, before TensorFlow
            from nnpy.workflows.import_script import compare

            numbers = folder / draft.record["probe"]
            one.verdict = compare.verdict(draft.as_in_script, draft.record, numbers)
        elif "not_compared" in draft.record:
            text = f"not compared, the script's model fails: {draft.record['not_compared']}"
            one.notes.append(text)
    return found


class _Draft:
    """A config before it is written: `refused` says why it will not be.

    `as_in_script` is the config without what is put before the model for nnpy's own pictures: it
    takes the script's examples.
    """

    def __init__(self, record: dict[str, Any], script: Script, folder: Path) -> None:
        self.record, self._script, self._folder = record, script, folder
        self.refused = str(record.get("refused", ""))
        if self.refused:
            return
        open_data = {"name": None}
        self._training, kept = record["training"], list(record["notes"])
        try:
            try:
                self.as_in_script = self._checked(open_data, record["model"])
            except ConfigError as error:
                self._training, notes = _pruned(record["training"], error)
                kept += notes
                record |= {"notes": kept, "training": self._training}
                self.as_in_script = self._checked(open_data, record["model"])
        except ConfigError as error:
            self.refused = f"nnpy's own check refuses it: {_first(error)}"
            return
        self._model, self._data, notes = adapted(record)
        self._notes = [*kept, *notes]
        try:
            self._checked(self._data, self._model)
        except ConfigError as error:
            text = f"data: to be filled in; with {self._data['name']}: {_first(error)}"
            self._model, self._data = record["model"], open_data
            self._notes = [*kept, {"path": ["data"], "text": text}]

    @property
    def has_files(self) -> bool:
        """Whether files lie beside the config."""
        return "own" in self.record or "arrays" in self.record

    def _checked(self, data: Mapping[str, Any], model: Any) -> Config:
        """The config as nnpy reads it, its files in the folder of the records."""
        number = self.record["number"]
        code, place = self._folder / f"own_{number}.py", self._folder / f"config-{number}.yaml"
        if "own" in self.record:
            code.write_text(self.record["own"], encoding="utf-8")
        content = self._content(data, model, code.name, self.record.get("arrays", ""))
        place.write_text(config_text("", content, []), encoding="utf-8")
        return load_config(place)

    def _content(
        self, data: Mapping[str, Any], model: Any, code: str, arrays: str
    ) -> dict[str, Any]:
        found = {"data": data, "model": _shortened(model, data), "training": self._training}
        found = _with_array_file(found, arrays)
        return {"code": code, **found} if "own" in self.record else found

    def write(self, one: Imported, path: Path | None) -> None:
        """Writes the files, none over another; without a path the text alone is made."""
        one.notes = [each["text"] for each in self._notes]
        title = f"The model '{one.name}' of {self._script.path.name}, line {one.line}"
        stem = path.stem if path is not None else ""
        code = f"{re.sub(r'[^A-Za-z0-9_]', '_', stem)}_code.py"
        content = self._content(self._data, self._model, code, f"{stem}.npz")
        one.text = config_text(title, content, self._notes)
        if path is None:
            return
        if "arrays" in self.record:
            one.files.append(path.with_suffix(".npz"))
            create_bytes(one.files[-1], (self._folder / self.record["arrays"]).read_bytes())
        if "own" in self.record:
            one.files.append(path.with_name(code))
            create(one.files[-1], self.record["own"])
        create(path, one.text)
        one.path = path


def _pruned(
    training: Mapping[str, Any], error: ConfigError
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How the model learns without what the check refuses, and a note on each such part."""
    found, notes = dict(training), []
    callbacks = list(found.get("callbacks", []))
    wrong: set[int] = set()
    for problem in error.problems:
        place = re.match(r"training\.(\w+)(?:\[(\d+)\])?", problem.path)
        if place is None or place[1] not in found:
            continue
        what = place[1]
        if what == "callbacks" and place[2] is not None:
            wrong.add(int(place[2]))
            each = callbacks[int(place[2])]
            what = str(next(iter(each)) if isinstance(each, dict) else each)
        else:
            del found[what]
        text = f"{what} of the script is left out, nnpy's check refuses it: {problem.message}"
        notes.append({"path": ["training", place[1]], "text": text})
    if wrong:
        found["callbacks"] = [each for n, each in enumerate(callbacks) if n not in wrong]
        if not found["callbacks"]:
            del found["callbacks"]
    return found, notes


def _first(error: ConfigError) -> str:
    problem = error.problems[0]
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


def _read(place: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return record | (parse(record.pop("sections"), place.name).plain() or {})


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


def _with_array_file(value: Any, name: str) -> Any:
    """The sections with the name of the file that holds their long arrays."""
    if isinstance(value, dict):
        found = {key: _with_array_file(each, name) for key, each in value.items()}
        return found | {"array": name} if value.get("array") == ARRAYS else found
    if isinstance(value, list):
        return [_with_array_file(each, name) for each in value]
    return value


def _shortened(model: Any, data: Mapping[str, Any]) -> Any:
    """The model without its input where that is what the data give anyway."""
    name = data.get("name")
    if name is None or set(model) != {"inputs", "layers"} or len(model["inputs"]) != 1:
        return model
    [(input_name, given)] = model["inputs"].items()
    plain = not any(f"{input_name}" in str(each) for each in model["layers"])
    if (
        given == {"shape": list(registry.info(name).shape)}
        and plain
        and is_default_name(input_name)
    ):
        return model["layers"]
    return model
