"""A model on a split of the data → its loss and metrics, and what its answers are worth.

Importing this module imports Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nnpy.config.load import Config
from nnpy.data import DataInfo, Dataset, Split
from nnpy.devices import select
from nnpy.engine import Engine
from nnpy.errors import DataError
from nnpy.evaluation import results as findings
from nnpy.evaluation.results import Findings
from nnpy.models import build as model
from nnpy.safety import model_files

SPLITS = ("test", "validation", "train")


@dataclass(frozen=True)
class Measured:
    """A model with what was found of it on a split of a data set."""

    path: Path
    model: keras.Model
    info: DataInfo
    dataset: Dataset
    findings: Findings
    device: str

    def as_dict(self) -> dict[str, Any]:
        """What is told of it, as plain data."""
        head = {"model": str(self.path), "data": self.info.name, "device": self.device}
        return head | self.findings.as_dict()


def measure(
    path: Path,
    config: Config,
    info: DataInfo,
    load: Callable[[], Dataset],
    *,
    split: str = "test",
    device: str | None = None,
) -> Measured:
    """Everything that is known of the model at `path` on a split of the config's data.

    Raises ModelError when the file is no model or does not take such data, DataError when the
    split is empty.
    """
    where = select.select(device, one_thread=model.suits_parts(config))
    loaded = model_files.open_model(path, model.own_objects(config))
    dataset = load()
    examples: Split | None = getattr(dataset, split)
    if examples is None:
        raise DataError(f"there is no {split} split: data.validation_split is 0")
    if loaded.loss is None:
        model.compile_model(loaded, config)
    prepare = model.preparation_for(loaded, config, info)
    engine = Engine(
        loaded,
        prepare,
        batch_size=config.training.batch_size,
        seed=config.training.seed,
        execution=config.training.execution,
        memory_budget=config.data.memory_budget_bytes,
    )
    found = findings.find(loaded, engine, examples, info, prepare, name=split)
    return Measured(path, loaded, info, dataset, found, where)
