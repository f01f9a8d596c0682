"""Whatever stands behind standard output and error, a command does its work and ends in order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnpy.cli import streams
from nnpy.cli.terminal import Terminal
from nnpy.text import harmless

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell in `folder`; `nnpy` is the real command, $? its exit code."""
    return subprocess.run(
        ["bash", "-c", line.replace("nnpy", f"{sys.executable} -m nnpy", 1)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
    )


@pytest.fixture
def good(tmp_path: Path, tiny: Path) -> Path:
    (tmp_path / "x.yaml").write_text(
        f"data: {{name: idx, path: {tiny}}}\n"
        "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "training: {epochs: 1, batch_size: 50}\n"
    )
    return tmp_path


@pytest.mark.parametrize("command", ["check x.yaml", "--help", "schema"])
def test_an_answer_that_cannot_be_written_is_an_error_that_says_so(good, command) -> None:
    done = shell(good, f"nnpy {command} > /dev/full; echo $?")
    assert done.stdout == "1\n"
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_do_not_change_what_a_command_does(good, closed) -> None:
    done = shell(good, f"nnpy check x.yaml {closed}; echo $?")
    assert done.stdout == (
        "0\n" if ">&- " in f"{closed} "[:4] or "<&-" in closed else "x.yaml: no mistakes\n0\n"
    )
    done = shell(good, f"nnpy check missing.yaml {closed}; echo $?")
    assert done.stdout.endswith("2\n")
    assert "Traceback" not in done.stderr


def test_wrong_arguments_are_quoted_harmlessly(good) -> None:
    done = shell(good, "nnpy $'\\x1b[2J\\u9b'; echo $?")
    assert done.stdout == "2\n"
    assert r"No such command '\x1b[2J" in done.stderr
    assert "Try 'nnpy --help' for help." in done.stderr
    assert not set(done.stderr) & set("\x1b\x9b")


def test_the_reader_of_an_answer_may_go(good) -> None:
    done = shell(good, "nnpy schema | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout == "{\n1\n"
    assert done.stderr == ""


@pytest.mark.parametrize("told", ["> /dev/full 2> /dev/full", ">&- 2>&-"])
def test_a_training_never_fails_for_want_of_someone_to_tell(good, told) -> None:
    done = shell(good, f"nnpy train x.yaml --run-dir run {told}; echo $?")
    assert done.stdout == "0\n"
    summary = json.loads((good / "run/summary.json").read_text())
    assert summary["status"] == "finished"
    assert "epoch 1/1" in (good / "run/log.txt").read_text()
    # Nothing that was meant for a closed stream has ended up in another file.
    assert (good / "run/metrics.csv").read_text().count("\n") == 2


NAMES = ["größe ☃.yaml", "caf\udce9.yaml", "\x1b[31mred\x9b2J.yaml"]
SETTINGS = [
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
]


@pytest.mark.parametrize("environment", SETTINGS, ids=str)
def test_names_that_are_not_ascii_in_any_locale(good, environment) -> None:
    for name in NAMES:
        os.link(good / "x.yaml", good / name)
    done = shell(good, "nnpy check *.yaml nix☃.yaml; echo $?", **environment)
    assert done.stdout.count(": no mistakes") == 4
    assert done.stdout.endswith("\n2\n")
    assert "nix" in done.stderr
    assert "no such file" in done.stderr
    assert not set(done.stdout + done.stderr) & set("\x1b\x9b")
    done = shell(good, "nnpy check --json *.yaml", **environment)
    assert {each["file"] for each in json.loads(done.stdout)["files"]} >= {"x.yaml"}
    assert not set(done.stdout) & set("\x1b\x9b\udce9")


def test_there_may_be_no_home_and_no_place_for_temporary_files(good) -> None:
    done = shell(
        good,
        "nnpy train x.yaml --run-dir run",
        HOME=str(good / "nowhere"),
        TMPDIR="/nowhere",
        XDG_STATE_HOME="/proc/nowhere",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "run\n"


def test_all_may_be_read_only_but_the_run_folder(good) -> None:
    """No folder of Python's for temporary files can be written; TensorFlow asks for one."""
    (good / "sitecustomize.py").write_text(
        "import tempfile\ntempfile._candidate_tempdir_list = lambda: ['/proc/nowhere']\n"
    )
    path = {"PYTHONPATH": f"{good}:{ROOT}"}
    done = shell(good, "nnpy train x.yaml --run-dir run", **path)
    assert done.returncode == 0, done.stderr
    done = shell(good, "nnpy verify x.yaml", **path)
    assert done.returncode == 1
    assert "there is no place for temporary files" in done.stderr
    assert "bug" not in done.stderr


def test_no_place_for_the_log_or_a_report_of_a_crash(monkeypatch, capfd) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", fail)
    terminal = Terminal()
    terminal.quiet()
    terminal.say("heard")
    assert terminal.crash(ValueError("of ours")) == 1
    terminal.restore()
    told = capfd.readouterr().err
    assert told.startswith("heard\n")
    assert "ValueError: of ours" in told
    assert "This is a bug in nnpy" in told


def fail(*_: object, **__: object) -> None:
    raise FileNotFoundError("no usable temporary directory")


def test_text_for_a_terminal_commands_nothing() -> None:
    assert harmless("größe\t日本\u3000語\n👩\u200d🔬") == "größe\t日本\u3000語\n👩\u200d🔬"
    assert harmless("a\x1b]0;x\x07b\r\x9b2J\u202ec\udce9") == (
        r"a\x1b]0;x\x07b\r\x9b2J\u202ec\udce9"
    )


def test_a_result_as_json_has_no_raw_control(capfd) -> None:
    odd = "\x1b[0m \x7f \x9b \u202e \udce9 \u2028 é"
    Terminal().result({"name": odd})
    text = capfd.readouterr().out
    assert json.loads(text)["name"] == odd
    assert text.replace("\n", "").isprintable()
    assert "é" in text


def test_a_stream_that_is_lost_is_told_or_borne(tmp_path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    patient = streams.patient(full)
    patient.write("x" * 100_000)
    patient.flush()
    answer = streams.Answer(open("/dev/full", "wb"), "utf-8")  # noqa: SIM115, PTH123
    with pytest.raises(streams.Untold, match="No space left"):
        answer.write("x" * 100_000)
        answer.flush()
    os.close(full)
