"""BatchNormalization where several devices share a batch. Importing this module imports Keras."""

from __future__ import annotations

from typing import Any

import keras

from nnpy.engine import replicas
from nnpy.models.instantiate import asked_alone


def alone(model: keras.Model) -> list[Any]:
    """The layers that the config asks, by `synchronized: false`, to look at one device's rows."""
    return [layer for layer in replicas.normalizing(model) if asked_alone(layer)]


def notes(model: keras.Model) -> list[str]:
    """What is to be said of it where several devices share the training."""
    there, apart = replicas.normalizing(model), alone(model)
    told = []
    if len(there) > len(apart):
        told.append(
            "BatchNormalization takes its statistics from the whole batch, over all devices "
            "(synchronized: false takes each device's rows)"
        )
    if apart:
        names = ", ".join(each.name for each in apart)
        told.append(
            f"{names}: statistics of each device's rows, as synchronized: false asks; the results "
            "are not those of one device"
        )
    return told
