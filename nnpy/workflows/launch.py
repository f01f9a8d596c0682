"""Several workers on this machine, as if they were several machines: `nnpy launch -n 4`."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnpy.devices.host import cores_here
from nnpy.errors import DeviceError, Interrupted, RunError

_LOCAL = "127.0.0.1"
_PATIENCE = 60.0  # seconds that the others may take to end when one has
_LAST_LINES = 5


@dataclass(frozen=True)
class Launched:
    """How it ended: the chief's exit code and what it wrote to standard output."""

    exit_code: int
    output: str


def launch(count: int, arguments: Sequence[str], say: Callable[[str], None]) -> Launched:
    """Trains with `count` workers of this machine; `arguments` are those of `nnpy train`.

    The chief's words are this process's; those of the others are kept in the run folder
    (`workers/`). The cores are divided among them. When one ends, all end. Raises DeviceError
    where there are no free ports.
    """
    addresses = _free_addresses(count)
    environment = {**os.environ, "NNPY_TOKEN": secrets.token_hex(16)}
    threads = str(max(1, cores_here() // count))
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        environment.setdefault(name, threads)
    folder = Path(tempfile.mkdtemp(prefix="nnpy-launch-"))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with (folder / "out").open("w+b") as out, _signals_passed_on(processes) as asked:
            for index in range(count):
                where = ["--workers", ",".join(addresses), "--worker-index", str(index)]
                command = [sys.executable, "-m", "nnpy", "train", *arguments, *where]
                with (folder / f"worker-{index}.log").open("wb") as log:
                    processes.append(
                        subprocess.Popen(
                            command,
                            env=environment,
                            stdin=subprocess.DEVNULL,
                            stdout=out if index == 0 else log,
                            stderr=None if index == 0 else log,
                            start_new_session=True,  # Ctrl-C reaches them through this process
                        )
                    )
            _until_all_end(processes)
            out.seek(0)
            output = out.read().decode(errors="replace")
        if asked:
            raise Interrupted("ended by a signal", exit_code=128 + asked[0])
        codes = [each.returncode for each in processes]
        _tell_failures(codes, folder, say)
        _keep_logs(folder, output, say)
        return Launched(next((code for code in codes if code), 0), output)
    finally:
        for each in processes:
            if each.poll() is None:
                each.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_addresses(count: int) -> list[str]:
    """Ports of this machine that nobody has now; all are held while they are looked for."""
    with contextlib.ExitStack() as held:
        try:
            sockets = [held.enter_context(socket.create_server((_LOCAL, 0))) for _ in range(count)]
        except OSError as error:
            raise DeviceError(f"there are no {count} free ports: {error}") from error
        return [f"{_LOCAL}:{each.getsockname()[1]}" for each in sockets]


def _until_all_end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait; when one has failed, the others have a minute to end by themselves."""
    end = float("inf")
    while any(each.poll() is None for each in processes):
        if any(each.returncode for each in processes):
            end = min(end, time.monotonic() + _PATIENCE)
        if time.monotonic() > end:
            return
        time.sleep(0.05)


@contextlib.contextmanager
def _signals_passed_on(processes: list[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """SIGINT and SIGTERM go to all workers; the signals that came."""
    asked: list[int] = []

    def pass_on(number: int, _: object) -> None:
        asked.append(number)
        for each in processes:
            with contextlib.suppress(OSError):
                each.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_failures(codes: Sequence[int], folder: Path, say: Callable[[str], None]) -> None:
    for index, code in enumerate(codes[1:], 1):
        if code:
            text = (folder / f"worker-{index}.log").read_text("utf-8", errors="replace")
            last = "\n  ".join(text.strip().splitlines()[-_LAST_LINES:])
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            say(f"worker {index} ended with {how}:\n  {last}")


def _keep_logs(folder: Path, output: str, say: Callable[[str], None]) -> None:
    """The words of the other workers, into the run that the chief has named."""
    lines = output.strip().splitlines()
    run = Path(lines[-1]) if lines else None
    if run is None or not (run / "config.yaml").is_file():
        return
    try:
        (run / "workers").mkdir(exist_ok=True)
        for path in sorted(folder.glob("worker-*.log")):
            if path.name != "worker-0.log":
                shutil.copyfile(path, run / "workers" / path.name)
    except OSError as error:
        say(f"the workers' logs could not be kept: {RunError(str(error))}")
