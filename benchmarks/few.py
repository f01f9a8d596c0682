"""What augmentation and fine-tuning are worth where there are few pictures: configs/few.

    python benchmarks/few.py                 # --seeds 3; writes build/few and build/few/runs

From Fashion-MNIST: 50 pictures a class, learnt as they are and augmented; and five classes with 50
pictures each, learnt from the beginning and by a network that has learnt the other five. Each is
trained with several seeds and evaluated on all test pictures of its classes. `nnpy compare` says
of each pair whether it is more than chance. The tables are those of docs/data.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
FEW, EACH = ROOT / "build" / "few", 50
PAIRS = (("plain", "augmented"), ("scratch", "fine_tuned"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", action="store_true", help="only write the pictures")
    given = parser.parse_args()
    write_data()
    if given.data:
        return
    runs = FEW / "runs"
    _nnpy("train", "configs/few/five.yaml", "--run-dir", runs / "five", "--overwrite")
    print("| | test accuracy (mean of seeds) | lowest, highest | better by `nnpy compare` |")
    print("|---|---|---|---|", flush=True)
    for pair in PAIRS:
        scores: dict[str, list[float]] = {name: [] for name in pair}
        better = 0
        for seed in range(given.seeds):
            for name in pair:
                scores[name].append(_train(name, seed, runs))
            better += _is_better(*(runs / f"{name}-seed{seed}" for name in pair))
        for name, values in scores.items():
            won = f"{better} of {given.seeds} (p < 0.01)" if name == pair[1] else ""
            print(
                f"| configs/few/{name}.yaml | {statistics.fmean(values):.4f} | "
                f"{min(values):.4f}, {max(values):.4f} | {won} |",
                flush=True,
            )


def write_data() -> None:
    """The three sets of pictures, always the same."""
    from nnpy.data import registry

    whole = registry.load("fashion_mnist", validation_split=0.0)
    train_x, train_y, test_x, test_y = (
        np.asarray(each)
        for each in (whole.train.x, whole.train.y, whole.test.x, whole.test.y)  # type: ignore[union-attr]
    )
    drawn = np.random.default_rng(0)
    few = np.concatenate(
        [drawn.permutation(np.flatnonzero(train_y == label))[:EACH] for label in range(10)]
    )
    parts: dict[str, tuple[Any, Any]] = {
        "few": (few, np.arange(len(test_y))),
        "five": (np.flatnonzero(train_y < 5), np.flatnonzero(test_y < 5)),
        "others": (few[train_y[few] >= 5], np.flatnonzero(test_y >= 5)),
    }
    FEW.mkdir(parents=True, exist_ok=True)
    for name, (train, test) in parts.items():
        first = 5 if name == "others" else 0  # classes are counted from 0
        np.savez_compressed(
            FEW / f"{name}.npz",
            x_train=train_x[train],
            y_train=train_y[train] - first,
            x_test=test_x[test],
            y_test=test_y[test] - first,
        )


def _train(name: str, seed: int, runs: Path) -> float:
    run = runs / f"{name}-seed{seed}"
    begin = ["--set", f"training.initial_weights={runs / 'five'}"] if name == "fine_tuned" else []
    arguments = ["--set", f"training.seed={seed}", *begin, "--run-dir", run, "--overwrite"]
    _nnpy("train", f"configs/few/{name}.yaml", *arguments)
    test = json.loads((run / "summary.json").read_text())["test"]
    return float(test["accuracy"])


def _is_better(one: Path, other: Path) -> bool:
    """Whether `nnpy compare` finds the second of two runs better, and not by chance."""
    page = FEW / "compare.html"
    found = json.loads(_nnpy("compare", one, other, "-o", page, "--json"))
    (test,) = found["mcnemar"]
    return bool(test["only_second"] > test["only_first"] and test["p_value"] < 0.01)


def _nnpy(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nnpy", *map(str, arguments)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
