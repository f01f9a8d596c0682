"""What several workers cost: `make scaling`; prints the tables of docs/scaling.md.

    python benchmarks/scaling.py [--batch 64] [--steps 300] [--repeats 3]

Workers of this machine, each with one thread, share the global batches of one network. Their step
is measured, and predicted from parts that were measured by themselves: the step of one process
with the rows of one worker, and the exchange of two workers with a small and a large network.
The same formula then tells of machines that are not here; what it assumes is printed with it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nnpy.devices import host

ROOT = Path(__file__).resolve().parents[1]
WIDTH, SMALL, LARGE = 128, 16, 2048  # units of the network, and of those for the exchange
EPOCHS = 4


@dataclass(frozen=True)
class Step:
    """Seconds of a step; of several workers, of its exchange, and the bytes each gives in it."""

    seconds: float
    exchange: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class Network:
    """A ring: the seconds that a message takes, and the bytes a second that one link carries."""

    latency: float
    bandwidth: float

    def exchange(self, size: float, members: int) -> float:
        """Ring all-reduce: each member sends its `size` bytes, but for its own part, twice, in
        2·(members - 1) messages (Patarasuk and Yuan, 2009)."""
        rounds = 2 * (members - 1)
        return rounds * self.latency + rounds / members * size / self.bandwidth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, help="of all workers together")
    parser.add_argument("--steps", type=int, default=300, help="of an epoch")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    print(f"{host.processor()}, {cores} cores, Python {platform.python_version()}; load {load:.1f}")
    print(f"784-{WIDTH}-10, batch {args.batch}, median of {args.repeats}\n")
    rows = [args.batch // n for n in (1, 2, 4)]
    # In turns, so that what else the machine does meets all of them.
    turns = [_measured(args, rows) for _ in range(args.repeats)]
    found = {key: _median([turn[key] for turn in turns]) for key in turns[0]}
    _tell_measured(found, args.batch, cores)
    _tell_assumed()


def _measured(args: argparse.Namespace, rows: list[int]) -> dict[str, Step]:
    found = {f"rows {size}": _run(args, 1, WIDTH, size) for size in rows}
    found |= {f"workers {n}": _run(args, n, WIDTH, args.batch) for n in (2, 4)}
    found |= {f"width {width}": _run(args, 2, width, args.batch) for width in (SMALL, LARGE)}
    return found


def _run(args: argparse.Namespace, workers: int, width: int, batch: int) -> Step:
    """A training by the real command; its first epoch, which compiles, is left out."""
    config = {
        "data": {"name": "idx", "path": args.data, "validation": {"split": 0.5}},
        "model": [
            "Flatten",
            {"Dense": {"units": width, "activation": "relu"}},
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
        "training": {
            "epochs": EPOCHS,
            "batch_size": batch,
            "steps_per_epoch": args.steps,
            "execution": "graph",
            "validation_freq": EPOCHS,  # the last epoch's seconds are left out as well
        },
    }
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="nnpy-scaling-") as folder:
        path, run = Path(folder) / "config.yaml", Path(folder) / "run"
        path.write_text(json.dumps(config))
        start = ["launch", "-n", str(workers)] if workers > 1 else ["train"]
        how = [] if workers > 1 else ["--devices", "1", "--device", "cpu"]
        command = [sys.executable, "-m", "nnpy", *start, str(path), "--run-dir", str(run), *how]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
        summary = json.loads((run / "summary.json").read_text())
        with (run / "metrics.csv").open(newline="") as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    step = statistics.median(seconds[1:-1]) / args.steps
    told = summary.get("exchange", {})
    print(
        f"  {workers} workers, {width} units, batch {batch}: {1e3 * step:.2f} ms a step",
        file=sys.stderr,
        flush=True,
    )
    return Step(step, told.get("seconds_per_step", 0.0), told.get("bytes_per_step", 0))


def _median(steps: list[Step]) -> Step:
    return Step(
        statistics.median(each.seconds for each in steps),
        statistics.median(each.exchange for each in steps),
        steps[0].bytes,
    )


def _fitted(small: Step, large: Step) -> Network:
    """What two workers' exchanges of few and of many bytes say of the ring between them."""
    slope = (large.exchange - small.exchange) / (large.bytes - small.bytes)
    latency = (small.exchange - slope * small.bytes) / 2
    return Network(max(latency, 0.0), 1 / slope if slope > 0 else math.inf)


def _tell_measured(found: dict[str, Step], batch: int, cores: int) -> None:
    ring = _fitted(found[f"width {SMALL}"], found[f"width {LARGE}"])
    size = found["workers 2"].bytes
    print(
        f"Between two workers: {1e3 * ring.latency:.2f} ms a message, "
        f"{ring.bandwidth / 1e6:.0f} MB/s; {size / 1e6:.2f} MB of gradients\n"
    )
    print("| workers | step, ms | computing | exchange | share | predicted, ms | off by |")
    print("|---|---|---|---|---|---|---|")
    alone = found[f"rows {batch}"].seconds
    print(f"| 1 | {1e3 * alone:.2f} | {1e3 * alone:.2f} | – | – | – | – |")
    for n in (2, 4):
        step = found[f"workers {n}"]
        # More workers than cores take turns, in computing and in sending.
        turns = max(1.0, n / cores)
        computing = turns * found[f"rows {batch // n}"].seconds
        predicted = computing + turns * ring.exchange(step.bytes, n)
        off = predicted / step.seconds - 1
        print(
            f"| {n} | {1e3 * step.seconds:.2f} | {1e3 * (step.seconds - step.exchange):.2f} "
            f"| {1e3 * step.exchange:.2f} | {step.exchange / step.seconds:.0%} "
            f"| {1e3 * predicted:.2f} | {off:+.0%} |"
        )


# -- machines that are not here --------------------------------------------------------------

GPUS = 8  # of a machine
NVLINK = Network(latency=5e-6, bandwidth=200e9)
ETHERNET = Network(latency=20e-6, bandwidth=12.5e9)  # 100 Gbit/s a machine
PARAMETERS = 25.6e6  # ResNet-50
COMPUTING = 0.026  # seconds of a step of 64 pictures a GPU, at 2,500 pictures a second


def _tell_assumed() -> None:
    size = 4 * PARAMETERS
    print(
        f"\nAssumed: ResNet-50 ({size / 1e6:.0f} MB of gradients), 64 pictures a GPU in "
        f"{1e3 * COMPUTING:.0f} ms; {GPUS} GPUs a machine, {NVLINK.bandwidth / 1e9:.0f} GB/s and "
        f"{1e6 * NVLINK.latency:.0f} µs between them; {ETHERNET.bandwidth / 1e9:.1f} GB/s and "
        f"{1e6 * ETHERNET.latency:.0f} µs between machines; one ring through all GPUs, no faster "
        "than its slowest link; nothing computed while exchanging.\n"
    )
    print("| machines | GPUs | exchange, ms | step, ms | of what it could be |")
    print("|---|---|---|---|---|")
    for machines in (1, 2, 4, 8, 16, 32, 64):
        members = machines * GPUS
        ring = NVLINK if machines == 1 else ETHERNET
        # Within a machine a message of the ring takes the short way.
        slow = 2 * (members - 1) * (machines / members if machines > 1 else 1)
        fast = 2 * (members - 1) - slow
        took = (
            slow * ring.latency
            + fast * NVLINK.latency
            + 2 * (members - 1) / members * size / ring.bandwidth
        )
        step = COMPUTING + took
        print(
            f"| {machines} | {members} | {1e3 * took:.1f} | {1e3 * step:.1f} "
            f"| {COMPUTING / step:.0%} |"
        )


if __name__ == "__main__":
    main()
