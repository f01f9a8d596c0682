"""One training on one device and on several logical devices of the CPU, compared; prints JSON.

    python -m tests.support.on_logical_devices "cnn on 4" …

TensorFlow divides a CPU once, before its first operation: this is for a process of its own.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from nnpy.devices import select, strategy

select.prepare_environment()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from nnpy.engine import Engine  # noqa: E402
from nnpy.engine.distributed import DistributedEngine  # noqa: E402
from tests.engine import test_equality as equality  # noqa: E402

DEVICES = 4
EPOCHS = 10
# model, optimizer, replicas, batch size, whether the data stream; 157 examples divide by none,
# and on 4 replicas the last 3 of batches of 7 are too few for each to have one.
CASES = {
    "mlp streamed on 4": ("dense", "accumulating", 4, 7, True),
    "batch normalization on 2": ("normalized", "adamw", 2, 7, False),
}
LONG_CASES = {
    "mlp on 2": ("dense", "sgd", 2, 8, False),
    "cnn on 2": ("convolutional", "adam", 2, 7, False),
    "cnn on 4": ("convolutional", "adam", 4, 7, False),
    "batch normalization on 4": ("normalized", "adamw", 4, 7, False),
    "lstm on 2": ("recurrent", "rmsprop", 2, 7, True),
    "lstm on 4": ("recurrent", "adamw", 4, 8, False),
    "dropout on 4": ("dropout", "sgd", 4, 8, False),
    "mixed precision on 2": ("mixed_precision", "sgd", 2, 8, False),
}


def compare(make: str, optimizer: str, replicas: int, batch: int, streams: bool) -> dict[str, Any]:
    data, model = equality.images(), getattr(equality, make)
    alone = equality.compiled(model, optimizer)
    devices = strategy.mirrored([f"CPU:{i}" for i in range(replicas)])
    with strategy.scope(devices):
        shared = equality.compiled(model, optimizer)
    settings: dict[str, Any] = {"batch_size": batch, "seed": 7}
    one = Engine(alone, equality.scaled, execution="graph", **settings)
    budget = {"memory_budget": 3000} if streams else {}
    many = DistributedEngine(shared, equality.scaled, strategy=devices, **settings, **budget)
    for epoch in range(EPOCHS):
        expected, logs = one.train_epoch(data, epoch), many.train_epoch(data, epoch)
    states = zip(equality.state(shared), equality.state(alone), strict=True)
    weights = zip(shared.get_weights(), alone.get_weights(), strict=True)
    kept = [v.value for v in (*shared.variables, *shared.optimizer.variables)]
    return {
        "steps": int(alone.optimizer.iterations),
        "weights": max(_difference(ours, theirs) for ours, theirs in weights),
        "state": max(_difference(ours, theirs) for ours, theirs in states),
        "logs": [expected, logs],
        "scores": [one.evaluate(data), many.evaluate(data)],
        "answers": float(np.abs(one.predict(data) - many.predict(data)).max()),
        "copies": [len(devices.experimental_local_results(variable)) for variable in kept],
        "copies are equal": all(_all_equal(devices, variable) for variable in kept),
    }


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    theirs = theirs.astype("float64")
    return float(np.abs(ours - theirs).max() / (np.abs(theirs).max() + 1e-8))


def _all_equal(devices: Any, variable: Any) -> bool:
    first, *others = (np.asarray(each) for each in devices.experimental_local_results(variable))
    return all(first.tobytes() == other.tobytes() for other in others)


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    each = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [each] * DEVICES)
    cases = CASES | LONG_CASES
    print(json.dumps({name: compare(*cases[name]) for name in sys.argv[1:]}))
