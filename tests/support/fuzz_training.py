"""Trainings drawn from the catalog: `nnpy check` refuses them, or an epoch of them trains.

    python -m tests.support.fuzz_training 300 [SEED]     # by hand: a second each

A draw puts a last layer, a loss, metrics (weighted ones too), callbacks, an optimizer and some
settings together, on two or ten classes, as class numbers or one-hot, for one output or two. A
part that the check refuses is mostly drawn anew, so that most of the draws train; the rest are
left wrong. What neither the check refuses nor the training tells in words is a fault, and so is a
mistake of the config that is told only when it trains.
"""

from __future__ import annotations

import copy
import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.catalog import catalog
from nnpy.config.load import load_config
from nnpy.errors import ConfigError, NnpyError
from tests.support import off_defaults
from tests.support.datasets import write_idx

# What needs a package or a server that is not there, or live objects.
LEFT_OUT = {*off_defaults.EXCEPTIONS, "TensorBoard", "RemoteMonitor", "MeanMetricWrapper"}

OWN = """
import keras


def closeness(y_true, y_pred):
    return keras.ops.mean(y_pred, axis=-1)


def halve(epoch, rate):
    return float(rate) / 2


def watch(*arguments, **named):
    pass


class Counting(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.last = logs["loss"]

    def on_epoch_end(self, epoch, logs=None):
        logs["val_counted"] = 1.0


class Seen(keras.metrics.Mean):
    def __init__(self, name="seen", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(y_pred, sample_weight=None)
"""
_OWN = {"loss": ["closeness"], "metric": ["closeness", "Seen"], "callback": ["Counting"]}
_TRIES = 12


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
    (folder / "own.py").write_text(OWN)
    return found


def draw(rng: random.Random, folders: dict[int, Path]) -> dict[str, Any]:
    """A config, right or wrong."""
    classes = rng.choice([2, 10])
    folder = folders[classes]
    config: dict[str, Any] = {
        "code": str(folder.parent / "own.py"),
        "data": {
            "name": "idx",
            "path": str(folder),
            "labels": rng.choice(["sparse", "one_hot"]),
            "validation_split": rng.choice([0.2, 0.2, 0.2, 0]),
        },
        "model": _model(rng, classes),
        "training": {"epochs": 1, "batch_size": 20, "execution": "graph"},
    }
    training = config["training"]

    def set_to(key: str, make: Callable[[], Any], old: Any = None) -> None:
        """Draws a value until the config is right; now and then it is left as it is drawn."""
        for _ in range(1 if rng.random() < 0.06 else _TRIES):
            training[key] = make() if old is None else [*old, make()]
            if not _is_refused(config):
                return

    # Without a loss that fits, everything else would be refused because of it.
    set_to("loss", lambda: _object(rng, "loss"))
    outputs = config["model"].get("outputs", {}) if isinstance(config["model"], dict) else {}
    if outputs and rng.random() < 0.5:
        both = training["loss"]
        set_to("loss", lambda: dict.fromkeys(outputs, both) | {"aux": _object(rng, "loss")})
    for key, most in (("metrics", 3), ("weighted_metrics", 1), ("callbacks", 3)):
        kind = "callback" if key == "callbacks" else "metric"
        training[key] = []
        for _ in range(rng.randint(0, most)):
            set_to(key, lambda kind=kind: _object(rng, kind), training[key])  # type: ignore[misc]
    if rng.random() < 0.5:
        set_to("optimizer", lambda: _object(rng, "optimizer"))
    for key, values in (
        ("monitor", ["val_loss", "loss", "val_accuracy", "val_seen", "val_counted"]),
        ("class_weight", [{0: 2.0}, {1: 0.5, 0: 1.0}, {9: 3.0}]),
        ("steps_per_epoch", [1, 2, 7]),
        ("validation_freq", [1, [1]]),
        ("shuffle", [False]),
        ("execution", ["eager", "xla"]),
    ):
        if rng.random() < 0.12:
            set_to(key, lambda values=values: rng.choice(values))  # type: ignore[misc]
    return config


def _model(rng: random.Random, classes: int) -> Any:
    def end(**more: Any) -> dict[str, Any]:
        units = rng.choice([classes, classes, 1]) if classes == 2 else classes
        units = units if rng.random() < 0.95 else rng.choice([1, 3])
        activation = rng.choice(["softmax", "softmax", "sigmoid", "tanh", "linear"])
        return {"Dense": {"units": units, "activation": activation, **more}}

    if rng.random() < 0.8:
        return ["Flatten", end()]
    layers = ["Flatten", {"Dense": {"units": 4, "name": "body"}}]
    layers += [end(name="one"), end(name="two", **{"from": "body"})]
    return {"layers": layers, "outputs": {"main": "one", "aux": "two"}}


def _is_refused(config: dict[str, Any]) -> bool:
    try:
        load_config(copy.deepcopy(config))
    except ConfigError:
        return True
    return False


def _object(rng: random.Random, kind: str) -> Any:
    """An object of the catalog or of `OWN`, by its name or an alias, sometimes with arguments."""
    if rng.random() < 0.05 and kind in _OWN:
        return rng.choice(_OWN[kind])
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
    if entry.name == "LearningRateScheduler":
        values["schedule"] = "halve"
    if entry.name == "LambdaCallback":
        values = dict.fromkeys(values, "watch") or {"on_epoch_end": "watch"}
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
            if number % 50 == 49:
                print(f"{number + 1}: {dict(told)}", flush=True)
            import keras

            keras.backend.clear_session()
    print(dict(told))
    return told["fault"] + told["told late"]


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(1 if main(given[0] if given else 100, given[1] if len(given) > 1 else 0) else 0)
