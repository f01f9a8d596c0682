"""A sweep in a PostgreSQL database: two processes without a disk in common, one of them killed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnpy.runs.folder import Run
from tests.workflows.sweep.commands import PATIENCE, Command, answer, config, finished, training

PROGRAMS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
if found := shutil.which("initdb"):
    PROGRAMS.append(Path(found).parent)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("psycopg") is None, reason="psycopg is not installed"
    ),
]


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database of its own server on a free port."""
    # No folder of pytest's, which are nobody else's.
    folder = Path(tempfile.mkdtemp(prefix="nnpy-postgresql-"))
    who: dict = {}
    if os.geteuid() == 0:  # which PostgreSQL refuses to be
        who = {"user": "postgres"}
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [PROGRAMS[-1] / "initdb", "-D", data, "-A", "trust", "-U", "nnpy", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **who,
    )
    control = [PROGRAMS[-1] / "pg_ctl", "-D", data, "-w"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run(
        [*control, "-o", options, "-l", folder / "log", "start"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **who,
    )
    try:
        yield f"postgresql+psycopg://nnpy@127.0.0.1:{port}/postgres"
    finally:
        stop = [*control, "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, cwd=folder, **who)
        shutil.rmtree(folder, ignore_errors=True)


def test_two_join_a_sweep_and_one_is_killed(tiny, tmp_path, database):
    here, there = tmp_path / "here", tmp_path / "there"
    for each in (here, there):
        each.mkdir()
        config(tiny, each)
    first, second = (Command(each, "--storage", database) for each in (here, there))
    first.wait_until(lambda: finished(here) >= 1 and training(here))
    first.kill()
    assert second.process.wait(PATIENCE) == 0, second.said()
    told = answer(second.said())
    assert told["counts"] == {"complete": 12, "pruned": 0, "failed": 0, "running": 0}
    assert [each["number"] for each in told["trials"]] == list(range(12))
    best = told["best"]["values"]
    assert best == {"training.optimizer.learning_rate": 0.1, "model.1.Dense.units": 32}
    whole = [
        {run.name for run in Run.all(each / "sweeps/c/trials") if run.status() == "finished"}
        for each in (here, there)
    ]
    assert not whole[0] & whole[1]  # none was trained twice
    assert len(whole[0] | whole[1]) == 12 and all(whole)
    # Here the sweep is known by its address, which this user has used.
    again = Command(here)
    assert again.process.wait(PATIENCE) == 0, again.said()
    assert answer(again.said())["trials"][0]["values"] == told["trials"][0]["values"]
