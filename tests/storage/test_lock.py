"""One training at a folder, and the lock never outlives it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest

from nnpy.errors import RunError
from nnpy.storage import lock

HOLD = """
import sys, time
from nnpy.storage.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """A process that holds the lock of `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_training_is_refused_by_name(tmp_path, other):
    words = f"another training is running .* process {other.pid} on"
    with pytest.raises(RunError, match=words), lock.locked(tmp_path):
        pass
    assert f"process {other.pid} on " in lock.holder(tmp_path)


def test_one_process_cannot_hold_it_twice(tmp_path):
    words = f"another training is running .* process {os.getpid()} on"
    with lock.locked(tmp_path), pytest.raises(RunError, match=words), lock.locked(tmp_path):
        pass
    with lock.locked(tmp_path):
        pass


def test_it_is_told_where_looking_has_no_shared_lock(tmp_path, other, monkeypatch):
    """As on Windows."""
    monkeypatch.setattr(lock, "fcntl", None)
    assert f"process {other.pid} on " in lock.holder(tmp_path)
    other.kill()
    other.wait()
    assert lock.holder(tmp_path) is None


def test_a_short_name_after_a_long_one_is_read_whole(tmp_path, monkeypatch):
    for name in ("a-very-long-name-of-a-machine" * 9, "b"):
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        with lock.locked(tmp_path):
            assert f" on {name}, since" in lock.holder(tmp_path)


@pytest.mark.parametrize("plant", ["symlink", "dangling", "hard link", "pipe", "folder"])
def test_what_stands_in_its_place_is_left_alone(tmp_path, plant):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    run = tmp_path / "run"
    run.mkdir()
    path = run / ".lock"
    match plant:
        case "symlink":
            path.symlink_to(precious)
        case "dangling":
            path.symlink_to(tmp_path / "new")
        case "hard link":
            path.hardlink_to(precious)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    assert lock.holder(run) is None
    if plant == "hard link":
        with lock.locked(run):
            pass
    else:
        with pytest.raises(RunError, match=r"\.lock"), lock.locked(run):
            pass
    assert precious.read_text() == "mine"
    assert not (tmp_path / "new").exists()


def test_without_locks_a_training_goes_on(tmp_path, monkeypatch):
    """Some network file systems have none."""

    def flock(descriptor, operation):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr("fcntl.flock", flock)
    with lock.locked(tmp_path):
        assert lock.holder(tmp_path) is None


def test_the_lock_dies_with_its_process(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert lock.holder(tmp_path) is None
    with lock.locked(tmp_path):
        assert f"process {os.getpid()} on " in lock.holder(tmp_path)
    assert lock.holder(tmp_path) is None


def test_a_copied_folder_is_free(tmp_path, other):
    copied = shutil.copytree(tmp_path, tmp_path.parent / "copied")
    assert lock.holder(copied) is None
    with lock.locked(copied):
        pass


def test_one_who_looks_keeps_no_one_out(tmp_path):
    with lock.locked(tmp_path):
        pass
    looking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from nnpy.storage.lock import holder\n"
            "print('looking', flush=True)\n"
            "while True: holder(sys.argv[1])",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        looking.stdout.readline()
        for _ in range(50):
            with lock.locked(tmp_path):
                pass
    finally:
        looking.kill()
        looking.wait()
        looking.stdout.close()


def test_no_folder_and_no_lock(tmp_path):
    assert lock.holder(tmp_path) is None
    assert lock.holder(tmp_path / "missing") is None
    with pytest.raises(RunError, match="missing does not exist"), lock.locked(tmp_path / "missing"):
        pass
