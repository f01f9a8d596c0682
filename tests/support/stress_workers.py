"""Kill or stop workers at random moments, start all again, and see that nothing has changed.

    make stress-workers        (python -m tests.support.stress_workers --kills 20)

Real commands, two and three workers, the chief as often as the others, SIGKILL and SIGSTOP. After
each the others must be gone within 60 seconds, with exit code 1 and a reason; the training that
was taken up again, as often as it was disturbed, must end with the bits of one that was left
alone. Ends with exit code 1 where anything is otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from nnpy.workflows.verify import digests
from tests.support.datasets import tiny_fashion_mnist
from tests.support.local_workers import Worker, all_end, free_addresses

WITHIN = 60.0  # seconds in which all must be gone
MODEL = [
    {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
    "BatchNormalization",
    "MaxPooling2D",
    "Flatten",
    {"Dropout": {"rate": 0.2}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]
REASONS = ("with --resume to go on", "was lost", "did not come", "did not answer", "hung up")


@dataclass
class Course:
    """What has come of a training that was disturbed until it ended."""

    kills: int = 0
    starts: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def config(folder: Path) -> Path:
    data = tiny_fashion_mnist(folder / "data", 2_000, 300)
    path = folder / "config.yaml"
    training = {"epochs": 6, "batch_size": 32, "checkpoint_minutes": 0}
    content = {
        "data": {"name": "idx", "path": str(data), "validation": {"split": 0.2}},
        "model": MODEL,
        "training": training,
    }
    path.write_text(json.dumps(content))
    return path


def started(folder: Path, count: int, run: Path) -> list[Worker]:
    """All workers of a training, new or taken up again."""
    goes_on = (run / "config.yaml").is_file()
    begin = ["config.yaml", "--run-dir", str(run), "--overwrite"]
    chief = ["--resume", str(run)] if goes_on else begin
    others = ["--resume"] if goes_on else ["config.yaml"]
    addresses, wait = free_addresses(count), ("--worker-timeout", 20)
    return [Worker(folder, addresses, i, *(others if i else chief), *wait) for i in range(count)]


def undisturbed(folder: Path, count: int) -> tuple[Path, float]:
    run, began = folder / f"undisturbed-{count}", time.monotonic()
    workers = started(folder, count, run)
    codes = all_end(workers, 1800)
    if any(codes):
        sys.exit(f"undisturbed it ended with {codes}:\n{workers[0].words}")
    return run, time.monotonic() - began


def disturbed(
    folder: Path, count: int, run: Path, kills: int, seconds: float, chance: random.Random
) -> Course:
    """A training that is disturbed up to `kills` times and taken up again until its end."""
    course = Course()
    while not course.wrong:
        workers = started(folder, count, run)
        course.starts += 1
        if course.kills < kills and _struck(workers, chance, seconds, course):
            if _finished(run):
                break
            continue
        codes = all_end(workers, 1800)
        if any(codes):
            course.wrong.append(f"left alone it ended with {codes}: {workers[0].words[-500:]}")
        break
    return course


def _finished(run: Path) -> bool:
    try:
        return json.loads((run / "summary.json").read_text())["status"] == "finished"
    except (OSError, ValueError, KeyError):
        return False


def _struck(workers: list[Worker], chance: random.Random, seconds: float, course: Course) -> bool:
    """Whether a worker was struck before its end; what the others make of it is looked at."""
    time.sleep(chance.uniform(0.05, 0.8) * seconds)
    struck = chance.randrange(len(workers))
    how = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP])
    if any(each.process.poll() is not None for each in workers):
        return False
    os.kill(workers[struck].process.pid, how)
    course.kills += 1
    began, words = time.monotonic(), f"worker {struck} of {len(workers)}, {how.name}"
    for index, each in enumerate(workers):
        if index == struck:
            continue
        while each.process.poll() is None and time.monotonic() - began < WITHIN:
            time.sleep(0.05)
        code = each.process.poll()
        # Struck at its very end, another may have finished.
        if code is None:
            course.wrong.append(f"{words}: worker {index} is still there after {WITHIN:.0f} s")
        elif code not in (0, 1):
            course.wrong.append(f"{words}: worker {index} ended with {code}")
        elif code == 1 and not any(reason in each.words for reason in REASONS):
            course.wrong.append(f"{words}: worker {index} gives no reason: {each.words[-300:]}")
        if "Traceback" in each.words:
            course.wrong.append(f"{words}: worker {index} has a traceback: {each.words[-600:]}")
    took = time.monotonic() - began
    course.slowest = max(course.slowest, took)
    for each in workers:
        if each.process.poll() is None:
            each.process.kill()
        each.end()
    print(f"{words}: all gone after {took:.1f} s", file=sys.stderr, flush=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, kills, runs, wrong, slowest = random.Random(arguments.seed), 0, 0, [], 0.0
    with tempfile.TemporaryDirectory(prefix="nnpy-stress-workers-") as name:
        folder = Path(name)
        config(folder)
        whole = {count: undisturbed(folder, count) for count in (2, 3)}
        while kills < arguments.kills and not wrong:
            count, runs = chance.choice([2, 2, 3]), runs + 1
            left = min(arguments.kills - kills, 5)
            run, seconds = folder / f"disturbed-{runs}", whole[count][1]
            course = disturbed(folder, count, run, left, seconds, chance)
            kills, slowest = kills + course.kills, max(slowest, course.slowest)
            wrong += course.wrong
            if not course.wrong and digests(run) != digests(whole[count][0]):
                wrong.append(f"run {runs} of {count} workers ended with other bits")
            print(f"run {runs}: {count} workers, {course.kills} kills", file=sys.stderr)
    print(f"{kills} kills in {runs} trainings; all gone within {slowest:.1f} s at the latest")
    print("\n".join(wrong) or "every training ended with the bits of one that was left alone")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
