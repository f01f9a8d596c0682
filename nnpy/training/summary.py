"""What summary.json says of a training when it begins. Importing this module imports Keras."""

from __future__ import annotations

import math
from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.engine import Engine


def beginning(
    config: Config, model: keras.Model, engine: Engine, *, device: str, averages: bool
) -> dict[str, Any]:
    """The summary of a training that has not taken a step; `averages` are those of `use_ema`."""
    return {
        "status": "running",
        "config": config.name,
        "parameters": {
            "total": model.count_params(),
            "trainable": sum(math.prod(v.shape) for v in model.trainable_variables),
        },
        "execution": execution(engine),
        "epochs": 0,
        "best_epoch": None,
        "monitor": config.training.monitor,
        **({"weights": "averages"} if averages else {}),
        "device": device,
        "distribution": engine.distribution,
    }


def execution(engine: Engine) -> dict[str, Any]:
    """How the steps are run, as it turned out."""
    how = engine.execution
    return {"mode": how.mode, "reason": how.reason, "parts": engine.parts}


def ending(engine: Engine) -> dict[str, Any]:
    """What is known of how the steps were run only when they have been."""
    # XLA may have turned out not to be able to compile the model.
    told = {"execution": execution(engine)}
    return {**told, "exchange": engine.exchange} if engine.exchange else told
