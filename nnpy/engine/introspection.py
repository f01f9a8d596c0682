"""What a model and the device are, looked at from outside. Importing this module imports Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


def on_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


def layers(model: Any) -> Iterator[Any]:
    """Every layer and operation of a model, those inside of others too."""
    inside = list(getattr(model, "operations", None) or getattr(model, "layers", None) or [])
    for name in ("layer", "forward_layer", "backward_layer", "cell"):
        inner = getattr(model, name, None)
        if isinstance(inner, keras.Layer):
            inside.append(inner)
    for part in inside:
        if not isinstance(part, keras.Model):
            yield part
        yield from layers(part)


def _name(part: Any) -> str:
    return f"{type(part).__name__} '{part.name}'"
