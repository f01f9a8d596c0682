"""The first files of a training's run folder: of a new run, and of one that goes on."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.config import arrays
from nnpy.config.config import Config
from nnpy.data import Dataset
from nnpy.devices import select
from nnpy.errors import RunError, UsageError
from nnpy.runs.environment import environment
from nnpy.runs.folder import Run
from nnpy.safety import named_files
from nnpy.storage import atomic
from nnpy.storage.regular import open_regular
from nnpy.training import resume
from nnpy.training.progress import ProgressListener
from nnpy.training.state import State


@dataclass(frozen=True)
class Start:
    """What is to be done, where and with what, as the run folder tells it.

    `summary` is what summary.json says; it holds the `device` already.
    """

    config: Config
    dataset: Dataset
    run: Run
    summary: dict[str, Any]
    listener: ProgressListener
    deterministic: bool
    identity: str | None  # of the run, that its states bear

    def new(self) -> None:
        """The first files of a run that has just been created.

        The config comes last: with it the run is whole, and can be resumed.
        """
        self.run.write_json(self.run.environment_path, self._environment())
        self.run.write_json(self.run.summary_path, self.summary)
        self._write_split()
        if self.dataset.preprocessing:
            self.run.write_json(self.run.preprocessing_path, self.dataset.preprocessing)
        self._write_config()
        self.listener.on_start(self.run)
        for note in self.dataset.notes:
            self.listener.on_message(note)

    def again(self, state: State | None, damaged: int = 0) -> None:
        """The folder of a run that was left after `state`: what is there is kept, and looked at.

        `damaged` state files could not be used. Raises UsageError where fewer epochs are asked
        for than are done, RunError where the data are not those that the run was begun with.
        """
        done, epochs = (state.epoch if state else 0), self.config.training.epochs
        if (rows := max(done, len(self.run.metrics()))) > epochs:
            raise UsageError(f"training.epochs={epochs}: {self.run} has already trained {rows}")
        notices = self._differences()
        self.summary["resumed"] = [
            *self.run.summary().get("resumed", []),
            {
                "time": datetime.now().astimezone().isoformat(timespec="seconds"),
                "epoch": done + 1,
                "step": state.step if state else 0,
                "damaged": damaged,
                "notices": notices,
            },
        ]
        self._write_config()
        self.run.write_json(self.run.summary_path, self.summary)
        self.listener.on_start(self.run)
        for notice in (*self.dataset.notes, *notices):
            self.listener.on_message(notice)
        step = f", step {state.step}" if state and state.step else ""
        self.listener.on_message(f"resumed after epoch {done}{step}" if state else "begun again")

    def _differences(self) -> list[str]:
        """What is not as it was when the run was begun, and may cost the last bit."""
        then, now = self.run.environment(), self._environment()
        if not then:
            self.run.write_json(self.run.environment_path, now)
        resume.check_data(then.get("data", now["data"]), now["data"])
        if then.get("split", now["split"]) != now["split"]:
            raise RunError(
                "other examples would be held out for validation or test than when this run "
                "started; a resumed training needs the same"
            )
        device = self.summary["device"]
        before = resume.deciding(then or now, self.run.summary().get("device", device))
        return resume.notices(before, resume.deciding(now, device))

    def _write_split(self) -> None:
        """The rows that are held out, of those that the source gives for training."""
        held = self.dataset.held_out
        if held is None:
            return
        parts = {"validation": held.validation, "test": held.test}
        known: dict[str, Any] = {name: rows for name, rows in parts.items() if rows is not None}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **known)
        self.run.write_bytes(self.run.split_path, buffer.getvalue())

    def _write_config(self) -> None:
        """The resolved config, and copies of the Python files that it needs."""
        if self.config.code:
            with atomic.translate_error(self.run.code_folder):
                self.run.code_folder.mkdir(exist_ok=True)
        for file in self.config.code:
            self.run.write_text(self.run.code_folder / file.name, file.text)
        text = self.config.to_yaml(self.run.code_folder.name, self._keep_arrays())
        self.run.write_text(self.run.config_path, text)

    def _keep_arrays(self) -> dict[str, str]:
        """Copies the files of the config's arrays; the name of each copy beside the config."""
        kept: dict[str, str] = {}
        folder = self.run.arrays_folder
        for file in dict.fromkeys(arrays.files_in(self.config.resolved)):
            source = Path(file)
            name, number = source.name, 1
            while f"{folder.name}/{name}" in kept.values():
                number += 1
                name = f"{source.stem}-{number}{source.suffix}"
            kept[file] = f"{folder.name}/{name}"
            if source.absolute() == (folder / name).absolute():
                continue  # of a run that goes on
            with atomic.translate_error(folder):
                folder.mkdir(exist_ok=True)
            self.run.replace(folder / name, partial(_copy, source))
        return kept

    def _environment(self) -> dict[str, Any]:
        found = {
            **environment(self.dataset.digests, select.describe()),
            "seed": self.config.training.seed,
            "deterministic": self.deterministic,
            "data_source": self.dataset.source,
            "split": self.dataset.held_out.digest if self.dataset.held_out else None,
            "run": self.identity,
        }
        return found | named_files.seals(self.config)


def _copy(source: Path, target: Path) -> None:
    with open_regular(source) as original, target.open("wb") as copy:
        shutil.copyfileobj(original, copy)
