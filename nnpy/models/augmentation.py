"""`data.augment` → what the engine augments with. Importing this module imports Keras."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from nnpy.catalog import augmentation as known
from nnpy.catalog import catalog
from nnpy.config import augmentation
from nnpy.config.config import Config
from nnpy.config.objects import KerasObject
from nnpy.data import DataInfo, Split
from nnpy.data.files import pictures
from nnpy.engine.augmentation import Augmentation
from nnpy.models.instantiate import instantiate


def build(config: Config, info: DataInfo) -> Augmentation | None:
    """The layers of `data.augment`, made anew; None where there are none.

    A layer that is told no seed has one by the training's and its place in the list. Raises
    ConfigError at the line of what Keras refuses.
    """
    listed = config.data.augment
    if not listed:
        return None
    values = augmentation.value_range(config.data.rescale, config.model, info)
    layers = [
        instantiate(_completed(each, index, values, config.training.seed))
        for index, each in enumerate(listed)
    ]
    pairs = list(zip(listed, layers, strict=True))
    mixing = [
        layer
        for each, layer in pairs
        if not each.code and each.name in known.TAKEN and known.TAKEN[each.name].mixes
    ]
    why = [
        f"{each.name}: {slow}"
        for each in listed
        if (slow := known.why_not_xla("" if each.code else each.name, each.arguments))
    ]
    return Augmentation(layers, mixing=mixing, slow=why[0] if why else "")


def notes(config: Config) -> list[str]:
    """What is to be said where several devices share a batch."""
    mixing = [
        each.name
        for each in config.data.augment
        if not each.code and each.name in known.TAKEN and known.TAKEN[each.name].mixes
    ]
    if not mixing:
        return []
    return [
        f"{mixing[0]} mixes examples of the same device, so that the results are not those of one "
        "device"
    ]


def examples(
    config: Config, info: DataInfo, split: Split, prepare: Callable[[Any, Any], tuple[Any, Any]]
) -> np.ndarray | None:
    """Pictures of the split and what training makes of them: float32 (2, count, height, width, …).

    Between 0 and 1. Drawn anew, so that no training is disturbed; None where there is no
    augmentation, or no picture.
    """
    if not config.data.augment or not pictures.is_picture_shape(info.shape) or not len(split):
        return None
    augment = build(config, info)
    assert augment is not None
    first = split.first(SHOWN)
    x, y = prepare(np.asarray(first.x), first.y)
    pair = np.stack([np.asarray(x), np.asarray(augment(x, y)[0])]).astype("float32")
    low, high = augmentation.value_range(config.data.rescale, config.model, info) or (
        float(pair[0].min()),
        float(pair[0].max()),
    )
    return np.asarray(np.clip((pair - low) / ((high - low) or 1.0), 0, 1))


SHOWN = 16  # pictures


def _completed(
    layer: KerasObject, index: int, values: augmentation.Range | None, seed: int
) -> KerasObject:
    """A layer with the arguments that are not said and are known here."""
    if layer.code:
        return layer
    given: dict[str, Any] = {"dtype": "float32", **layer.arguments}
    entry = catalog.load().find("layer", layer.name)
    if values is not None and augmentation.takes_range(layer, catalog.load()):
        given.setdefault("value_range", values)
    if entry is not None and entry.parameter("seed") and given.get("seed") is None:
        given["seed"] = zlib.crc32(f"{seed} augment {index}".encode()) & 0x7FFFFFFF
    given.setdefault("name", f"augment_{index}")
    return dataclasses.replace(layer, arguments=given, explicit=True)
