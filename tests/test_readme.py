"""The README is true: its configs check, its commands run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image

import nnpy as package
from tests.conftest import ROOT, Command

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SWEEP = (ROOT / "docs" / "sweep.md").read_text(encoding="utf-8")
CONFIGS = [
    block for block in re.findall(r"```yaml\n(.*?)```", TEXT + SWEEP, re.S) if "model:" in block
]


SMALL = "--set data.path={data} --set data.name=idx --set training.epochs=1"
# What is added to a command, so that it takes seconds; `verify` has tests of its own.
ADDED = {
    "train": SMALL,
    "data": "--set data.path={data} --set data.name=idx",
    "launch": SMALL,
    "bench": SMALL + " --seconds 0.1 --rounds 1",
}
SCRIPT = """
import keras, numpy
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(numpy.zeros((8, 4)), numpy.zeros((8, 1)), epochs=3)
"""
# `track` needs a server, which its own tests start.
LEFT_OUT = ("nnpy verify", "nnpy train --resume", "nnpy track")


def commands() -> list[str]:
    """The `nnpy` commands of the shell blocks, without their remarks."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("nnpy ") and not line.startswith(LEFT_OUT)]


def test_commands(nnpy: Command, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "photos").mkdir()
    for name in ("shoe.png", "photos/bag.png"):
        Image.new("L", (60, 40), 90).save(tmp_path / name)
    for kind in ("daisy", "rose"):
        (tmp_path / "flowers" / kind).mkdir(parents=True)
        for i in range(10):
            Image.new("RGB", (40, 50), (i, 9, 90)).save(tmp_path / "flowers" / kind / f"{i}.jpg")
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    found = commands()
    assert len(found) >= 15
    for line in found:
        arguments = shlex.split(f"{line} {ADDED.get(line.split()[1], '').format(data=tiny)}")[1:]
        expanded = [
            name
            for each in arguments
            for name in (sorted(tmp_path.glob(each)) if "*" in each else [each])
        ]
        done = nnpy(*expanded, timeout=200)
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
