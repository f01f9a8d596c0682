"""The README is true: its configs check, its commands run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

import nnpy as package
from tests.conftest import ROOT, Command

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGS = [block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.S) if "model:" in block]


def commands() -> list[str]:
    """The `nnpy` commands of the shell blocks, without their remarks."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("nnpy ")]


def test_commands(nnpy: Command, tiny: Path, tmp_path: Path) -> None:
    # The real commands, on a small data set and for one epoch.
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    small = [f"--set=data.path={tiny}", "--set=data.name=idx", "--set=training.epochs=1"]
    found = commands()
    assert len(found) >= 5
    for line in found:
        arguments = shlex.split(line)[1:]
        if arguments[0] == "train" and not any("resume" in each for each in arguments):
            arguments += small
        done = nnpy(*arguments)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("text", CONFIGS)
def test_configs(text: str) -> None:
    assert package.load_config(yaml.safe_load(text)).model.steps


def test_set_up_commands_are_those_of_the_makefile_and_ci() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", TEXT, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("make test")
    assert "pip install nnpy" not in TEXT
