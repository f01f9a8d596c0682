"""Configs changed by their tokens, tree and schema: checked, and trained where that says yes.

    python -m tests.support.stress_configs --cases 2000 --trainings 100 --seed 0

The configs that come with nnpy and the examples of its documentation are changed a little.
`nnpy check` must say yes or what is wrong, in 5 seconds and 500 MB. What it accepts is trained
for an epoch on a tiny data set, or refused at its place, or ends with an error in words. A
traceback, a crash, a hang, all the memory: exit code 1, and the config is kept.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import mutants
from tests.support.limited_child import HOME, Child
from tests.support.schema_values import schema_changed
from tests.support.specimens import shipped_configs

_DATA = Path(tempfile.gettempdir()) / "nnpy-tiny-data"


def _check(path: Path) -> str:
    from nnpy.config.load import load_config

    return load_config(path).to_yaml()[:100]


def _train(path: Path) -> str:
    """An epoch on 60 images, without pictures and page."""
    import keras

    from nnpy.config.load import load_config
    from nnpy.workflows import report, train

    report.Reporter.draw = report.Reporter.report = lambda *_, **__: None  # type: ignore[method-assign]
    config = load_config(path, ("training.epochs=1",))
    if config.data.name != "idx":
        tiny = (f"data.path={_DATA}", "data.name=idx", "training.epochs=1")
        config = load_config(path, tiny)
    run = path.parent / "run"
    shutil.rmtree(run, ignore_errors=True)
    try:
        return str(train.train_config(config, run_dir=str(run)).status())
    finally:
        keras.backend.clear_session()


OPEN = {"check": _check, "train": _train}


def drawn(bases: list[str], schema: dict[str, Any], number: int, seed: int) -> str:
    """One changed config."""
    chance = random.Random(f"config {seed} {number}")
    text = bases[number % len(bases)]
    match chance.choice(("tokens", "tree", "schema", "schema")):
        case "tokens":
            return mutants.tokens_changed(text, chance)
        case "tree":
            return mutants.tree_changed(text, chance)
    return schema_changed(text, schema, chance)


def stress(
    cases: int,
    trainings: int,
    seed: int,
    folder: Path,
    keep: Path,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[Counter[str], list[str]]:
    """Check `cases` changed configs and train the first `trainings` that are accepted; counts by
    outcome, and what was survived badly."""
    from tests.support.datasets import tiny_fashion_mnist

    tiny_fashion_mnist(_DATA, 60, 20)
    module = "tests.support.stress_configs"
    children = {"check": Child("light", module), "train": Child("training", module)}
    schema = json.loads((HOME / "configs/schema.json").read_text("utf-8"))
    bases = [text.decode() for text in shipped_configs()]
    counts: Counter[str] = Counter()
    bad: list[str] = []
    path = folder / "c.yaml"
    trained = 0

    def ask(how: str) -> bool:
        outcome, text = children[how].ask(how, path)
        counts[f"{how}: {'yes' if outcome == 'answer' else outcome}"] += 1
        if outcome not in ("answer", "error"):
            keep.mkdir(parents=True, exist_ok=True)
            kept = keep / f"config-{seed}-{number}.yaml"
            kept.write_bytes(path.read_bytes())
            bad.append(f"{how} {number}: {outcome}: {text} ({kept})")
            progress(bad[-1])
        elif how == "train" and outcome == "error":
            progress(f"{number}: {text}")
        return outcome == "answer"

    try:
        for number in range(cases):
            path.write_bytes(drawn(bases, schema, number, seed).encode(errors="replace"))
            if ask("check") and trained < trainings:
                trained += 1
                ask("train")
    finally:
        for child in children.values():
            child.close()
    return counts, bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000, help="configs that are checked")
    parser.add_argument("--trainings", type=int, default=100, help="of those that are accepted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "nnpy-mutants")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, bad = stress(
            given.cases,
            given.trainings,
            given.seed,
            Path(folder),
            given.keep,
            lambda text: print(text, flush=True),
        )
    for outcome, count in sorted(counts.items()):
        print(f"{outcome:<20}{count:>7,}")
    print(f"{given.cases:,} configs changed, {len(bad)} survived badly")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
