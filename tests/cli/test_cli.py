"""The command as a user meets it: help, exit codes, messages, what goes where."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from nnpy.cli import COMMANDS, cli
from tests.conftest import ROOT, Command

Write = Callable[[str, str], Path]


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nnpy", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    heavy = {"tensorflow", "keras", "numpy", "yaml", "rich", "matplotlib", "PIL", "h5py"}
    assert not imported & heavy
    assert "train" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 5
    assert f"nnpy {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_misspelt_command_names_the_one_that_was_meant(nnpy: Command) -> None:
    done = nnpy("trian", "x.yaml")
    assert done.returncode == 2
    assert "did you mean 'train'?" in done.stderr


def test_train_evaluate_plot(fresh_nnpy: Command, tiny_config: dict, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tiny_config))
    done = fresh_nnpy("train", "small.yaml", "--set", "training.epochs=1")
    assert (done.returncode, done.stdout) == (0, "runs/small\n")
    run = tmp_path / "runs" / "small"
    # One line an epoch, and none of TensorFlow's, which are in the log.
    lines = done.stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["runs/small:", "epoch", "test", "report:"]
    assert "epoch 1/1" in (run / "log.txt").read_text()
    summary = json.loads((run / "summary.json").read_text())
    assert summary["status"] == "finished"

    done = fresh_nnpy("evaluate", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["metrics"] == pytest.approx(summary["test"], abs=1e-6)

    done = fresh_nnpy("plot", "small.yaml", "-o", "p.svg")
    assert (done.returncode, done.stdout) == (0, "p.svg\n")
    assert "Flatten" in (tmp_path / "p.svg").read_text()


def test_info(nnpy: Command) -> None:
    done = nnpy("info", "--json")
    found = json.loads(done.stdout)
    assert found["versions"]["keras"].startswith("3.")
    assert found["devices"]["cores"] >= 1
    assert {*found["precision"]} == {"mixed_bfloat16", "mixed_float16"}
    assert found["precision"]["mixed_float16"]["why"]
    assert "fashion_mnist" in found["data"]
    assert any("graphviz-pure" in program for program in found["renderers"])


MODEL = "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"

# text of the config, arguments, exit code, what the message must say
WRONG = {
    "empty file": ("", [], 2, "is empty"),
    "not YAML": ("model: [", [], 2, "x.yaml:1:"),
    "unknown key": (MODEL + "trainin: {}\n", [], 2, "x.yaml:2:1: unknown key 'trainin'"),
    "unknown layer": ("model: [Flaten]\n", [], 2, "did you mean 'Flatten'?"),
    "unknown argument": (
        "model:\n  - Dense: {unit: 10}\n",
        [],
        2,
        "x.yaml:2:13: model[0].Dense: unknown argument 'unit'; did you mean 'units'?",
    ),
    "unknown optimizer": (MODEL + "training: {optimizer: Adan}\n", [], 2, "'Adan'; did you mean"),
    "unknown data set": (MODEL + "data: {name: fashion}\n", [], 2, "x.yaml:2:14: data.name"),
    "a shape that does not fit": (
        "model:\n  - Flatten\n  - Conv2D: {filters: 4, kernel_size: 3}\n",
        [],
        2,
        "x.yaml:3:5: model[1].Conv2D:",
    ),
    "10 classes into 5 outputs": (
        "model:\n  - Flatten\n  - Dense: {units: 5, activation: softmax}\n",
        [],
        2,
        "x.yaml:3:",
    ),
    "no such GPU": (MODEL, ["--device", "gpu:7"], 1, "--device gpu:7"),
    "no such device": (MODEL, ["--device", "tpu"], 2, "expected cpu, gpu or gpu:N"),
    "a bad override": (MODEL, ["--set", "training.epochs=ten"], 2, "--set:1:17: training.epochs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_gives_one_clear_message(nnpy: Command, write: Write, case: str) -> None:
    text, arguments, code, message = WRONG[case]
    write("x.yaml", text)
    done = nnpy("train", "x.yaml", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not Path(done.args[0]).parent.joinpath("runs").exists()


def test_no_such_file_and_a_folder(nnpy: Command, tmp_path: Path) -> None:
    done = nnpy("train", "nothing.yaml")
    assert (done.returncode, "nothing.yaml: no such file" in done.stderr) == (2, True)
    done = nnpy("train", str(tmp_path))
    assert (done.returncode, "is a folder" in done.stderr) == (2, True)


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_damaged_data(nnpy: Command, write: Write, tmp_path: Path, harm: str) -> None:
    source = Path("/usr/share/datasets/fashion-mnist")
    if not source.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    folder = tmp_path / "data"
    shutil.copytree(source, folder)
    victim = folder / "t10k-labels-idx1-ubyte.gz"
    if harm == "truncated":
        victim.write_bytes(victim.read_bytes()[:-1000])
    else:
        content = bytearray(gzip.decompress(victim.read_bytes()))
        content[100] ^= 1
        victim.write_bytes(gzip.compress(bytes(content)))
    write("x.yaml", MODEL + f"data: {{path: {folder}}}\n")
    done = nnpy("train", "x.yaml")
    assert done.returncode == 1
    assert "t10k-labels-idx1-ubyte" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_folder_that_cannot_be_written(nnpy: Command, write: Write, tiny: Path) -> None:
    write("x.yaml", MODEL + f"data: {{name: idx, path: {tiny}}}\n")
    write("file", "")
    for folder, code in (("file/run", 2), ("/proc/run", 1), ("file", 2)):
        done = nnpy("train", "x.yaml", "--run-dir", folder)
        assert done.returncode == code, done.stderr
        assert folder in done.stderr
        assert "Traceback" not in done.stderr


def test_ctrl_c_keeps_what_is_there(tiny_config: dict, tmp_path: Path) -> None:
    config = {**tiny_config, "training": {"epochs": 100_000}}
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(config))
    process = subprocess.Popen(
        [sys.executable, "-m", "nnpy", "train", "long.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = tmp_path / "runs" / "long" / "metrics.csv"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if metrics.exists() and len(metrics.read_text().splitlines()) > 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    summary = json.loads(metrics.with_name("summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert (metrics.parent / "checkpoints" / "last.keras").is_file()
