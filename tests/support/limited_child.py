"""A process with limits that opens what it is asked to, and tells what came of it.

It is started anew after it has died or been ended. What is opened, and how, is a function from a
path to a digest; the child imports the module that has it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
OLD_RUN = HOME / "tests/support/old_runs/finished"
# Processor time that opening one may take, in seconds, and bytes beyond what the idle child has.
SECONDS = {"light": 5.0, "polars": 5.0, "keras": 20.0, "training": 120.0}
# Each thread of polars takes 64 MiB of addresses for its allocations, and there may be many.
MEMORY = {"light": 500 << 20, "polars": 1500 << 20, "keras": 1500 << 20, "training": 6 << 30}


class Child:
    """Opens files with the limits of `name`, by the functions `OPEN` of the module `module`."""

    def __init__(self, name: str, module: str = "tests.support.stress_files") -> None:
        self.name, self.module = name, module
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, how: str, path: Path) -> tuple[str, str]:
        """What opening the file comes to: ("answer", digest), ("error", text) or (fault, text)."""
        process = self._process or self._start()
        assert process.stdin is not None
        process.stdin.write(f"{how}\t{path}\n".encode())
        process.stdin.flush()
        return self._hear(process, SECONDS[self.name])

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.limited_child", self.name, self.module]
        self._process = subprocess.Popen(
            command, cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        kind, text = self._hear(self._process, 180)
        assert kind == "ready", (kind, text)
        return self._process

    def _hear(self, process: subprocess.Popen[bytes], seconds: float) -> tuple[str, str]:
        assert process.stdout is not None
        # Much more time: on a machine with other work, processor time is what counts.
        ready, _, _ = select.select([process.stdout], [], [], 10 * seconds)
        if not ready:
            self.close()
            return "hang", f"no answer after {10 * seconds:.0f} s"
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self._process = None
            return "crash", f"the process ended with {code}"
        answer: tuple[str, str] = tuple(json.loads(line))  # type: ignore[assignment]
        return answer


def serve(name: str, module: str) -> None:
    """Open what is asked for on standard input, and tell on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    silent = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(silent, number)
    from nnpy.errors import NnpyError

    functions = importlib.import_module(module).OPEN
    if name == "polars":
        import polars as pl

        pl.select(pl.repeat(1, 1000).sum())  # its threads are there
    elif name != "light":
        from nnpy.devices.select import prepare_environment

        prepare_environment()
        from nnpy.safety.model_files import open_model

        open_model(OLD_RUN / "checkpoints/best.keras")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY[name],) * 2)
    print(json.dumps(("ready", "")), file=answers)
    for line in sys.stdin:
        how, path = line.rstrip("\n").split("\t")
        began = time.process_time()
        try:
            told = ("answer", functions[how](Path(path)))
        except NnpyError as error:
            text = str(error)
            told = ("error", text[:300]) if _in_words(text) else ("badly told", text[:2000])
        except BaseException as error:  # noqa: BLE001 – whatever it is, it is what is sought
            told = ("traceback", f"{type(error).__name__}: {error}"[:2000])
        if time.process_time() - began > SECONDS[name]:
            told = ("slow", f"{time.process_time() - began:.1f} s")
        print(json.dumps(told), file=answers)


def _in_words(text: str) -> bool:
    return 0 < len(text) < 100_000 and "Traceback" not in text and " object at 0x" not in text


if __name__ == "__main__":
    serve(*sys.argv[1:])
