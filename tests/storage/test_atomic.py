"""A write is whole or not there, whatever goes wrong in the middle of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnpy.errors import RunError
from nnpy.storage import atomic


def fail(number: int):
    def raiser(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return raiser


def crash(call: str, times: int, action: str, path: Path) -> None:
    """Run `action` on `path` in a process that dies at the given call of os.<call>."""
    code = f"""
import os, sys
from pathlib import Path
from nnpy.storage import atomic as files
real, left = os.{call}, [{times}]
def dying(*args):
    left[0] -= 1
    if left[0] < 0:
        {"real(args[0], bytes(args[1])[:3])" if call == "write" else "pass"}
        os._exit(9)
    return real(*args)
os.{call} = dying
path = Path(sys.argv[1])
{action}
"""
    result = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert result.returncode == 9


def test_text_and_bytes_are_written_and_nothing_else_is_left(tmp_path):
    atomic.write_text(tmp_path / "a.txt", "größe\n")
    atomic.write_bytes(tmp_path / "b", b"one ", bytearray(b"two "), memoryview(b"three"))
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "größe\n"
    assert (tmp_path / "b").read_bytes() == b"one two three"
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b"}


def test_an_array_is_written_as_it_lies_in_memory(tmp_path):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    atomic.write_bytes(tmp_path / "array", array.data)
    assert (tmp_path / "array").read_bytes() == array.tobytes()


def test_new_files_get_the_rights_of_any_other_file(tmp_path):
    atomic.write_text(tmp_path / "ours", "")
    (tmp_path / "any").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_the_temporary_name_keeps_the_suffix(tmp_path):
    seen = []

    def write(temporary: Path) -> None:
        seen.append(temporary)
        temporary.write_text("x")

    atomic.replace(tmp_path / "best.keras", write)
    assert seen[0].suffix == ".keras"
    assert seen[0].parent == tmp_path
    assert not seen[0].exists()


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_write_leaves_the_old_content(tmp_path, monkeypatch, call, number):
    path = tmp_path / "state"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail(number))
        with pytest.raises(RunError, match="disk"):
            atomic.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_short_writes_are_carried_on(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:2]))
    atomic.write_text(tmp_path / "a", "a long text")
    atomic.append_line(tmp_path / "b", "a long line")
    assert (tmp_path / "a").read_text() == "a long text"
    assert (tmp_path / "b").read_text() == "a long line\n"


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_crash_before_the_rename_leaves_the_old_content(tmp_path, call):
    path = tmp_path / "state"
    path.write_text("old")
    crash(call, 0, "files.write_text(path, 'new content')", path)
    assert path.read_text() == "old"
    left = [other for other in tmp_path.iterdir() if other != path]
    assert len(left) == 1
    atomic.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_after_the_rename_leaves_the_new_content(tmp_path):
    path = tmp_path / "state"
    path.write_text("old")
    crash("fsync", 1, "files.write_text(path, 'new content')", path)  # 1: the folder's
    assert path.read_text() == "new content"
    assert list(tmp_path.iterdir()) == [path]


def test_sweep_takes_only_what_is_ours(tmp_path):
    kept = [".hidden", "a.tmp", ".a.tmp", ".best.xyz.tmp.keras", "best.12345678.tmp.keras"]
    for name in kept:
        (tmp_path / name).write_text("")
    (tmp_path / ".best.0123abcd.tmp.keras").write_text("")
    atomic.sweep(tmp_path)
    atomic.sweep(tmp_path / "missing")
    assert {path.name for path in tmp_path.iterdir()} == set(kept)


def test_lines_are_appended(tmp_path):
    path = tmp_path / "metrics.csv"
    for line in ("epoch,loss", "1,0.5\n", "2,0.25"):
        atomic.append_line(path, line)
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"
    assert atomic.read_lines(path) == ["epoch,loss", "1,0.5", "2,0.25"]
    assert atomic.read_lines(tmp_path / "missing") == []


@pytest.mark.parametrize("torn", ["2", "2,0.25", "2" * 10_000])
def test_a_torn_last_line_is_not_read_and_goes_with_the_next(tmp_path, torn):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,0.5\n" + torn)
    assert atomic.read_lines(path) == ["epoch,loss", "1,0.5"]
    atomic.append_line(path, "2,0.25")
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"


def test_a_file_that_is_one_torn_line_starts_anew(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epo")
    atomic.append_line(path, "epoch,loss")
    assert path.read_text() == "epoch,loss\n"


def test_a_crash_while_appending_costs_only_that_line(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,0.5\n")
    crash("write", 0, "files.append_line(path, '2,0.25')", path)
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0"
    assert atomic.read_lines(path) == ["epoch,loss", "1,0.5"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_append_leaves_the_lines_before(tmp_path, monkeypatch, number):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,0.5\n")
    real, left = os.write, [1]

    def short(descriptor, data):  # the disk takes three bytes, then fails
        if left[0] == 0:
            raise OSError(number, os.strerror(number))
        left[0] -= 1
        return real(descriptor, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(RunError, match="disk"):
            atomic.append_line(path, "2,0.25")
    assert path.read_text() == "epoch,loss\n1,0.5\n"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "no permission to write in"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "no more files may be open"),
        (errno.EFBIG, "may not become so large"),
        (errno.ESTALE, "stale handle"),
    ],
)
def test_the_reason_is_told(tmp_path, monkeypatch, number, words):
    monkeypatch.setattr(os, "open", fail(number))
    with pytest.raises(RunError, match=words):
        atomic.write_text(tmp_path / "a", "")


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(RunError, match=r"the folder .*gone does not exist"):
        atomic.write_text(tmp_path / "gone" / "a", "")
    with pytest.raises(RunError, match="a folder has this name"):
        (tmp_path / "folder").mkdir()
        atomic.write_text(tmp_path / "folder", "")
