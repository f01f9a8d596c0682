"""A machine that fails on purpose, place by place: `make stress-faults`.

    python -m tests.support.stress_faults --places 260 --strace 60 --moments 55 --seed 0

A short training is counted once: how often it opens a file to write, writes, flushes, renames,
makes a folder, cuts or removes a file. Then each of these places (or as many as asked for, drawn
by chance) fails once, or from then on, with one of the errors that a disk can have. After each:
success or an error in words, no traceback, no end by itself; then, with the disk well again,
`--resume` or the same command must end with the weights of the undisturbed training, equal to
the bit, and leave nothing unfinished behind. The same with strace's injection into the real
command, and with signals and vanishing readers at moments of chance.

Trainings run in forks of one process that has TensorFlow imported: a place costs seconds. A fault
that a training never met is not counted. Exit code 1 if one was survived badly.
"""

from __future__ import annotations

import argparse
import errno
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HOME))

from tests.support.faults import Fault  # noqa: E402
from tests.support.stress_machine import try_machines  # noqa: E402
from tests.support.stress_moments import try_moments  # noqa: E402
from tests.support.stress_workplace import Tally, Workplace, import_all, undrawn  # noqa: E402

_ALL = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE, errno.EROFS, errno.EDQUOT)
_DISK = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.ESTALE)
ERRORS = {
    "open": _ALL,
    "mkdir": _ALL,
    "replace": (*_ALL[:3], errno.EROFS, errno.ESTALE),
    "unlink": (errno.EIO, errno.EACCES),
    "truncate": (errno.EIO,),
    "write": _DISK,
    "fsync": _DISK,
}
# The system's own names. Opening and writing fail once only: "from then on" would be without
# libraries and without the wake-ups between TensorFlow's threads, and not a fault of the disk.
SYSCALLS = {
    "openat": _ALL,
    "write": _DISK,
    "fsync": _DISK,
    "rename": _ALL[:3],
    "mkdir": _ALL,
    "ftruncate": (errno.EIO,),
}
_ONCE = ("openat", "write")


def places(counts: dict[str, int], errors: dict[str, tuple[int, ...]]) -> list[Fault]:
    """Every place of writing with every error, once and from then on."""
    return [
        Fault(call, number, error, forever)
        for call, count in counts.items()
        for number in range(1, count + 1)
        for error in errors[call]
        for forever in (False, True)
    ]


def drawn(faults: list[Fault], most: int, chance: random.Random) -> list[Fault]:
    """All of them in an order of chance in which each kind of call comes as often as another
    until there are no more of it, and half of the first `most` are early places: a run begins."""
    kinds: dict[tuple[str, bool], list[Fault]] = {}
    for each in chance.sample(faults, len(faults)):
        kinds.setdefault((each.call, each.number <= 3), []).append(each)
    order: list[Fault] = []
    while kinds:
        for kind in list(kinds):
            order.append(kinds[kind].pop())
            if not kinds[kind]:
                del kinds[kind]
    return order if most else []


def try_disk(work: Workplace, most: int, chance: random.Random, tally: Tally) -> None:
    """`most` places that a training meets, in forks whose file functions are patched."""
    tried = 0
    for fault in drawn(places(work.counts, ERRORS), most, chance):
        if tried == most:
            return
        work.clear()
        ended = work.fork(work.command, fault)
        tried += ended.met
        tally.count(fault.call, str(fault), ended, work.judge(ended))


def try_strace(work: Workplace, most: int, chance: random.Random, tally: Tally) -> None:
    """`most` system calls of the real command."""
    tried = 0
    faults = places(_system_calls(work), SYSCALLS)
    faults = [each for each in faults if not (each.forever and each.call in _ONCE)]
    for fault in drawn(faults, most, chance):
        if tried == most:
            return
        work.clear()
        when = f"{fault.number}{'+' * fault.forever}"
        inject = f"inject={fault.call}:error={errno.errorcode[fault.error]}:when={when}"
        trace = work.folder / "trace"
        ended = work.real([*_strace(trace, fault.call, "-e", inject), *undrawn(work.command)])
        met = [line for line in trace.read_text(errors="replace").splitlines() if "INJ" in line]
        if not any(_writes_in_run(line, work.run) for line in met):
            ended = replace(ended, met=False)
        tried += ended.met
        verdict = work.judge(ended)
        tally.count(f"strace {fault.call}", f"strace: {fault}", ended, verdict)


def _strace(trace: Path, calls: str, *more: str) -> tuple[str, ...]:
    return (
        *("strace", "-f", "--seccomp-bpf", "-qqq", "-y", "-o", str(trace)),
        *("-e", f"trace={calls}", *more),
    )


def _system_calls(work: Workplace) -> dict[str, int]:
    """How many calls of each kind a thread makes up to its last one that writes in the run.

    strace counts in each thread anew.
    """
    work.clear()
    trace = work.folder / "trace"
    ended = work.real([*_strace(trace, ",".join(SYSCALLS)), *undrawn(work.command)])
    if ended.code != 0:
        raise SystemExit(f"strace: {ended.text}")
    numbers: Counter[tuple[str, str]] = Counter()
    last: Counter[str] = Counter()
    for line in trace.read_text(errors="replace").splitlines():
        if found := re.match(r"(\d+)\s+(\w+)\(", line):
            thread, call = found.groups()
            numbers[thread, call] += 1
            if _writes_in_run(line, work.run):
                last[call] = max(last[call], numbers[thread, call])
    return dict(last)


def _writes_in_run(line: str, run: Path) -> bool:
    if f"{run}/" not in line and '"run' not in line:
        return False
    return "openat" not in line or any(flag in line for flag in ("O_WRONLY", "O_RDWR"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=260, help="of writing, patched functions")
    parser.add_argument("--strace", type=int, default=60, help="of writing, injected by strace")
    parser.add_argument("--moments", type=int, default=55, help="of signals and lost readers")
    parser.add_argument("--machines", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, tally, began = random.Random(options.seed), Tally(), time.monotonic()
    import_all()
    with tempfile.TemporaryDirectory(prefix="nnpy-faults-") as folder:
        work = Workplace(Path(folder))
        everything = len(places(work.counts, ERRORS))
        print(f"places of writing: {work.counts}", file=sys.stderr)
        if options.machines:
            try_machines(work, tally)
        try_moments(work, options.moments, chance, tally)
        if not options.strace:
            pass
        elif shutil.which("strace"):
            try_strace(work, options.strace, chance, tally)
        else:
            print("strace is not installed: its part is left out", file=sys.stderr)
        try_disk(work, options.places, chance, tally)
    print(f"{everything} places and errors, from {work.counts}")
    print(tally.told())
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
