"""The process that has TensorFlow loaded and forks one for each training of a sweep.

To load TensorFlow takes seconds, to fork a process that has loaded it some hundredths. Nothing
of TensorFlow runs here, so that each training begins as a new process would: with its own
threads and devices, and nothing of the training before it.

Messages are packets on a socket: `run` with the descriptor of a trial's own socket comes in,
`started PID` and `ended PID STATUS` (as of `os.waitpid`) go out, in that order.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select as system
import signal
import socket
import sys


def serve(connection: socket.socket) -> None:
    """Forks a process for each request, until the other side is gone."""
    _load()
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = system.select([connection, reader], [], [])
        if reader in ready:
            with contextlib.suppress(BlockingIOError):
                reader.recv(4096)
        _reap(connection)
        if connection not in ready:
            continue
        message, descriptors, *_ = socket.recv_fds(connection, 64, 1)
        if not message:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (connection, reader, writer):
                each.close()
            _become_trial(descriptors[0])
        os.close(descriptors[0])
        _tell(connection, f"started {pid}")


def _become_trial(descriptor: int) -> None:
    code = 1
    try:
        from nnpy.workflows.sweep import trial

        code = trial.main(socket.socket(fileno=descriptor))
    finally:
        os._exit(code)


def _reap(connection: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _tell(connection, f"ended {pid} {status}")


def _tell(connection: socket.socket, message: str) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # known by the next recv
        connection.send(message.encode())


def _load() -> None:
    """Everything that a training imports, and the catalog."""
    from nnpy.devices import select

    select.prepare_environment()
    from nnpy.catalog import catalog
    from nnpy.engine import Engine  # noqa: F401
    from nnpy.models import adapt, build, compile, inputs, instantiate, saved, user_code  # noqa: F401
    from nnpy.training import trainer  # noqa: F401
    from nnpy.workflows.sweep import trial  # noqa: F401
    from nnpy.workflows.train import train_config  # noqa: F401

    catalog.load()
    gc.collect()
    gc.freeze()  # the collector of a fork would write to every page that it shares with us


if __name__ == "__main__":
    if sys.argv[2:] == ["once"]:  # where a process that has TensorFlow loaded cannot be forked
        _load()
        _become_trial(int(sys.argv[1]))
    serve(socket.socket(fileno=int(sys.argv[1])))
