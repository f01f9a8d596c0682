"""What augmentation and fine-tuning are worth where there are few pictures: configs/few.

    python benchmarks/few.py                 # --seeds 3, --only augmented; writes build/few

From Fashion-MNIST: 50 pictures a class, learnt as they are and augmented; and five classes with 50
pictures each, learnt from the beginning and by a network that has learnt the other five. Each is
trained with several seeds and evaluated on all test pictures of its classes. `nnpy compare` says
of each pair whether it is more than chance. The tables are those of docs/data.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
FEW, EACH = ROOT / "build" / "few", 50
FIVE = (0, 2, 5, 7, 8)  # T-shirt, pullover, sandal, sneaker, bag
OTHERS = (1, 3, 4, 6, 9)  # trouser, dress, coat, shirt, ankle boot
PAIRS = (("plain", "augmented"), ("scratch", "fine_tuned"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", action="store_true", help="only write the pictures")
    parser.add_argument("--only", choices=[pair[1] for pair in PAIRS], help="one of the pairs")
    given = parser.parse_args()
    write_data()
    if given.data:
        return
    runs = FEW / "runs"
    if given.only != "augmented":
        _nnpy("train", "configs/few/five.yaml", "--run-dir", runs / "five", "--overwrite")
    print("| | test accuracy (mean of seeds) | lowest, highest | better by `nnpy compare` |")
    print("|---|---|---|---|", flush=True)
    for pair in PAIRS:
        if given.only not in (None, pair[1]):
            continue
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

    source = registry.load("fashion_mnist", validation_split=0.0)
    train_x, train_y, test_x, test_y = (
        np.asarray(each)
        for each in (source.train.x, source.train.y, source.test.x, source.test.y)  # type: ignore[union-attr]
    )
    drawn = np.random.default_rng(0)
    few = np.concatenate(
        [drawn.permutation(np.flatnonzero(train_y == label))[:EACH] for label in range(10)]
    )
    parts: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
        "few": (few, np.arange(len(test_y)), tuple(range(10))),
        "five": (np.arange(len(train_y)), np.arange(len(test_y)), FIVE),
        "others": (few, np.arange(len(test_y)), OTHERS),
    }
    FEW.mkdir(parents=True, exist_ok=True)
    for name, (train, test, classes) in parts.items():
        train, test = (
            rows[np.isin(y[rows], classes)] for rows, y in ((train, train_y), (test, test_y))
        )
        number = np.searchsorted(classes, np.arange(10)).astype("uint8")  # counted from 0
        whole = FEW / f"{name}.npz"
        np.savez_compressed(
            part := whole.with_name(f"{os.getpid()}-{whole.name}"),
            x_train=train_x[train],
            y_train=number[train_y[train]],
            x_test=test_x[test],
            y_test=number[test_y[test]],
        )
        part.replace(whole)


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
