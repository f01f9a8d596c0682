"""What is said of an error goes by its fields, never by its words."""

from __future__ import annotations

import dataclasses
import json

import pytest
from click.testing import CliRunner

from nnpy.cli import cli
from nnpy.cli.terminal import Terminal
from nnpy.errors import ConfigError, ModelError, NnpyError, Problem, RunError
from nnpy.workflows import verify


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError([Problem("no", "a.b", "c.yaml", 3, 1)]), "c.yaml:3:1: a.b: no"),
        (ConfigError([Problem("no", "a.b")]), "Error: a.b: no"),
        (ModelError("x.keras: it is no model"), "Error: x.keras: it is no model"),
        (RunError("no run"), "Error: no run"),
        ("ValueError: of ours", "Error: ValueError: of ours"),
    ],
)
def test_an_error_is_called_one_unless_it_begins_with_its_place(
    error: NnpyError | str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Terminal().error(error)
    assert capsys.readouterr().err == said + "\n"


@pytest.mark.parametrize("differs", [[], [("killed-1", "test metrics: loss")]])
@pytest.mark.parametrize("as_json", [False, True])
def test_verify_tells_what_differs_by_its_name(differs, as_json, monkeypatch, tmp_path) -> None:
    digests = {"test metrics": "a" * 64, "test metrics: loss": "b" * 64}
    proof = verify.Proof(3, 1, 2, 1, digests=digests, differences=differs)
    monkeypatch.setattr(verify, "verify_resume", lambda *_: proof)
    config = "data: {name: fashion_mnist}\nmodel: [Flatten, {Dense: {units: 10}}]\n"
    (tmp_path / "a.yaml").write_text(config)
    arguments = ["verify", str(tmp_path / "a.yaml"), *(["--json"] if as_json else [])]
    done = CliRunner().invoke(cli, arguments)
    assert bool(differs) == isinstance(done.exception, RunError)
    if as_json:
        assert json.loads(done.stdout) == json.loads(json.dumps(dataclasses.asdict(proof)))
        return
    lines = [line.rpartition("  ") for line in done.stdout.splitlines()]
    words = {line[0].split("  ")[0].strip(): line[2] for line in lines[:2]}
    differing = "DIFFERENT" if differs else "equal"
    assert words == {"test metrics": "equal", "test metrics: loss": differing}


def test_check_reads_of_the_data_what_its_help_says(tmp_path, tiny) -> None:
    """Shape and classes: the headers and the labels, not the pixels."""
    told = " ".join(CliRunner().invoke(cli, ["check", "--help"]).output.split())
    assert "Of the data, only what tells their shape and classes is read." in told
    for file in tiny.iterdir():
        content = file.read_bytes()
        half = len(content) // 2 if "images" in file.name else len(content)
        (tmp_path / file.name).write_bytes(content[:half])
    config = f"data: {{name: idx, path: {tmp_path}}}\nmodel: [Flatten, {{Dense: {{units: 9}}}}]\n"
    (tmp_path / "a.yaml").write_text(config)
    done = CliRunner().invoke(cli, ["check", str(tmp_path / "a.yaml")])
    assert done.exit_code == 2
    assert "9 outputs, but idx has 10 classes" in done.output
