"""Runs a script within the tests' own process: TensorFlow is there already."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import keras

from nnpy.workflows.import_script import child
from nnpy.workflows.import_script.capture import Job
from nnpy.workflows.import_script.configs import Imported, write_configs
from nnpy.workflows.import_script.script import Script


def imported(
    tmp_path: Path, text: str, *, fit: bool = False, verify: bool = False
) -> tuple[list[Imported], dict[str, Any]]:
    """The models of a script, their configs written beside it, and how it ended."""
    place = tmp_path / "train.py"
    place.write_text(textwrap.dedent(text), encoding="utf-8")
    script = Script.read(place)
    folder = tmp_path / "records"
    folder.mkdir()
    keras.backend.clear_session()
    end = child.run(script, [], Job(folder, fit, verify))
    return write_configs(script, folder, tmp_path / "out.yaml"), end
