"""A run with the user's own layers works from its folder alone, and runs no stranger's code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import nnpy
from nnpy.errors import UsageError
from nnpy.runs.folder import Run

LAYERS = """
import keras

class Scaled(keras.layers.Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

def halved(x):
    return x / 2
"""


@pytest.fixture
def own_run(
    tmp_path: Path,
    tiny_config: dict,
    write: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write("my_layers.py", LAYERS)
    config = {**tiny_config, "code": "my_layers.py"}
    named = [{"Lambda": {"function": each}} for each in ("halved", "relu")]
    config["model"] = ["Flatten", {"Scaled": {"factor": 0.5}}, *named, *tiny_config["model"][1:]]
    path = write("own.yaml", yaml.safe_dump(config))
    run = nnpy.train(path, run_dir=str(tmp_path / "run"))
    (tmp_path / "my_layers.py").unlink()  # what the run needs is in its folder
    return run


def test_it_works_from_the_folder_alone(own_run: Run, tmp_path: Path) -> None:
    moved = Run(tmp_path / "elsewhere")
    shutil.move(own_run.folder, moved.folder)
    assert nnpy.evaluate(moved)["metrics"] == pytest.approx(moved.summary()["test"], rel=1e-5)
    assert nnpy.plot(moved, tmp_path / "m.dot").read_text().count("Scaled")
    longer = nnpy.resume(moved, overrides=["training.epochs=3"])
    assert len(longer.metrics()) == 3


def test_code_that_was_changed_is_not_run(own_run: Run, tmp_path: Path) -> None:
    code = own_run.code_folder / "my_layers.py"
    marker = tmp_path / "harm"
    code.write_text(code.read_text() + f"\nopen({str(marker)!r}, 'w').close()\n")
    for refused in (
        lambda: nnpy.evaluate(own_run),
        lambda: nnpy.plot(own_run, tmp_path / "m.dot"),
        lambda: nnpy.build(own_run.config_path),
        lambda: nnpy.resume(own_run, overrides=["training.epochs=3"]),
    ):
        with pytest.raises(UsageError, match="--trust-code"):
            refused()
    assert not marker.exists()
    nnpy.evaluate(own_run, trust_code=True)
    assert marker.exists()
