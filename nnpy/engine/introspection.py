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


def draws(layer: Any, within: tuple[Any, ...] = ()) -> bool:
    """Whether a layer draws random numbers, or one that it holds, as attention holds a Dropout.

    A Dropout of rate 0 has no generator and draws none.
    """
    return any(
        isinstance(each, keras.random.SeedGenerator)
        or (isinstance(each, keras.Layer) and draws(each, (*within, layer)))
        for each in vars(layer).values()
        if not any(each is outer for outer in within)
    )


def fixed_batch_size(model: Any) -> int | None:
    """The one batch size that a model takes, as stateful layers need it; None for any."""
    for tensor in getattr(model, "inputs", None) or ():
        if tensor.shape and tensor.shape[0] is not None:
            return int(tensor.shape[0])
    return None


def states(model: Any) -> list[Any]:
    """The variables in which stateful layers keep what they have seen, as Keras variables.

    Keras holds them out of a model's variables, and so out of what it saves.
    """
    return [
        state
        for layer in layers(model)
        if getattr(layer, "stateful", False) and getattr(layer, "states", None) is not None
        for state in keras.tree.flatten(layer.states)
    ]


def reset_states(model: Any) -> None:
    """Stateful layers forget what they have seen."""
    for state in states(model):
        state.assign(keras.ops.zeros_like(state))


def _name(part: Any) -> str:
    return f"{type(part).__name__} '{part.name}'"
