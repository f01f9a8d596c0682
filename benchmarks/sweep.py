"""What a sweep costs beside its trainings: seconds a trial, and the memory of its process.

    python benchmarks/sweep.py                  # 500 trials of a few steps; on an idle machine
    python benchmarks/sweep.py --trials 20

The start of a process is what each trial would cost that began as a process of its own: TensorFlow
and nnpy loaded, nothing trained. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """\
data: {{name: blobs}}
model:
  - Dense: {{units: 8, activation: relu}}
  - Dense: {{units: 3, activation: softmax}}
training: {{epochs: 1, steps_per_epoch: 2, optimizer: SGD}}
sweep:
  trials: {trials}
  search:
    training.optimizer.learning_rate: {{log: [1.0e-4, 0.3]}}
    model.0.Dense.units: {{int: [2, 64]}}
"""
START = "from nnpy.workflows.sweep import server; server._load()"


def start() -> float:
    """The seconds that a process takes that loads all that a training needs; the median of 3."""
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", START], check=True, env=_environment())
        spent.append(time.perf_counter() - began)
    return sorted(spent)[1]


def sweep(trials: int, jobs: int, folder: Path) -> tuple[float, list[float], dict]:
    """The seconds of a sweep, the MiB of its process after each trial, and what it found."""
    (folder / "c.yaml").write_text(CONFIG.format(trials=trials), encoding="utf-8")
    began = time.perf_counter()
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "nnpy", "sweep", "c.yaml", "-j", str(jobs)],
            cwd=folder,
            env=_environment(),
            stdout=said,
            stderr=said,
        )
        done, memory = 0, []
        while process.poll() is None:
            time.sleep(0.1)
            seen = (folder / "said.txt").read_text(errors="replace").count(" complete: ")
            if seen > done:
                done = seen
                memory.append(_resident(process.pid))
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit((folder / "said.txt").read_text(errors="replace")[-2000:])
    told = json.loads((folder / "sweeps/c/sweep.json").read_text(encoding="utf-8"))
    return seconds, [each for each in memory if each], told


def _resident(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    kib = next((each.split()[1] for each in lines if each.startswith("VmRSS")), "0")
    return int(kib) / 1024


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    alone = start()
    with tempfile.TemporaryDirectory(prefix="nnpy-sweep-") as name:
        seconds, memory, told = sweep(arguments.trials, arguments.jobs, Path(name))
    trained = sum(each["seconds"] for each in told["trials"]) / arguments.jobs
    cost = (seconds - alone - trained) / arguments.trials
    print(f"{arguments.trials} trials in {seconds:.1f} s, {trained:.1f} s of it trainings")
    print(f"beside the training {cost:.3f} s a trial; a process's start takes {alone:.2f} s")
    if memory:
        early = memory[min(len(memory) - 1, max(10, len(memory) // 10))]
        print(
            f"its process: {early:.0f} MiB after a tenth of the trials, {memory[-1]:.0f} at the end"
        )


if __name__ == "__main__":
    main()
