"""Whatever a config names – another config, code, classes – is opened at once or told about."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from nnpy import data
from nnpy.config.load import load_config
from nnpy.data.sources import idx_folder
from nnpy.errors import ConfigError, DataError, NnpyError, UsageError


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, str]:
    """Names of things that are no files with content, and what is said of each."""
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "folder.py").mkdir()
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the name of a socket must be short
        try:
            server.bind("socket.py")
        finally:
            os.chdir(here)
    return {
        "pipe.py": "it is a named pipe",
        "zero.py": "it is a device",
        "socket.py": "it is a socket",
        "loop.py": "too many levels of symbolic links",
        "folder.py": "folder",
        "huge.py": "more than the 4,000,000 bytes|larger than 1,000,000 bytes",
        "a\0/b.py": "null byte",
        "missing.py": "no such file",
    }


def test_extends(tmp_path, odd) -> None:
    for name, reason in odd.items():
        quoted = name.replace("\0", "\\0")
        (tmp_path / "x.yaml").write_text(f'extends: "{quoted}"\nmodel: [Flatten]\n')
        with pytest.raises(ConfigError, match=f"(?i)x.yaml:1:10: extends: .*({reason})"):
            load_config(tmp_path / "x.yaml")


def test_code(tmp_path, odd) -> None:
    for name, reason in odd.items():
        quoted = name.replace("\0", "\\0")
        (tmp_path / "x.yaml").write_text(f'code: ["{quoted}"]\nmodel: [Flatten]\n')
        with pytest.raises(ConfigError, match=rf"(?i)x.yaml:1:8: code\[0\]: .*({reason})"):
            load_config(tmp_path / "x.yaml")


def test_the_config_itself(tmp_path, odd) -> None:
    for name, reason in odd.items():
        with pytest.raises(UsageError, match=f"(?i)({reason})"):
            load_config(tmp_path / name)


def test_classes_and_data(tmp_path, odd, tiny) -> None:
    for name in odd.keys() - {"missing.py", "a\0/b.py"}:
        folder = tmp_path / f"data {name}"
        folder.mkdir()
        for file in tiny.iterdir():
            (folder / file.name).symlink_to(file)
        (folder / "classes.txt").symlink_to(tmp_path / name)
        with pytest.raises(DataError, match=r"classes\.txt cannot be read: "):
            data.info("idx", str(folder))
        (folder / "classes.txt").unlink()
        images = folder / f"{idx_folder.TRAIN_X}.gz"
        images.unlink()
        images.symlink_to(tmp_path / name)
        with pytest.raises(DataError):
            data.load("idx", path=str(folder))


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "~nobody-has-this-name/x", "/dev/zero"])
def test_a_folder_that_cannot_be(path) -> None:
    with pytest.raises(NnpyError):
        data.info("idx", path)
