"""Workers of one training as processes of this machine, each the real command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine where nothing listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


class Worker:
    """`nnpy` as worker `index` of `addresses`, started in `folder`; its words are in a file."""

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str],
        index: int,
        *arguments: object,
        token: str = "secret",
        first_on_path: Path | None = None,
    ) -> None:
        self.path = folder / f"worker-{index}-{time.monotonic_ns()}.log"
        where = ["--workers", ",".join(addresses), "--worker-index", str(index)]
        command = [sys.executable, "-m", "nnpy", "train", *map(str, arguments), *where]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, (first_on_path, ROOT)))),
            "NNPY_TOKEN": token,
            "TF_NUM_INTRAOP_THREADS": "1",
            "TF_NUM_INTEROP_THREADS": "1",
        }
        with self.path.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    @property
    def words(self) -> str:
        return self.path.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, words: str, timeout: float = 120) -> None:
        """Until it has said this. Raises AssertionError where it ends before, or never does."""
        end = time.monotonic() + timeout
        while words not in self.words:
            assert self.process.poll() is None, self.words
            assert time.monotonic() < end, self.words
            time.sleep(0.05)

    def end(self, timeout: float = 120) -> int:
        """Its exit code."""
        return self.process.wait(timeout)


def all_end(workers: Iterable[Worker], timeout: float = 180) -> list[int]:
    """The exit codes; those that do not end are killed, which is an error."""
    workers = list(workers)
    try:
        return [each.end(timeout) for each in workers]
    finally:
        for each in workers:
            if each.process.poll() is None:
                each.process.kill()
