"""The trainings of a sweep as processes: started, heard, ended.

    with Processes() as processes:
        process = processes.start(job)
        for process, event in processes.events(timeout=0.5):
            ...

An event is what a trial says (`{"event": "epoch", …}`), and at last `{"event": "ended"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnpy.errors import RunError

_FORKS = sys.platform == "linux"  # elsewhere the system's libraries do not survive a fork


@dataclass(eq=False)
class Process:
    """The process of one training.

    `status` is what `os.waitpid` tells of its end, None where nobody could see it.
    """

    connection: socket.socket
    pid: int | None = None
    status: int | None = None
    silent: bool = False  # whether it has closed its side
    ended: bool = False
    received: bytearray = field(default_factory=bytearray, repr=False)
    own: subprocess.Popen[bytes] | None = None
    orphan: bool = False  # whether the server that would see its end is gone

    def send(self, message: dict[str, Any]) -> None:
        """Tells the trial something; one that has ended hears nothing."""
        with contextlib.suppress(OSError):
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def signal(self, number: int) -> None:
        """Sends a signal to the process, while there is one."""
        if self.pid is not None and not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def signalled(self) -> int | None:
        """The signal that ended it, if one did; SIGKILL where nobody could see it."""
        if self.status is None:
            return int(signal.SIGKILL)
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None


class Processes:
    """A server that forks, and the processes that it has forked."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._server: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._waiting: list[Process] = []  # for the server to tell their number, in order
        self._running: list[Process] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.signal(signal.SIGKILL)
            process.connection.close()
        if self._connection is not None:
            self._connection.close()
        if self._server is not None:
            self._server.wait()
        self._selector.close()
        self._log.close()

    def start(self, job: dict[str, Any]) -> Process:
        """Begins a training; `job` is what `trial.main` takes."""
        ours, theirs = socket.socketpair()
        process = Process(ours)
        with theirs:
            if _FORKS:
                self._ask(theirs)
                self._waiting.append(process)
            else:
                process.own = self._spawn(theirs, "once")
                process.pid = process.own.pid
        process.send(job)
        self._running.append(process)
        self._selector.register(ours, selectors.EVENT_READ, process)
        return process

    def _ask(self, descriptor: socket.socket) -> None:
        for _ in range(2):
            if self._connection is None:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    self._server = self._spawn(theirs)
                self._connection = ours
                self._selector.register(ours, selectors.EVENT_READ, None)
            try:
                socket.send_fds(self._connection, [b"run"], [descriptor.fileno()])
                return
            except (BrokenPipeError, ConnectionResetError):
                self._lose_server()
        raise RunError(f"the process that loads TensorFlow does not start:\n{self._said()}")

    def _spawn(self, connection: socket.socket, *more: str) -> subprocess.Popen[bytes]:
        # This very nnpy, also where it is a folder that is not installed.
        home = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        number = str(connection.fileno())
        return subprocess.Popen(
            # -P: what lies in the folder that we are in is no module.
            [sys.executable, "-P", "-m", "nnpy.workflows.sweep.server", number, *more],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[connection.fileno()],
            start_new_session=True,  # Ctrl-C is for us, who tell the trials
        )

    def events(self, timeout: float) -> Iterator[tuple[Process, dict[str, Any]]]:
        """What has been said by now, or within `timeout` seconds."""
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._hear_server()
            else:
                yield from self._hear(key.data)
        for process in list(self._running):
            if process.silent and self._is_over(process):
                process.ended = True
                self._running.remove(process)
                process.connection.close()
                yield process, {"event": "ended"}

    def _hear(self, process: Process) -> Iterator[tuple[Process, dict[str, Any]]]:
        try:
            content = process.connection.recv(1 << 16)
        except ConnectionResetError:
            content = b""
        if not content:
            self._selector.unregister(process.connection)
            process.silent = True
            return
        process.received += content
        *lines, rest = process.received.split(b"\n")
        process.received = bytearray(rest)
        for line in lines:
            yield process, json.loads(line)

    def _is_over(self, process: Process) -> bool:
        if process.own is not None:
            code = process.own.poll()
            if code is not None:
                process.status = -code if code < 0 else code << 8
            return code is not None
        return process.status is not None or process.orphan

    def _hear_server(self) -> None:
        assert self._connection is not None
        try:
            message = self._connection.recv(256).decode()
        except ConnectionResetError:
            message = ""
        if not message:
            self._lose_server()
            return
        word, pid, *status = message.split()
        if word == "started":
            self._waiting.pop(0).pid = int(pid)
        for process in self._running:
            if word == "ended" and process.pid == int(pid):
                process.status = int(status[0])

    def _lose_server(self) -> None:
        """The server is gone; its trials go on, and end without anyone who sees how."""
        assert self._connection is not None and self._server is not None
        self._selector.unregister(self._connection)
        self._connection.close()
        self._connection = None
        self._server.wait()
        self._waiting.clear()
        for process in self._running:
            process.orphan = True

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:].strip()
