"""`nnpy import SCRIPT.py`: the real command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from nnpy.config.load import load_config
from tests.conftest import Command

SCRIPT = """
import sys
import keras, numpy as np
print("the script's own words", sys.argv[1:], flush=True)
x = np.zeros((20, 4), "float32")
first = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
first.compile("sgd", "mse")
first.fit(x, x[:, :1], epochs=int(sys.argv[1]))
second = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
second.compile("adam", "mae")
second.fit(x, x[:, :2])
raise RuntimeError("later")
"""


def test_a_script_is_run_only_when_that_is_said(
    nnpy: Command, write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    script = write("train.py", "open('ran', 'w').close()\n")
    done = nnpy("import", script)
    assert done.returncode == 2 and done.stdout == ""
    assert "--run" in done.stderr and "script" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_what_is_for_scripts_is_refused_for_models(nnpy: Command) -> None:
    done = nnpy("import", "model.keras", "--run", "--verify")
    assert done.returncode == 2 and "--run, --verify" in done.stderr and "no script" in done.stderr


def test_a_file_in_the_way_is_told_before_the_script_runs(
    nnpy: Command, write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    script = write("train.py", "open('ran', 'w').close()\n")
    write("there.yaml", "mine")
    done = nnpy("import", script, "--run", "-o", "there.yaml")
    assert done.returncode == 2 and "already exists" in done.stderr
    assert (tmp_path / "there.yaml").read_text() == "mine" and not (tmp_path / "ran").exists()


def test_a_script_becomes_a_config_for_each_of_its_models(
    nnpy: Command, write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    cells = [{"cell_type": "code", "source": SCRIPT}, {"cell_type": "code", "source": "!ls"}]
    write("train.ipynb", json.dumps({"cells": cells}))
    done = nnpy("import", "train.ipynb", "--run", "--verify", "--", "7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["train-first.yaml", "train-second.yaml"]
    assert done.stderr.count("equal: 1 layers") == 2
    assert "RuntimeError: later" in done.stderr and "the script's own words" not in done.stderr
    config = load_config(tmp_path / "train-first.yaml")
    assert (config.training.epochs, config.training.optimizer.name) == (7, "SGD")
    assert nnpy("check", *done.stdout.split()).returncode == 0


def test_a_script_without_a_model_says_so(nnpy: Command, write: Callable[[str, str], Path]) -> None:
    done = nnpy("import", write("train.py", "print('hello')\n"), "--run")
    assert done.returncode == 1 and "docs/import.md" in done.stderr
    assert done.stdout == ""
