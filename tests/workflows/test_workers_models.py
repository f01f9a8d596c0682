"""Every kind of model, shared by two and three processes, ends as on one device.

200 steps and more of batches by which the examples do not divide; the last batch of an epoch has
fewer examples than there are workers. Each worker writes down its own weights.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.local_workers import Worker, all_end, free_addresses

pytestmark = pytest.mark.slow

CODE = """\
import json, os
import keras, numpy as np

class Keep(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        task = json.loads(os.environ.get("TF_CONFIG") or "{}").get("task", {"index": "alone"})
        kept = [np.asarray(each.value) for each in (*self.model.variables,
                                                    *self.model.optimizer.variables)]
        np.savez(os.path.join(os.environ["KEPT"], f"{task['index']}.npz"), *kept)
"""
END = {"Dense": {"units": 10, "activation": "softmax"}}
CONV = {"filters": 4, "kernel_size": 3, "padding": "same"}
# A bias before BatchNormalization learns nothing but rounding; and with ReLU this network of few
# filters is chaotic: on one device, too, weights that begin 1e-6 apart end 1e-2 apart.
BEFORE = {**CONV, "use_bias": False}
MODELS = {
    "mlp": [
        "Flatten",
        {"Dense": {"units": 16, "activation": "relu"}},
        {"Dropout": {"rate": 0.2}},
        END,
    ],
    "cnn": [{"Conv2D": {**CONV, "activation": "relu"}}, "MaxPooling2D", "Flatten", END],
    "residual": {
        "inputs": {"x": {"shape": [28, 28, 1]}},
        "layers": [
            {"AveragePooling2D": {"pool_size": 2}},
            {"Conv2D": {**BEFORE, "name": "first"}},
            "BatchNormalization",
            {"Activation": {"activation": "tanh", "name": "short"}},
            {"Conv2D": {**BEFORE, "name": "second"}},
            {"BatchNormalization": {"name": "normal"}},
            {"Add": {"from": ["short", "normal"]}},
            "GlobalAveragePooling2D",
            END,
        ],
    },
    "lstm": [{"LSTM": {"units": 8}}, END],
}
BATCH, EPOCHS = 7, 3  # 477 examples are 68 batches and one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "own.py").write_text(CODE)
    for name, model in MODELS.items():
        config = {
            "code": "own.py",
            "data": {"name": "idx", "path": str(tiny), "validation": {"split": 0.205}},
            "model": model,
            "training": {
                "epochs": EPOCHS,
                "batch_size": BATCH,
                "optimizer": {"SGD": {"learning_rate": 0.01, "momentum": 0.9}},
                "callbacks": ["Keep"],
            },
        }
        (folder / f"{name}.yaml").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("name", "count"), [("mlp", 3), ("cnn", 2), ("residual", 2), ("residual", 3), ("lstm", 2)]
)
def test_workers_are_equal_to_the_bit_and_to_one_device(
    folder: Path, nnpy, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    kept = folder / f"{name}-{count}"
    kept.mkdir()
    monkeypatch.setenv("KEPT", str(kept))
    config = f"{name}.yaml"
    done = nnpy("train", folder / config, "--run-dir", kept / "one", timeout=600)
    assert done.returncode == 0, done.stderr
    addresses = free_addresses(count)
    workers = [
        Worker(folder, addresses, index, config, "--run-dir", kept / "shared")
        if index == 0
        else Worker(folder, addresses, index, config)
        for index in range(count)
    ]
    assert all_end(workers, 900) == [0] * count, [each.words for each in workers]

    first, *others = (_arrays(kept / f"{index}.npz") for index in range(count))
    for other in others:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first, other, strict=True))
    alone = _arrays(kept / "alone.npz")
    for ours, theirs in zip(first, alone, strict=True):
        theirs = theirs.astype("float64")
        assert np.abs(ours - theirs).max() <= 1e-4 * (np.abs(theirs).max() + 1e-8)
    summary = json.loads((kept / "shared/summary.json").read_text())
    assert summary["distribution"]["workers"] == count
    assert summary["test"] == pytest.approx(
        json.loads((kept / "one/summary.json").read_text())["test"], rel=1e-4
    )


def _arrays(path: Path) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[name] for name in file.files]
