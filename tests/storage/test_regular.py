"""Whatever a name leads to, opening it neither waits nor fills the memory."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nnpy.storage import regular

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket must be short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (fifo, "it is a named pipe, not a file"),
        (listening, "it is a socket, not a file"),
        (link_to("/dev/zero"), "it is a device, not a file"),
        (Path.mkdir, "it is a folder"),
        (link_to("nowhere"), "No such file"),
        (link_to("x"), "Too many levels"),
    ],
)
def test_what_is_no_file_is_told(make, reason, tmp_path) -> None:
    make(tmp_path / "x")
    for read in (regular.open_regular, lambda path: regular.read_regular(path, 10)):
        with pytest.raises(OSError, match=reason) as caught:
            read(tmp_path / "x")
        assert caught.value.filename == str(tmp_path / "x")
    assert not regular.is_regular(tmp_path / "x")


@pytest.mark.parametrize(("name", "reason"), [("a\0b", "null byte"), ("\ud800", "characters")])
def test_a_name_that_no_file_can_have_is_an_os_error(tmp_path, name, reason) -> None:
    with pytest.raises(OSError, match=reason):
        regular.open_regular(f"{tmp_path}/{name}")
    assert not regular.is_regular(f"{tmp_path}/{name}")


def test_the_content_up_to_a_limit(tmp_path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"x", b"0123456789", os.urandom(3 << 20)):
        path.write_bytes(content)
        assert regular.read_regular(path, len(content)) == content
        assert regular.read_regular(path, len(content) + 1) == content
    with pytest.raises(regular.TooLarge, match="more than the 2 MiB that are read"):
        regular.read_regular(path, 2 << 20)
    assert regular.open_regular(path).read(3) == content[:3]


def test_a_sparse_file_of_terabytes_is_refused_at_once(tmp_path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 43)
    with pytest.raises(regular.TooLarge, match="more than the 4 bytes"):
        regular.read_regular(path, 4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_a_file_that_does_not_tell_its_size(tmp_path) -> None:
    assert b"Name:" in regular.read_regular("/proc/self/status", 1 << 20)
    with pytest.raises(regular.TooLarge):
        regular.read_regular("/proc/self/status", 100)


def test_links_are_followed_unless_told_otherwise(tmp_path) -> None:
    (tmp_path / "file").write_text("é")
    (tmp_path / "link").symlink_to("file")
    assert regular.read_text(tmp_path / "link", 9) == "é"
    assert regular.is_regular(tmp_path / "link")
    with pytest.raises(regular.NotRegular, match="it is a link"):
        regular.read_text(tmp_path / "link", 9, follow_links=False)
    assert not regular.is_regular(tmp_path / "link", follow_links=False)


def test_what_is_no_text_is_an_os_error(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"ab\xff")
    with pytest.raises(OSError, match=r"not UTF-8 text \(byte 3\)"):
        regular.read_text(tmp_path / "file", 9)
