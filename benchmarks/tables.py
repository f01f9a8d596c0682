"""A CSV file ready to train on, against polars' own reading of it: seconds and peak memory.

    python benchmarks/tables.py [--rows 1000000] [--rounds 3]

The file is made once in the system's folder of temporary files: 19 columns, 14 of numbers, four of
words (2, 2, 12 and 1,000 values) and a target of three classes. "Ready" is: read and checked, every
column's kind decided over all rows, digest taken, the statistics of 70 % of the rows fitted, all
rows made into vectors. Each measurement is a process of its own, both sides in turns; the imports
are not counted in the seconds. What is reported is the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

POLARS = """
import json, resource, sys, time
import polars
began = time.perf_counter()
frame = polars.read_csv(sys.argv[1])
seconds = time.perf_counter() - began
"""
READY = """
import json, resource, sys, time
from pathlib import Path
import numpy, polars
from nnpy.data.table.table import Options, read_table
began = time.perf_counter()
table = read_table({"train": Path(sys.argv[1])}, Options(target=("target",)))
rows = table.rows["train"]
record, notes = table.fit(rows[: len(rows) * 7 // 10])
x = table.encode(record, rows).x
seconds = time.perf_counter() - began
"""
END = """
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, peak]))
"""


def make(path: Path, rows: int) -> None:
    """Writes the file."""
    import numpy as np
    import polars

    rng = np.random.default_rng(0)

    def words(form: str, count: int) -> np.ndarray:
        return np.array([form.format(i) for i in range(count)])[rng.integers(0, count, rows)]

    columns = {f"number_{i}": rng.normal(size=rows).round(6) for i in range(10)}
    columns |= {f"whole_{i}": rng.integers(0, 10 ** (i + 2), rows) for i in range(4)}
    columns["sex"] = np.array(["female", "male"])[rng.integers(0, 2, rows)]
    columns["paid"] = np.array(["no", "yes"])[rng.integers(0, 2, rows)]
    columns["city"] = words("city {}", 12)
    columns["shop"] = words("shop-{:04d}", 1000)
    columns["target"] = words("class {}", 3)
    polars.DataFrame(columns).write_csv(path)


def measure(code: str, path: Path) -> tuple[float, float]:
    """Seconds and MiB of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code + END, str(path)], capture_output=True, text=True, check=True
    )
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    path = Path(tempfile.gettempdir()) / f"nnpy-table-{given.rows}.csv"
    if not path.exists():
        make(path, given.rows)
    print(f"{path}: {given.rows:,} rows, 19 columns, {path.stat().st_size / 2**20:.0f} MiB")
    found: dict[str, list[tuple[float, float]]] = {"polars": [], "ready": []}
    for _ in range(given.rounds):
        found["polars"].append(measure(POLARS, path))
        found["ready"].append(measure(READY, path))
    for name, values in found.items():
        seconds, peak = (statistics.median(each) for each in zip(*values, strict=True))
        print(f"{name:7} {seconds:6.2f} s  {peak:6.0f} MiB")
    pairs = zip(found["ready"], found["polars"], strict=True)
    ratios = [(ours[0] / theirs[0], ours[1] / theirs[1]) for ours, theirs in pairs]
    time, memory = (sorted(each) for each in zip(*ratios, strict=True))
    print(f"ratio   {statistics.median(time):.2f} × the time ({time[0]:.2f}–{time[-1]:.2f})")
    print(
        f"        {statistics.median(memory):.2f} × the memory ({memory[0]:.2f}–{memory[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
