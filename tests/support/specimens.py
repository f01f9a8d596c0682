"""Good files of every kind that nnpy opens, to be changed by tests."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.support.datasets import tiny_fashion_mnist
from tests.support.limited_child import HOME, OLD_RUN


def specimens(file: str, folder: Path) -> list[bytes]:
    """Good files of the kind that has this name; what it needs beside it is laid into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if file == "config.yaml":
        return shipped_configs()
    if "idx" in file:
        tiny_fashion_mnist(folder, 40, 20)
        if not file.endswith(".gz"):
            import gzip

            packed = folder / f"{file}.gz"
            (folder / file).write_bytes(gzip.decompress(packed.read_bytes()))
            packed.unlink()
        return [(folder / file).read_bytes()]
    if file in ("picture.png", "array.npy"):
        return [_picture() if file == "picture.png" else _array()]
    if file.startswith("table."):
        return _tables(folder, file)
    if file in ("journal.log", "sweep.json"):
        return [_swept(folder, file)]
    if file == "metadata.csv":
        for number in range(6):
            (folder / f"{number}.png").write_bytes(_picture())
        rows = "".join(f"{number}.png,{'ab'[number % 2]}\n" for number in range(6))
        return [f"file_name,label\n{rows}".encode()]
    if file == "small.keras":
        return [_small_model(folder)]
    for name in ("config.yaml", "summary.json", "environment.json", "metrics.csv"):
        (folder / name).write_bytes((OLD_RUN / name).read_bytes())
    return [(OLD_RUN / file).read_bytes()]


def shipped_configs() -> list[bytes]:
    """The configs that come with nnpy, and the examples of its documentation that stand alone."""
    from nnpy.config.load import load_config
    from nnpy.config.starters import FOLDER
    from nnpy.errors import UsageError

    places = [HOME / "configs", FOLDER]
    found = [path.read_text("utf-8") for place in places for path in sorted(place.glob("*.yaml"))]
    found = [text for text in found if not re.search("^extends:", text, re.MULTILINE)]
    for page in (HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))):
        for text in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            with contextlib.suppress(UsageError, yaml.YAMLError):
                load_config(yaml.safe_load(text))
                found.append(text)
    return [text.encode() for text in found]


def _picture() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _tables(folder: Path, name: str) -> list[bytes]:
    import io

    import polars as pl

    numbers = np.random.default_rng(0).normal(size=60).round(3)
    words = [f"w{each % 4}" for each in range(60)]
    answers = ["yn"[each % 2] for each in range(60)]
    frame = pl.DataFrame({"a": numbers, "b": words, "c": [True, False] * 30, "y": answers})
    if name.endswith(".csv"):
        text = frame.write_csv()
        return [
            text.encode(),
            text.replace(",", ";").encode("utf-16"),
            frame.write_csv(quote_style="always").encode(),
        ]
    buffers = [io.BytesIO() for _ in range(5)]
    for buffer, how in zip(
        buffers, ("uncompressed", "snappy", "zstd", "gzip", "brotli"), strict=True
    ):
        frame.write_parquet(buffer, compression=how)
    return [buffer.getvalue() for buffer in buffers]


def _swept(folder: Path, name: str) -> bytes:
    """The journal or sweep.json of a sweep whose trials were never trained."""
    from nnpy.workflows.sweep import store, sweep, trials
    from nnpy.workflows.sweep.folder import SweepFolder
    from nnpy.workflows.sweep.owners import Owner

    config, place = sweep_config(), SweepFolder(folder / "s")
    place.make()
    storage = store.open_storage(place, None)
    study = store.open_study(storage, "s", sweep.plan_of(config), "max")
    work = trials.Trials(config, place, storage, study, Owner(place, study, beats=False))
    for value in (0.5, 0.75):
        trial = work.claim()
        assert trial is not None
        work.report(trial, 1, 1, value)
        work.fail(trial, "for a reason") if value == 0.5 else storage.set_trial_state_values(
            trial.id, store.optuna_here().trial.TrialState.COMPLETE, [value]
        )
    told = json.dumps(sweep.read(config, place, study).as_dict())
    return told.encode() if name == "sweep.json" else place.journal.read_bytes()


def _small_model(folder: Path) -> bytes:
    """A model whose file can be changed at every byte: one layer, one weight."""
    path = folder / "small.keras"
    lines = (
        "import sys, keras",
        "layers = [keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]",
        "keras.Sequential(layers).save(sys.argv[1])",
    )
    subprocess.run([sys.executable, "-c", "; ".join(lines), str(path)], check=True)
    return path.read_bytes()


def _array() -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.arange(784, dtype=np.uint16).reshape(28, 28) % 255)
    return buffer.getvalue()


def sweep_config() -> Any:
    from nnpy.config.load import load_config

    search = {
        "training.optimizer.learning_rate": {"log": [1e-4, 0.1]},
        "training.batch_size": [8, 16],
    }
    network = [{"Dense": {"units": 10, "activation": "softmax"}}]
    return load_config({"model": ["Flatten", *network], "sweep": {"search": search, "trials": 3}})
