"""Too little memory is said in words, whoever was the first to notice it."""

from __future__ import annotations

import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from nnpy.devices import host
from nnpy.devices.host import lack_of_memory, refusal
from nnpy.errors import DeviceError
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libtensorflow_cc.so.2: failed to map segment from shared object"),
        ImportError("IMPORTANT: PLEASE READ …\nOriginal error was: x.so: cannot allocate memory"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_an_import_that_fails_for_want_of_memory(error) -> None:
    assert lack_of_memory(error).startswith(
        "there is too little memory to load TensorFlow, which needs some 3 GB: "
    )


def test_memory_that_is_gone_later() -> None:
    outer = RuntimeError("something else")
    outer.__cause__ = MemoryError()
    assert lack_of_memory(outer).startswith("there is too little memory: ")
    assert lack_of_memory(ValueError("std::bad_alloc")).startswith("there is too little memory: ")


def test_other_errors_are_not_taken_for_it() -> None:
    loop = ImportError("No module named x")
    loop.__context__ = ValueError("y")
    loop.__context__.__context__ = loop
    assert lack_of_memory(loop) == ""


def test_the_command_says_so(tmp_path) -> None:
    (tmp_path / "x.yaml").write_text("model: [Flatten, {Dense: {units: 10}}]\n")
    limit = 700_000_000
    done = subprocess.run(
        [sys.executable, "-m", "nnpy", "check", "--build", str(tmp_path / "x.yaml")],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 1
    assert "Error: there is too little memory to load TensorFlow" in done.stderr
    assert "this process may have 0.7 GB (ulimit -v)" in done.stderr
    assert "fault" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do without")
def test_a_machine_without_proc_or_dev_is_told(monkeypatch, tmp_path) -> None:
    """TensorFlow says nothing, and ends the process."""
    host.check_room()
    monkeypatch.setattr(host, "NEEDED", (*host.NEEDED, tmp_path / "none"))
    with pytest.raises(DeviceError, match=f"{tmp_path}/none is not there"):
        host.check_room()


def test_too_few_threads_are_told_before_tensorflow_ends_the_process(monkeypatch) -> None:
    import threading

    host.check_room()
    left, start = [5], threading.Thread.start

    def refuse(thread) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        start(thread)

    before = threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(DeviceError, match="ulimit -u"):
            host.check_room()
    assert threading.active_count() == before
    assert "ulimit -u" in refusal(RuntimeError("can't start new thread"))


@pytest.mark.parametrize("more", [0, 100_000_000, 500_000_000])
def test_what_leaves_no_room_to_compute_is_refused_before(monkeypatch, more) -> None:
    """TensorFlow's threads crash or wait for ever where they get no memory."""
    import tensorflow as tf

    from nnpy.devices import select

    assert tf.config
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    monkeypatch.setattr(host, "_address_limit", lambda: used + more)
    with pytest.raises(DeviceError, match=r"too little memory: .* \(ulimit -v\)"):
        select.choose("cpu")
    monkeypatch.setattr(host, "_address_limit", lambda: used + 4_000_000_000)
    select.choose("cpu")


@pytest.mark.parametrize("limit", [700_000_000, 1_800_000_000])
def test_a_training_says_so(tmp_path, tiny, limit) -> None:
    (tmp_path / "x.yaml").write_text(
        f"data: {{name: idx, path: {tiny}}}\n"
        "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
        "training: {epochs: 1}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "nnpy", "train", "x.yaml", "--run-dir", "run"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 1
    assert "Error: there is too little memory" in done.stderr
    assert "fault" not in done.stderr


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, r"the disk is full \(/some/file\)"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EAGAIN, "ulimit -u"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EACCES, r"Permission denied \(/some/file\)"),
    ],
)
def test_what_the_machine_refuses_is_no_fault_of_nnpys(number: int, words: str) -> None:
    assert re.search(words, refusal(OSError(number, os.strerror(number), "/some/file")))


def test_other_errors_are_not_the_machines() -> None:
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file or directory", "x")) == ""
    assert refusal(ValueError("the disk is full")) == ""
