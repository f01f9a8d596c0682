"""The command `nnpy` in a fork of a process that has TensorFlow imported already.

What is tested is the whole command in a process of its own, with its own folder, environment,
output and exit code; what is saved is the start of Python and the import of TensorFlow, some
five seconds of a core each time. Where the start itself is the matter (what is imported when,
streams closed by the caller, LANG), a test runs `python -m nnpy` instead.

TensorFlow is imported here but never at work: a process with its threads must not be forked.
Its settings in the environment that count at import (oneDNN, log level) are this process's.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class WarmCommand:
    """Starts its server at the first call; `close` ends it."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def __call__(
        self, arguments: list[str], cwd: Path, environment: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            order = json.dumps([arguments, str(cwd), environment]).encode()
            connection = self._connected()
            socket.send_fds(connection, [len(order).to_bytes(8)], [out.fileno(), err.fileno()])
            connection.sendall(order)
            pid = int.from_bytes(_exactly(connection, 8))
            connection.settimeout(timeout)
            try:
                code = int.from_bytes(_exactly(connection, 8), signed=True)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                connection.settimeout(None)
                _exactly(connection, 8)
                raise subprocess.TimeoutExpired(arguments, timeout) from None
            finally:
                connection.settimeout(None)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(
                ["nnpy", *arguments], code, out.read().decode(), err.read().decode()
            )

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            command = [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())]
            self._server = subprocess.Popen(
                command,
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            theirs.close()
        return self._socket

    def close(self) -> None:
        if self._socket is not None and self._server is not None:
            self._socket.close()
            self._server.wait(timeout=60)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received


def _serve(connection: socket.socket) -> None:
    from nnpy.cli import main, startup  # noqa: F401 – what each command imports
    from nnpy.devices import select

    startup.hide_optional_imports()
    select.prepare_environment()
    import keras  # noqa: F401

    while True:
        try:
            head, descriptors, _, _ = socket.recv_fds(connection, 8, 2)
            if not head:
                return
            size = int.from_bytes(head + (_exactly(connection, 8 - len(head))))
            order: Any = json.loads(_exactly(connection, size))
        except (EOFError, ConnectionError):
            return
        child = os.fork()
        if not child:
            connection.close()
            _be_command(*order, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(child.to_bytes(8))
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, signed=True))


def _be_command(
    arguments: list[str], cwd: str, environment: dict[str, str], out: int, err: int
) -> None:
    from nnpy.cli import main

    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None  # it is looked up anew, in this environment
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.argv = ["nnpy", *arguments]
        main()
    finally:
        os._exit(99)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
