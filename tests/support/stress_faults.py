"""A machine that fails on purpose, place by place: `make stress-faults`.

    python -m tests.support.stress_faults --places 200 --strace 40 --signals 50 --seed 0

A short training is counted once: how often it opens a file to write, writes, flushes, renames,
makes a folder, cuts or removes a file. Then each of these places (or as many as asked for, drawn
by chance) fails once, or from then on, with one of the errors that a disk can have. After each:
success or an error in words, no traceback, no end by itself; then, with the disk well again,
`--resume` or the same command must end with the weights of the undisturbed training, equal to
the bit, and leave nothing unfinished behind. The same with strace's injection into the real
command, and with signals at moments of chance.

Trainings run in forks of one process that has TensorFlow imported: a place costs seconds.
Exit code 1 if one was survived badly.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HOME))

from tests.support.faults import CALLS, Fault, failing_disk  # noqa: E402

ERRORS = {
    "open": (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE),
    "mkdir": (errno.ENOSPC, errno.EIO, errno.EACCES),
    "replace": (errno.ENOSPC, errno.EIO, errno.EACCES),
    "unlink": (errno.EIO, errno.EACCES),
    "truncate": (errno.EIO,),
}
ERRORS |= dict.fromkeys(("write", "fsync"), (errno.ENOSPC, errno.EIO))
SYSCALLS = {"rename": "replace", "fsync": "fsync", "mkdir": "mkdir", "ftruncate": "truncate"}
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE", "SIGKILL", "SIGSTOP")
PATIENCE = 900  # seconds that a training may take, on a busy machine

CONFIG = """\
data: {name: idx, path: data, validation_split: 0.2}
model:
  - Flatten
  - Dense: {units: 8, activation: relu}
  - Dropout: {rate: 0.2}
  - Dense: {units: 10, activation: softmax}
training:
  epochs: 3
  batch_size: 50
  checkpoint_minutes: 0
  execution: graph
  callbacks: [{ReduceLROnPlateau: {monitor: val_loss, patience: 1}}]
"""


@dataclass
class Tally:
    """What was tried and how it went."""

    tried: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (None: it did not) and what it said."""

    code: int | None
    text: str


class Workplace:
    """A folder with a config and data, and the digests that its training must end with."""

    def __init__(self, folder: Path) -> None:
        from tests.support.datasets import tiny_fashion_mnist

        self.folder = folder
        tiny_fashion_mnist(folder / "data", 300, 100)
        (folder / "c.yaml").write_text(CONFIG)
        self.run = folder / "run"
        self.command = ["train", "c.yaml", "--run-dir", "run"]
        ended = self.fork(self.command, count=True)
        if ended.code != 0:
            raise SystemExit(f"the undisturbed training failed:\n{ended.text}")
        self.counts = _read_counts(folder / "counts")
        self.digests = self._digests()
        self.clear()

    def clear(self) -> None:
        shutil.rmtree(self.run, ignore_errors=True)

    def _digests(self) -> dict[str, str]:
        from nnpy.workflows.verify import digests

        return digests(self.run)

    # -- processes --------------------------------------------------------------------------

    def fork(self, command: list[str], fault: Fault | None = None, *, count: bool = False) -> Ended:
        """The command in a fork of this process, its disk failing below the run folder."""
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                self._be_command(command, fault, said.fileno(), count)
            return Ended(_waited(child), _content(said))

    def _be_command(
        self, command: list[str], fault: Fault | None, output: int, count: bool
    ) -> None:
        try:
            os.chdir(self.folder)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = ["nnpy", *command]
            leave = os._exit
            with failing_disk(self.run, fault) as disk:

                def exit_(code: int) -> None:
                    if count:
                        with contextlib.suppress(OSError):
                            text = "".join(f"{k} {disk.counts[k]}\n" for k in CALLS)
                            (self.folder / "counts").write_text(text)
                    if fault is not None and not disk.failed:
                        os.write(1, b"\nNOT REACHED\n")
                    leave(code)

                os._exit = exit_  # type: ignore[assignment]
                from nnpy.cli import main

                main()
        finally:
            os._exit(99)

    def real(self, command: list[str], prefix: tuple[str, ...] = ()) -> Ended:
        """The command as a process of its own."""
        with self.started(command, prefix) as process:
            try:
                text, _ = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                return Ended(None, "")
        return Ended(process.returncode, text)

    def started(self, command: list[str], prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "nnpy", *command],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(HOME)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    # -- what must be so afterwards -----------------------------------------------------------

    def wrong(self, ended: Ended, *, codes: tuple[int, ...] = (0, 1)) -> str:
        """What is wrong with a disturbed training, and with what becomes of it; "" if nothing."""
        from nnpy.runs.folder import Run

        if ended.code is None:
            return "it did not end"
        if ended.code not in codes:
            return f"exit code {ended.code}: {_last(ended.text)}"
        if "Traceback" in ended.text or "bug in nnpy" in ended.text:
            return f"a traceback: {_last(ended.text)}"
        if ended.code and "rror" not in ended.text and "ended by" not in ended.text:
            return f"no error in words: {_last(ended.text)}"
        run = Run(self.run)
        if not (run.is_run() and run.status() == "finished"):
            begun = run.is_run()
            again = self.fork(["train", "--resume", "run"] if begun else self.command)
            if again.code != 0:
                return f"{'resume' if begun else 'the same command'}: {_last(again.text)}"
        try:
            found = self._digests()
        except Exception as error:  # noqa: BLE001 – whatever is wrong with the folder is the finding
            return f"the run cannot be compared: {error}"
        if found != self.digests:
            return (
                f"it ended with other weights: {[k for k in found if found[k] != self.digests[k]]}"
            )
        left = [p.name for p in self.run.rglob(".*") if p.name != ".lock"]
        return f"left behind: {', '.join(left)}" if left else ""


# -- the kinds of faults ------------------------------------------------------------------------


def places(counts: dict[str, int]) -> list[Fault]:
    """Every place of writing with every error, once and from then on."""
    return [
        Fault(call, number, error, forever)
        for call, count in counts.items()
        for number in range(1, count + 1)
        for error in ERRORS[call]
        for forever in (False, True)
    ]


def drawn(faults: list[Fault], most: int, chance: random.Random) -> list[Fault]:
    """At most so many, of each kind of call the same share; the first places, which are the
    beginning of a run, are among them."""
    if len(faults) <= most:
        return faults
    first = [each for each in faults if each.number <= 3]
    chosen = chance.sample(first, min(len(first), most // 2))
    rest = [each for each in faults if each not in set(chosen)]
    return chosen + chance.sample(rest, most - len(chosen))


def try_disk(work: Workplace, faults: list[Fault], tally: Tally) -> None:
    for fault in faults:
        work.clear()
        ended = work.fork(work.command, fault)
        _judge(work, tally, fault.call, str(fault), ended)


def try_strace(work: Workplace, faults: list[Fault], tally: Tally) -> None:
    names = {kind: name for name, kind in SYSCALLS.items()}
    for fault in faults:
        work.clear()
        name = names[fault.call]
        inject = f"inject={name}:error={errno.errorcode[fault.error]}:when={fault.number}"
        prefix = ("strace", "-f", "--seccomp-bpf", "-qqq", "-o", os.devnull)
        prefix += ("-e", f"trace={name}", "-e", inject + "+" * fault.forever)
        ended = work.real(work.command, prefix)
        _judge(work, tally, f"strace {name}", str(fault), ended)


def try_signals(work: Workplace, count: int, chance: random.Random, tally: Tally) -> None:
    began = time.monotonic()
    work.clear()
    work.real(work.command)
    whole = time.monotonic() - began
    for number in range(count):
        work.clear()
        name = SIGNALS[number % len(SIGNALS)]
        moment = chance.uniform(0, whole)
        with work.started(work.command) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment)
            if process.poll() is None:
                process.send_signal(getattr(signal, name))
                if name == "SIGSTOP":
                    time.sleep(chance.uniform(0, 0.5))
                    process.send_signal(signal.SIGCONT)
            try:
                text, _ = process.communicate(timeout=PATIENCE)
                ended = Ended(process.returncode, text)
            except subprocess.TimeoutExpired:
                process.kill()
                ended = Ended(None, "")
        codes = (0, 1, *(s * f for s in (2, 15, 1, 9) for f in (-1,)), 130, 143, 129)
        _judge(work, tally, name, f"{name} after {moment:.2f} s", ended, codes)


def _judge(
    work: Workplace,
    tally: Tally,
    kind: str,
    what: str,
    ended: Ended,
    codes: tuple[int, ...] = (0, 1),
) -> None:
    tally.tried[kind] += 1
    tally.ended["an error" if ended.code else "success"] += 1
    if ended.code is not None and ended.code < 0 and ended.code in codes:
        ended = Ended(0, ended.text)  # ended by a signal that cannot be answered yet
    reason = work.wrong(ended, codes=codes)
    if reason:
        tally.wrong.append(f"{what}: {reason}")
    print(f"{what}: {reason or 'well'}", file=sys.stderr, flush=True)


# -- helpers --------------------------------------------------------------------------------------


def _waited(child: int) -> int | None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _content(file: object) -> str:
    file.seek(0)  # type: ignore[attr-defined]
    return file.read().decode(errors="replace")  # type: ignore[attr-defined]


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[:500]


def _read_counts(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text().splitlines())
    return {kind: int(count) for kind, count in pairs}


def _import() -> None:
    """What a training needs, once for all forks."""
    from nnpy.cli import startup

    startup.hide_optional_imports()
    from nnpy.devices import select

    select.prepare_environment()
    import keras  # noqa: F401 – imported, and nothing computed yet: what has threads cannot fork

    import nnpy.report.write
    import nnpy.workflows.train  # noqa: F401


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=260, help="of writing, patched functions")
    parser.add_argument("--strace", type=int, default=60, help="of writing, injected by strace")
    parser.add_argument("--signals", type=int, default=50, help="moments of chance")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, tally, began = random.Random(options.seed), Tally(), time.monotonic()
    _import()
    with tempfile.TemporaryDirectory(prefix="nnpy-faults-") as folder:
        work = Workplace(Path(folder))
        everything = places(work.counts)
        print(f"places of writing: {work.counts}", file=sys.stderr)
        try_disk(work, drawn(everything, options.places, chance), tally)
        if shutil.which("strace"):
            traced = [each for each in everything if each.call in SYSCALLS.values()]
            try_strace(work, drawn(traced, options.strace, chance), tally)
        else:
            print("strace is not installed: its part is left out", file=sys.stderr)
        try_signals(work, options.signals, chance, tally)
    for kind, count in sorted(tally.tried.items()):
        print(f"{kind:<20}{count:>6}")
    print(
        f"{sum(tally.tried.values())} faults of {len(everything)} places and errors, "
        f"{tally.ended['success']} trainings went on to their end, {tally.ended['an error']} ended "
        f"with an error, {len(tally.wrong)} survived badly, {time.monotonic() - began:.0f} s"
    )
    print("\n".join(tally.wrong))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
