"""Too little memory is said in words, whoever was the first to notice it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from nnpy.devices.host import lack_of_memory


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
