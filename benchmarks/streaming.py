"""How much memory a training takes whose data are ten times the memory budget.

    python benchmarks/streaming.py --budget 100

Two trainings of `nnpy train`, one of a thousand examples and one of ten times the budget, each in
a process of its own; the difference of their peaks is what the data took.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

EXAMPLE = 28 * 28 + 1  # bytes, with the label
TRAIN = """
import re, sys
from nnpy import api
api.train(sys.argv[1], run_dir=sys.argv[2])
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=100.0, help="MiB")
    budget = parser.parse_args().budget
    small = _train(1000, budget)
    large = _train(int(10 * budget * 2**20 / EXAMPLE), budget)
    share = (large - small) / budget
    print(
        f"peak {small:.0f} MiB with no data to speak of, {large:.0f} with {10 * budget:.0f} MiB of"
        f" it: {large - small:.0f} MiB, {share:.2f} of the budget"
    )


def _train(examples: int, budget: float) -> float:
    """The peak memory of a training, in MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, "train", examples)
        _write(folder, "t10k", 1000)
        config = {
            "data": {"name": "idx", "path": name, "memory_budget": budget},
            "model": [
                "Flatten",
                {"Dense": {"units": 128, "activation": "relu"}},
                {"Dense": {"units": 10, "activation": "softmax"}},
            ],
            "training": {"epochs": 2, "batch_size": 256},
        }
        (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        command = [sys.executable, "-c", TRAIN, str(folder / "config.yaml"), str(folder / "run")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        seconds = json.loads((folder / "run" / "summary.json").read_text())["seconds"]["training"]
        print(f"{examples:,} examples: {seconds:.1f} s of training", file=sys.stderr)
        return int(re.findall(r"\d+", done.stdout)[-1]) / 1024


def _write(folder: Path, name: str, n: int) -> None:
    """Random pictures and labels, unpacked, as the standard IDX files."""
    random = np.random.default_rng(0)
    with (folder / f"{name}-images-idx3-ubyte").open("wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, n, 28, 28))
        for start in range(0, n, 10_000):
            file.write(random.bytes(min(10_000, n - start) * 28 * 28))
    labels = struct.pack(">4BI", 0, 0, 8, 1, n) + random.integers(0, 10, n, "uint8").tobytes()
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(labels)


if __name__ == "__main__":
    main()
