"""One training of a sweep, in a process of its own that the server has forked."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.config.yaml.parse import parse
from nnpy.errors import Interrupted, NnpyError
from nnpy.runs.folder import Run
from nnpy.storage import atomic, lock
from nnpy.training.progress import ProgressListener

_PATIENCE = 30.0  # seconds
_ALONE = 70  # the exit code of a trial whose sweep is gone


class Channel:
    """Lines of JSON to the sweep and back."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def receive(self) -> dict[str, Any]:
        line = self._file.readline()
        if not line:
            os._exit(_ALONE)
        return json.loads(line)

    def send(self, **message: Any) -> None:
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            os._exit(_ALONE)

    def end_with_the_other_side(self) -> None:
        """From now on this process ends when the sweep does: its run is resumed later."""

        def watch() -> None:
            poll = select.poll()
            poll.register(self._connection, 0)  # what is told anyway: that it was hung up
            poll.poll()
            os._exit(_ALONE)

        threading.Thread(target=watch, name="nnpy-sweep", daemon=True).start()


class _Listener(ProgressListener):
    """Tells the sweep of each epoch, and ends the training where it says so."""

    def __init__(self, channel: Channel, log: _Log) -> None:
        self._channel, self._log = channel, log
        self._end: str | None = None

    def on_message(self, message: str) -> None:
        self._log.write(message)

    def on_start(self, run: Run) -> None:
        self._log.move(run.log_path)
        self._channel.send(event="started")

    def on_epoch_end(self, epochs: int, row: Mapping[str, float], best: bool) -> None:
        self._channel.send(event="epoch", epochs=epochs, row=dict(row))
        self._end = self._channel.receive()["end"]

    def ends_training(self) -> str | None:
        return self._end


class _Log:
    """What TensorFlow and Python write to the terminal, kept in the run folder."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        for number in (1, 2):
            os.dup2(self._file.fileno(), number)

    def write(self, text: str) -> None:
        os.write(2, (text + "\n").encode(errors="backslashreplace"))

    def move(self, path: Path) -> None:
        """Goes on in a file of the run, with what there is so far."""
        with contextlib.suppress(OSError, NnpyError):
            self._file.seek(0)
            earlier = self._file.read()
            descriptor = atomic.open_own(path, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, earlier)
            for number in (1, 2):
                os.dup2(descriptor, number)
            os.close(descriptor)


def main(connection: socket.socket) -> int:
    """Does the job that is received; returns the exit code of the process."""
    channel = Channel(connection)
    channel.end_with_the_other_side()
    job = channel.receive()
    if job.get("cores") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    log = _Log()
    try:
        if job["work"] == "train":
            _train(job, _Listener(channel, log))
            channel.send(event="done")
        else:
            from nnpy.workflows.sweep.finish import test_best

            channel.send(event="done", **test_best(job))
    except Interrupted as error:
        channel.send(event="interrupted")
        return error.exit_code
    except (NnpyError, OSError, MemoryError) as error:
        log.write(str(error))
        channel.send(event="failed", reason=str(error) or type(error).__name__)
        return 1
    except Exception as error:  # noqa: BLE001 – a mistake of own code, or of a library
        log.write(traceback.format_exc())
        channel.send(event="failed", reason=f"{type(error).__name__}: {error}")
        return 1
    return 0


def config_of(job: Mapping[str, Any]) -> Config:
    """The checked config that a job brings along as YAML."""
    plain = parse(job["config"], "trial").plain()
    config = load_config(plain, trust_code=job["trust_code"])
    return dataclasses.replace(config, name=job["name"])


def _train(job: Mapping[str, Any], listener: ProgressListener) -> None:
    """Begins the run of the job, or goes on with it."""
    from nnpy.workflows.track import group_of
    from nnpy.workflows.train import resume_run, train_config

    run = Run(Path(job["folder"]))
    _wait_for_lock(run)
    how: dict[str, Any] = {"device": job["device"], "listener": listener, "final": False}
    title, key, folder = job["group"]
    how["group"] = group_of(title, key, Path(folder))
    if not run.is_run():
        train_config(config_of(job), run_dir=str(run), **how)
    elif run.status() != "finished":
        resume_run(run, trust_code=job["trust_code"], **how)


def _wait_for_lock(run: Run) -> None:
    """Of a sweep that was killed, the trial's process may take a moment to notice it."""
    end = time.monotonic() + _PATIENCE
    while lock.holder(run.folder) is not None and time.monotonic() < end:
        time.sleep(0.05)
