"""Every kind of model to every format that holds it: the table of docs/export.md.

    python benchmarks/exports.py                    # make exports; some 20 minutes on 2 cores
    python benchmarks/exports.py mlp lstm           # these rows alone; the others stay as they are
    python benchmarks/exports.py mlp lstm --print   # to the terminal alone

Each is trained for as many epochs on a part of Fashion-MNIST as it takes to answer better than by
chance, and exported by `nnpy.api.export`.
Ends with exit code 1 where a float format differs by 1e-5 or more, int8 costs a point of accuracy,
or what should have been held was not.
"""

from __future__ import annotations

import argparse
import gzip
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nnpy import api, data  # noqa: E402
from nnpy.errors import NnpyError  # noqa: E402

PAGE = ROOT / "docs" / "export.md"
START, STOP = "<!-- make exports -->\n", "<!-- end of make exports -->"
TRAIN, TEST = 6_000, 2_000
FORMATS = ("savedmodel", "onnx", "tflite", "keras")
INT8 = ("onnx", "tflite")
EPOCHS = {"mlp": 3, "cnn": 2, "residual": 3, "lstm": 2, "resnet": 6, "mixer": 1, "vit": 1}


def pictures(folder: Path) -> Path:
    """The first examples of Fashion-MNIST as a folder in the IDX format."""
    found = data.load("fashion_mnist", validation_split=0.0)
    for name, split, count in (("train", found.train, TRAIN), ("t10k", found.test, TEST)):
        for kind, array in (("images-idx3", split.x), ("labels-idx1", split.y)):
            part = np.asarray(array[:count], np.uint8)
            head = bytes([0, 0, 8, part.ndim]) + struct.pack(f">{part.ndim}I", *part.shape)
            content = gzip.compress(head + part.tobytes(), 1)
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(content)
    return folder


def table(folder: Path) -> Path:
    """A table of numbers, words and missing cells, and two classes that follow from them."""
    rng = np.random.default_rng(0)
    lines = ["age,income,town,member,answer"]
    for _ in range(3_000):
        age, town = rng.integers(18, 90), rng.choice(["Ulm", "Bonn", "Kiel", "Jena"])
        income = rng.lognormal(10, 0.5)
        member = rng.choice(["yes", "no"])
        wants = age / 90 + (town in ("Ulm", "Kiel")) + (member == "yes") * 0.5 + rng.normal() * 0.2
        cell = "" if rng.random() < 0.05 else f"{income:.0f}"
        lines.append(f"{age},{cell},{town},{member},{'buys' if wants > 1.2 else 'leaves'}")
    path = folder / "customers.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def of_config(name: str, folder: Path) -> tuple[Any, Any]:
    """A run of one of configs/."""
    where = ["data.name=idx", f"data.path={folder}", f"training.epochs={EPOCHS[name]}"]
    path = ROOT / "configs" / f"{name}.yaml"
    return api.train(path, overrides=where, run_dir=str(folder / name)), None


def gru(folder: Path) -> tuple[Any, Any]:
    model = [{"GRU": {"units": 64}}, {"Dense": {"units": 10, "activation": "softmax"}}]
    config = {"model": model, "training": {"epochs": 2, "batch_size": 64}}
    config["data"] = {"name": "idx", "path": str(folder)}
    return api.train(config, run_dir=str(folder / "gru")), None


def customers(folder: Path) -> tuple[Any, Any]:
    dense = [{"Dense": {"units": 16, "activation": "relu"}}]
    config = {
        "data": {"source": {"table": {"path": str(table(folder)), "target": "answer"}}},
        "model": [*dense, {"Dense": {"units": 2, "activation": "softmax"}}],
        "training": {"epochs": 5},
    }
    return api.train(config, run_dir=str(folder / "table")), None


def _fitted(model: Any, folder: Path, name: str, of_itself: bool = False) -> tuple[Any, Any]:
    """A Keras model of somebody's own after an epoch, saved; and the config of its data."""
    train = data.load("idx", path=str(folder)).train
    x = train.x[..., None].astype(np.float32) / 255
    model.fit(x, x if of_itself else train.y, batch_size=64, epochs=1, verbose=0)
    model.save(folder / f"{name}.keras")
    config = {
        "data": {"name": "idx", "path": str(folder), "rescale": 1 / 255},
        "model": ["Flatten"],
    }
    return folder / f"{name}.keras", config


def autoencoder(folder: Path) -> tuple[Any, Any]:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.UpSampling2D(),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    model.compile("adam", "mse")
    return _fitted(model, folder, "autoencoder", of_itself=True)


def _network(weights: str | None, freeze: Any, folder: Path, **training: Any) -> dict[str, Any]:
    """A config with MobileNet, a quarter as wide, under a head of its own."""
    network = {
        "alpha": 0.25,
        "weights": weights,
        "freeze": freeze,
        "grey_to_rgb": True,
        "dropout": 0.1,
    }
    return {
        "data": {"name": "idx", "path": str(folder)},
        "model": [
            {"ZeroPadding2D": {"padding": 2}},  # to 32 x 32, the least that it takes
            {"applications.MobileNet": network},
            {"Dense": {"units": 10, "activation": "softmax"}},
        ],
        "training": {"batch_size": 32, **training},
    }


def application(folder: Path) -> tuple[Any, Any]:
    """MobileNet with weights from a file (which is made here: nothing is downloaded), fine-tuned:
    its first layers stay as they are."""
    import keras

    before = api.train(
        _network(None, False, folder, epochs=8, optimizer="Adam"), run_dir=str(folder / "before")
    )
    body = next(
        each
        for each in keras.saving.load_model(before.best_path).layers
        if isinstance(each, keras.Model)
    )
    weights = folder / "mobilenet.weights.h5"
    body.save_weights(weights)
    tuned = {"optimizer": {"Adam": {"learning_rate": 1e-4}}, "epochs": 2}
    config = _network(str(weights), 30, folder, **tuned)
    return api.train(config, run_dir=str(folder / "application")), None


MODELS: dict[str, Callable[[Path], tuple[Any, Any]]] = {
    **{name: lambda folder, name=name: of_config(name, folder) for name in EPOCHS},
    "gru": gru,
    "autoencoder": autoencoder,
    "table": customers,
    "application": application,
}


def exported(target: Any, config: Any, name: str, quantize: str, folder: Path) -> dict[str, Any]:
    """What exporting says: the export, or {"failed": why}."""
    (folder / "out").mkdir(exist_ok=True)
    told = api.export(
        target, name, quantize=quantize, output=folder / "out", config=config, progress=print
    )
    return told["exports"][0] if told["exports"] else {"failed": told["failed"][name]}


def row(name: str, folder: Path, wrong: list[str]) -> list[str]:
    """The cells of a model's row."""
    target, config = MODELS[name](folder)
    cells = [name]
    for kind in FORMATS:
        found = exported(target, config, kind, "none", folder)
        cells.append(found.get("failed") or f"{found['difference']:.0e}")
        if "failed" in found or not found["agrees"] or found["difference"] >= 1e-5:
            wrong.append(f"{name} as {kind}: {found.get('failed') or found['difference']}")
    cells.append(_scored(found))
    for kind in INT8:
        found = exported(target, config, kind, "int8", folder)
        weights = " (weights)" if found.get("quantize") == "int8-weights" else ""
        cells.append(found.get("failed") or f"{found['after'] or float('nan'):.4f}{weights}")
        lost = found["before"] - found["after"] if found.get("score") == "accuracy" else 0.0
        if "failed" in found or not found["agrees"] or lost >= 0.01:
            wrong.append(f"{name} as {kind} with int8: {found.get('failed') or found}")
        cells.append(f"{found['model_bytes'] / 1000:,.0f} → {found['bytes'] / 1000:,.0f}")
    return cells


def _scored(found: dict[str, Any]) -> str:
    if found.get("before") is None:
        return ""
    return f"{found['score']} {found['before']:.4f}"


def _with_rows(table: str, rows: list[str]) -> str:
    """The table with these rows instead of those of the same models."""
    renewed = {each.split(" | ")[0]: each for each in rows}
    kept = [renewed.get(each.split(" | ")[0], each) for each in table.splitlines()]
    return "\n".join(kept) + "\n"


def main() -> int:
    """Makes the table, and writes it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", help=", ".join(MODELS))
    parser.add_argument("--print", action="store_true", help="leave docs/export.md as it is")
    arguments = parser.parse_args()
    head = ["model", *FORMATS, "score", "onnx int8", "kB", "tflite int8", "kB"]
    wrong: list[str] = []
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    with tempfile.TemporaryDirectory(prefix="nnpy-exports-") as name:
        folder = pictures(Path(name))
        for each in arguments.models or MODELS:
            try:
                cells = row(each, folder, wrong)
            except NnpyError as error:
                wrong.append(f"{each}: {error}")
                continue
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if not arguments.print:
        page = PAGE.read_text(encoding="utf-8")
        start, stop = page.index(START) + len(START), page.index(STOP)
        if arguments.models:
            text = _with_rows(page[start:stop], lines[2:])
        PAGE.write_text(page[:start] + text + page[stop:], encoding="utf-8")
    for each in wrong:
        print(f"WRONG: {each}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
