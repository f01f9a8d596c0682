"""Models that ask for any amount of memory or time by one argument, without a weight for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import keras

L = keras.layers
# What stands for the greedy number in the layer that is built, and the numbers that are put there.
_SMALL, _GREAT = 7, (200_000, 2_000_000_000)


def _layers() -> dict[str, tuple[Any, str]]:
    """A layer on (8, 8, 1) or, in one dimension, on (8, 1); the words that refuse it."""
    makes = "of one example, but only"
    return {
        "padding": (L.ZeroPadding2D(_SMALL), makes),
        "upsampling": (L.UpSampling2D(_SMALL), makes),
        "resizing": (L.Resizing(_SMALL, _SMALL), makes),
        "strides": (L.Conv2DTranspose(1, 1, strides=_SMALL), makes),
        "dilation": (L.Conv2D(1, 2, dilation_rate=_SMALL, padding="same"), "pads its input to"),
        "window": (L.MaxPooling2D(_SMALL, strides=1, padding="same"), "values for one example"),
        "within": (L.TimeDistributed(L.ZeroPadding1D(_SMALL)), makes),
        "nested": (keras.Sequential([keras.Input((8, 8, 1)), L.ZeroPadding2D(_SMALL)]), makes),
    }


def build(put: Callable[..., None], parts: Callable[[Any], dict[str, bytes]]) -> None:
    """Make the files by `put(name, words, members)`; `parts` gives a model's members."""
    for name, (layer, words) in _layers().items():
        model = keras.Sequential([keras.Input((8, 8, 1)), layer, L.GlobalAveragePooling2D()])
        good = parts(model)
        for great in _GREAT:
            config = json.loads(good["config.json"])
            one = config["config"]["layers"]
            one[1] = json.loads(re.sub(rf"\b{_SMALL}\b", str(great), json.dumps(one[1])))
            if name == "within" and great == _GREAT[0]:
                continue  # a sane size: 8 × 400,008 numbers
            put(f"{name}_{great}.keras", words, good | {"config.json": json.dumps(config).encode()})
    good = parts(keras.Sequential([keras.Input((8,)), L.RepeatVector(_SMALL), L.Flatten()]))
    text = re.sub(rb'"n": 7\b', b'"n": 20000000', good["config.json"])
    put(
        "answers.keras",
        "it answers one example with 160,000,000 numbers",
        good | {"config.json": text},
    )
