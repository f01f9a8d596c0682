"""A model on a split of the data → its loss and metrics.

Importing this module imports Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from nnpy import devices, model
from nnpy.config import Config
from nnpy.data import DataInfo, Dataset, Split
from nnpy.engine import Engine
from nnpy.errors import DataError, ModelError

SPLITS = ("test", "validation", "train")


def evaluate(
    path: Path,
    config: Config,
    info: DataInfo,
    load: Callable[[], Dataset],
    *,
    split: str = "test",
    device: str | None = None,
) -> dict[str, Any]:
    """Loss and metrics of the model at `path` on a split of the config's data.

    Raises ModelError when the file is no model or does not take such data, DataError when the
    split is empty.
    """
    where = devices.select(device)
    loaded = open_model(path)
    dataset = load()
    examples: Split | None = getattr(dataset, split)
    if examples is None:
        raise DataError(f"there is no {split} split: data.validation_split is 0")
    if loaded.loss is None:
        model.compile_model(loaded, config)
    engine = Engine(
        loaded,
        model.preparation_for(loaded, config, info),
        batch_size=config.training.batch_size,
        seed=config.training.seed,
        execution=config.training.execution,
    )
    metrics = engine.evaluate(examples)
    return {
        "model": str(path),
        "data": info.name,
        "split": split,
        "examples": len(examples),
        "device": where,
        "metrics": metrics,
    }


def open_model(path: Path) -> keras.Model:
    """A Keras model from a .keras file, without running code that the file may carry."""
    if path.suffix != ".keras":
        raise ModelError(f"{path}: expected a .keras file")
    try:
        return keras.models.load_model(path, safe_mode=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{path} cannot be opened as a Keras model: {reason}") from error
