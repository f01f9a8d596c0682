"""Trainings drawn from the catalog: `nnpy check` refuses them, or an epoch of them trains.

    python -m tests.support.fuzz_training 300 [SEED]     # by hand: some seconds each

Each draw puts a last layer, a loss, up to three metrics and up to two callbacks together, on two
or ten classes, as class numbers or one-hot. What neither the check refuses nor the training
tells in words is a fault; so is a mistake of the config that is told only when it trains.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.catalog import catalog
from nnpy.config.load import load_config
from nnpy.errors import ConfigError, NnpyError
from tests.support import off_defaults
from tests.support.datasets import write_idx

# What needs a package or a server that is not there, or live objects.
LEFT_OUT = {
    *off_defaults.EXCEPTIONS,
    *("RemoteMonitor", "MeanMetricWrapper", "LearningRateScheduler", "LambdaCallback"),
}


def data(folder: Path) -> dict[int, Path]:
    """Number of classes → a folder with 60 training and 20 test images of 6×6."""
    rng = np.random.default_rng(0)
    found = {}
    for classes in (2, 10):
        found[classes] = folder / f"classes{classes}"
        for name, count in (("train", 60), ("t10k", 20)):
            labels = rng.permutation(np.arange(count) % classes).astype("uint8")
            images = (
                rng.integers(0, 255, (count, 6, 6)).astype("uint8") // 2 + labels[:, None, None]
            )
            write_idx(found[classes] / f"{name}-images-idx3-ubyte.gz", images)
            write_idx(found[classes] / f"{name}-labels-idx1-ubyte.gz", labels)
    return found


def draw(rng: random.Random, folders: dict[int, Path]) -> dict[str, Any]:
    """A config, right or wrong."""
    classes = rng.choice([2, 10])
    units = rng.choice([classes, classes, 1])
    end: dict[str, Any] = {"units": units}
    activation = rng.choice(["softmax", "sigmoid", None, "softmax"])
    if activation:
        end["activation"] = activation
    training: dict[str, Any] = {
        "epochs": 1,
        "batch_size": 20,
        "execution": "graph",
        "loss": _object(rng, "loss"),
        "metrics": [_object(rng, "metric") for _ in range(rng.randint(0, 3))],
        "callbacks": [_object(rng, "callback") for _ in range(rng.choice([0, 0, 1, 2]))],
    }
    return {
        "data": {
            "name": "idx",
            "path": str(folders[classes]),
            "labels": rng.choice(["sparse", "one_hot"]),
            "validation_split": rng.choice([0.2, 0.2, 0]),
        },
        "model": ["Flatten", {"Dense": end}],
        "training": training,
    }


def _object(rng: random.Random, kind: str) -> Any:
    """An object of the catalog by its name or an alias, sometimes with arguments."""
    known = catalog.load()
    entry = None
    while entry is None:
        name = rng.choice(known.names(kind))
        entry = known.find(kind, name) if name not in LEFT_OUT else None
    values = {
        each.name: off_defaults.value_of(entry, each)
        for each in entry.parameters
        if each.name not in ("name", "dtype") and (each.required or rng.random() < 0.12)
    }
    if not values and rng.random() < 0.5:
        return rng.choice([entry.name, *entry.aliases])
    return {entry.name: values} if values else entry.name


def outcome(config: dict[str, Any], folder: Path) -> str:
    """`refused`, `trained`, `told late: …` or `stopped: …`; raises what is a bug in nnpy."""
    from nnpy.workflows import report, train

    try:
        checked = load_config(config)
    except ConfigError:
        return "refused"
    report.Reporter.draw = report.Reporter.report = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        train.train_config(checked, run_dir=str(folder))
    except ConfigError as error:
        return f"told late: {error}"
    except NnpyError as error:
        return f"stopped: {error}"
    return "trained"


def main(count: int, seed: int) -> int:
    """Tries that many; returns the number of faults."""
    import warnings

    warnings.simplefilter("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    told: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        folders = data(Path(home))
        for number in range(count):
            config = draw(random.Random(f"{seed}-{number}"), folders)
            try:
                result = outcome(config, Path(home, f"run-{number}"))
            except Exception as error:  # noqa: BLE001 – it is what is looked for
                result = "fault"
                line = traceback.format_exception_only(error)[-1].strip()[:300]
                print(f"{number}: FAULT {line}\n    {config}", flush=True)
            if result.startswith(("told late", "stopped")):
                print(f"{number}: {result[:400]}\n    {config}", flush=True)
            told[result.partition(":")[0]] += 1
            faults += result == "fault"
            import keras

            keras.backend.clear_session()
    print(dict(told))
    return faults


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(1 if main(given[0] if given else 100, given[1] if len(given) > 1 else 0) else 0)
