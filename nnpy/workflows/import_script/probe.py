"""The numbers of a model: its state, what it answers to a batch, and a step of training.

The script's process measures its model, nnpy's measures the one that the config builds; equal
numbers are the proof that the config says what the script said.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.workflows.import_script.examples import Batch

_MOST = 16  # examples of the batch


def measure(
    model: Any, batch: Batch | None, class_weight: Mapping[int, float] | None, path: Path
) -> dict[str, Any]:
    """Writes state, answers and a training step of the model; leaves it as it was.

    Without a batch, for a model that was never fitted, answers to invented examples alone.
    Returns how the arrays of `x`, `y` and the weights of examples are nested, for `packed`.
    """
    trained = batch is not None
    batch = batch or Batch(_invented(model), None, None, None, None)
    given = {"x": _cut(batch.x), "y": _cut(batch.y), "w": _cut(batch.sample_weight)}
    if class_weight is not None:
        given["w"] = _weights_by_class(given["y"], class_weight)
    arrays = {
        f"{key}{index}": each
        for key, value in given.items()
        for index, each in enumerate(leaves(value))
    }
    arrays |= _numbers(model, given["x"], given["y"], given["w"], trained)
    with path.open("wb") as file:
        stored: dict[str, Any] = {key: storable(each) for key, each in arrays.items()}
        np.savez(file, **stored)
    return {key: _numbered(value) for key, value in given.items()}


def listed(arrays: Mapping[str, np.ndarray], key: str) -> list[np.ndarray]:
    """The arrays `key0`, `key1`, … of a file."""
    count = sum(each.removeprefix(key).isdigit() for each in arrays if each.startswith(key))
    return [arrays[f"{key}{index}"] for index in range(count)]


def packed(arrays: Mapping[str, np.ndarray], key: str, nesting: Any) -> Any:
    """`x`, `y` or `w` of a file, nested as the script had it."""
    if nesting is None:
        return None
    found = listed(arrays, key)
    return keras.tree.map_structure(lambda index: tf.convert_to_tensor(found[index]), nesting)


def _numbered(value: Any) -> Any:
    if value is None:
        return None
    numbers = iter(range(len(keras.tree.flatten(value))))
    return keras.tree.map_structure(lambda _: next(numbers), value)


def _invented(model: Any) -> Any:
    """A few examples of the shapes and types that the model takes."""
    chance = np.random.default_rng(0)

    def one(tensor: Any) -> Any:
        shape = [size or 4 for size in tensor.shape]
        if tensor.dtype == "string":
            return np.full(shape, "the text", dtype=object)
        return chance.uniform(0, 1, shape).astype(tensor.dtype)

    found = [one(each) for each in model.inputs]
    return found[0] if len(found) == 1 else found


def _numbers(model: Any, x: Any, y: Any, weights: Any, trained: bool) -> dict[str, np.ndarray]:
    """State before, outputs, and loss and state after one step; then the state is put back."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    slots = list(optimizer.variables) if optimizer is not None else []
    before = [np.asarray(each.numpy()).copy() for each in model.variables]
    slots_before = [np.asarray(each.numpy()).copy() for each in slots]
    found = {f"state{index}": each for index, each in enumerate(before)}
    found |= {f"slot{index}": each for index, each in enumerate(slots_before)}
    try:
        outputs = model(_tensors(x), training=False)
        found |= {f"output{index}": each for index, each in enumerate(leaves(outputs))}
        if trained:
            found |= step(model, x, y, weights)
    finally:
        for variable, value in zip(
            [*model.variables, *slots], [*before, *slots_before], strict=True
        ):
            variable.assign(value)
        model.reset_metrics()
    return found


def step(model: Any, x: Any, y: Any, weights: Any) -> dict[str, np.ndarray]:
    """One step of training, op by op: the loss, and the state that it leaves behind."""
    data = (x,) if y is None else (x, y) if weights is None else (x, y, weights)
    logs = model.train_step(_tensors(data))
    found = {"loss": np.asarray(logs["loss"])}
    return found | {f"after{index}": each.numpy() for index, each in enumerate(model.variables)}


def _tensors(value: Any) -> Any:
    """As `fit` hands them over: floats of Keras's own width, integers as they are."""
    return keras.tree.map_structure(_tensor, value)


def _tensor(value: Any) -> Any:
    tensor = tf.convert_to_tensor(value)
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype == tf.float64 else tensor


def _cut(value: Any) -> Any:
    return None if value is None else keras.tree.map_structure(lambda each: each[:_MOST], value)


def leaves(value: Any) -> list[np.ndarray]:
    """The arrays of a nested structure."""
    return [] if value is None else [np.asarray(each) for each in keras.tree.flatten(value)]


def storable(array: Any) -> np.ndarray:
    """Text as NumPy's own, which needs no pickle; bfloat16 as float32."""
    array = np.asarray(array)
    if array.dtype == object:
        text = [each.decode() if isinstance(each, bytes) else str(each) for each in array.flat]
        return np.array(text, dtype=str).reshape(array.shape)
    return array if array.dtype.kind in "biufUS" else array.astype("float32")


def _weights_by_class(y: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    classes = np.argmax(y, axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
    return np.array([class_weight.get(int(each), 1.0) for each in classes], dtype="float32")
