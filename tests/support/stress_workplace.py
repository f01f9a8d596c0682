"""One short training that is disturbed again and again, and must come to the same end."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.faults import CALLS, Fault, failing_disk

HOME = Path(__file__).resolve().parents[2]
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
    missed: Counter[str] = field(default_factory=Counter)  # never met: not counted as tried
    left_out: list[str] = field(default_factory=list)  # what this machine cannot be made to do
    resumed: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, kind: str, what: str, ended: Ended, verdict: Verdict) -> None:
        if not ended.met:
            self.missed[kind] += 1
            return
        self.tried[kind] += 1
        self.ended[_how(ended.code)] += 1
        self.resumed += verdict.again
        if verdict.reason:
            self.wrong.append(f"{what}: {verdict.reason}")
        print(f"{what}: {verdict.reason or 'well'}", file=sys.stderr, flush=True)

    def told(self) -> str:
        """What was tried of each kind, how the trainings ended, and what was survived badly."""
        lines = [f"{kind:<32}{count:>6}" for kind, count in sorted(self.tried.items())]
        how = ", ".join(f"{count} {each}" for each, count in self.ended.most_common())
        lines.append(
            f"{self.tried.total()} faults met ({self.missed.total()} more were never met, and are "
            f"not counted)\nthe trainings: {how}; {self.resumed} went on by --resume or the same "
            f"command\n{len(self.wrong)} survived badly"
        )
        lines += self.wrong
        lines += [f"left out, for it cannot be done here: {each}" for each in self.left_out]
        return "\n".join(lines)


def _how(code: int | None) -> str:
    if code is None:
        return "did not end"
    if code == 0:
        return "success"
    return "ended by a signal" if code < 0 or code > 128 else "an error in words"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (None: it did not) and what it said."""

    code: int | None
    text: str
    met: bool = True  # whether the fault was


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a disturbed training ("" if nothing); whether it had to go on again."""

    reason: str
    again: bool = False


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
        """Away with the run, also where it is a link."""
        if self.run.is_symlink():
            self.run.unlink()
        shutil.rmtree(self.run, ignore_errors=True)

    def restore(self) -> None:
        """Put back what was moved elsewhere, with a link in its place."""
        self.clear()
        elsewhere = self.folder / "elsewhere"
        for path in elsewhere.iterdir() if elsewhere.exists() else ():
            if path.name != self.run.name:
                (self.folder / path.name).unlink()
                path.rename(self.folder / path.name)
        shutil.rmtree(elsewhere, ignore_errors=True)

    def _digests(self) -> dict[str, str]:
        from nnpy.workflows.verify import digests

        return digests(self.run)

    # -- processes --------------------------------------------------------------------------

    def fork(self, command: list[str], fault: Fault | None = None, *, count: bool = False) -> Ended:
        """The command in a fork of this process, its disk failing below the run folder."""
        with tempfile.TemporaryFile() as said, mmap.mmap(-1, 1) as met:  # shared with the fork
            child = os.fork()
            if not child:
                self._be_command(command, fault, said.fileno(), count, met)
            code, text = _waited(child), _content(said)
            return Ended(code, text, met=fault is None or met[0] == 1)

    def _be_command(
        self, command: list[str], fault: Fault | None, output: int, count: bool, met: mmap.mmap
    ) -> None:
        try:
            os.chdir(self.folder)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = ["nnpy", *command]
            leave = os._exit
            with failing_disk(self.run, fault, met) as disk:

                def exit_(code: int) -> None:
                    if count:
                        with contextlib.suppress(OSError):
                            text = "".join(f"{k} {disk.counts[k]}\n" for k in CALLS)
                            (self.folder / "counts").write_text(text)
                    leave(code)

                os._exit = exit_  # type: ignore[assignment]
                from nnpy.cli import main

                main()
        finally:
            os._exit(99)

    def real(self, command: list[str]) -> Ended:
        """A program as a process of its own."""
        with self.started(command) as process:
            return ending(process)

    def started(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        **streams: object,
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(HOME)} | (environment or {}),
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **streams},  # type: ignore[arg-type]
        )

    # -- what must be so afterwards -----------------------------------------------------------

    def judge(
        self, ended: Ended, *, codes: tuple[int, ...] = (0, 1), silent: bool = False
    ) -> Verdict:
        """Whether a disturbed training ended as it should, and came to the right end after all.

        One that met nothing of it has nothing to be judged.

        An exit code 0 must have a finished run behind it. `silent`: nobody could be told why.
        """
        from nnpy.runs.folder import Run

        if not ended.met:
            return Verdict("never met")
        if ended.code is None:
            return Verdict("it did not end")
        if ended.code not in codes:
            return Verdict(f"exit code {ended.code}: {_last(ended.text)}")
        if "Traceback" in ended.text or "bug in nnpy" in ended.text:
            return Verdict(f"a traceback: {_last(ended.text)}")
        if ended.code > 0 and not (silent or "rror" in ended.text or "ended by" in ended.text):
            return Verdict(f"no error in words: {_last(ended.text)}")
        run = Run(self.run)
        begun = run.is_run()
        whole = begun and run.status() == "finished"
        if ended.code == 0 and not whole:
            return Verdict(f"exit code 0 of a run that is not finished: {_last(ended.text)}")
        if not whole:
            again = self.fork(["train", "--resume", "run"] if begun else self.command)
            if again.code != 0:
                reason = f"{'resume' if begun else 'the same command'}: {_last(again.text)}"
                return Verdict(reason, again=True)
        return Verdict(self._different(), again=not whole)

    def _different(self) -> str:
        try:
            found = self._digests()
        except Exception as error:  # noqa: BLE001 – whatever is wrong with the folder is the finding
            return f"the run cannot be compared: {error}"
        if found != self.digests:
            return f"other weights: {[k for k in found if found[k] != self.digests[k]]}"
        left = [p.name for p in self.run.rglob(".*") if p.name != ".lock"]
        return f"left behind: {', '.join(left)}" if left else ""


def nnpy(command: list[str]) -> list[str]:
    return [sys.executable, "-m", "nnpy", *command]


def undrawn(command: list[str]) -> list[str]:
    """nnpy, but figures are written without being drawn: a third of a short training's time."""
    return [sys.executable, "-m", "tests.support.stress_workplace", *command]


def ending(process: subprocess.Popen[str]) -> Ended:
    """How a process ends, which has all the patience there is."""
    try:
        said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ended(None, "")
    return Ended(process.returncode, "".join(each or "" for each in said))


def import_all() -> None:
    """What a training needs, once for all forks; figures are not drawn, but written."""
    from nnpy.cli import startup

    startup.hide_optional_imports()
    from nnpy.devices import select

    select.prepare_environment()
    import keras  # noqa: F401 – imported, and nothing computed yet: what has threads cannot fork

    import nnpy.report.write
    import nnpy.workflows.train

    write = nnpy.report.write
    write.report.render = lambda contents: "<!doctype html>\n" * 20  # type: ignore[assignment]
    write.figures.content = lambda drawing, form: b"a figure" * 2000  # type: ignore[assignment]


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


if __name__ == "__main__":
    import_all()
    from nnpy.cli import main

    main()
