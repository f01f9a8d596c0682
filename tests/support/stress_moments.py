"""Signals and vanishing readers at moments of chance, from the start of Python to the report."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import time
from dataclasses import replace

from tests.support.stress_workplace import Ended, Tally, Workplace, ending, nnpy

# What may happen to a training, and the exit codes that it may end with. Before nnpy has its
# handlers (and before it has begun anything) a signal ends the process as any other: -15. A run
# that ends with 0 must be finished: what came too late to be heard. What came when the process
# was no more is not counted.
CODES = {
    "SIGTERM": (143, -signal.SIGTERM, 0),
    "SIGINT": (130, -signal.SIGINT, 0),
    "SIGHUP": (129, -signal.SIGHUP, 0),
    "SIGKILL": (-signal.SIGKILL, 0),
    "SIGQUIT": (-signal.SIGQUIT, 0),
    "SIGXCPU": (152, -signal.SIGXCPU, 0),
    "SIGUSR1": (-signal.SIGUSR1, 0),
    "SIGPIPE": (0,),
    "SIGSTOP and SIGCONT": (0,),
    "the reader of stdout goes": (0,),
    "the reader of stderr goes": (0,),
    "both readers go": (0,),
}


def try_moments(work: Workplace, count: int, chance: random.Random, tally: Tally) -> None:
    """So many of them, each kind as often, at moments of the whole time that a training takes."""
    began = time.monotonic()
    work.clear()
    work.real(nnpy(work.command))
    whole = time.monotonic() - began
    for number in range(count):
        work.clear()
        kind = list(CODES)[number % len(CODES)]
        moment = chance.uniform(0.02, whole)
        ended = _disturbed(work, kind, moment, chance)
        verdict = work.judge(ended, codes=CODES[kind], silent=ended.text == "")
        tally.count(kind, f"{kind} after {moment:.2f} s", ended, verdict)


def _disturbed(work: Workplace, kind: str, moment: float, chance: random.Random) -> Ended:
    command = nnpy(work.command)
    with work.started(command, stderr=subprocess.PIPE) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        if process.poll() is not None:
            return replace(ending(process), met=False)
        if "reader" not in kind:
            _signalled(process, kind, chance)
            return ending(process)
        for stream in (process.stdout, process.stderr):
            gone = "stdout" if stream is process.stdout else "stderr"
            if stream is not None and (gone in kind or "both" in kind):
                stream.close()
        return _without_reader(process)


def _signalled(process: subprocess.Popen[str], kind: str, chance: random.Random) -> None:
    name = kind.split()[0]
    process.send_signal(getattr(signal, name))
    if name == "SIGSTOP":
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGCONT)


def _without_reader(process: subprocess.Popen[str]) -> Ended:
    """`communicate` wants all pipes open: what is left of them is read here."""
    for name in ("stdout", "stderr"):
        stream = getattr(process, name)
        if stream.closed:
            setattr(process, name, None)
    return ending(process)
