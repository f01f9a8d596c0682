"""Starters: right configs, ready to train, that never cost the user a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nnpy.cli.commands.init import init
from nnpy.cli.terminal import Terminal
from nnpy.config import load, starters
from nnpy.errors import UsageError


@pytest.mark.parametrize("name", starters.names())
def test_starters_are_right_configs(name, tmp_path):
    path = tmp_path / "first.yaml"
    starters.write(name, path)
    assert load.load_config(path).model.steps
    assert path.read_text(encoding="utf-8").startswith(f"# nnpy train {path}\n")


def test_the_kinds_that_help_names_are_there():
    usage = CliRunner().invoke(init, ["--help"]).output
    assert f"[{'|'.join(sorted(starters.names(), key=usage.index))}]" in usage


def test_command_writes_a_file_here_and_prints_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(init, ["cnn"], obj=Terminal())
    assert result.output == "cnn.yaml\n"
    assert load.load_config("cnn.yaml").name == "cnn"


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "mlp.yaml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="already exists"):
        starters.write("mlp", path)
    assert path.read_text() == "mine"


def test_unknown_kind_and_unwritable_place(tmp_path):
    with pytest.raises(UsageError, match="no starter 'cnm'; did you mean 'cnn'"):
        starters.write("cnm", tmp_path / "x.yaml")
    with pytest.raises(UsageError, match="No such file"):
        starters.write("cnn", Path(tmp_path, "none", "x.yaml"))
