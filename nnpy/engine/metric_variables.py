"""The variables of a model's metrics, made before anything is traced. Imports TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def make(model: keras.Model, x: Any, y: Any, sample_weight: Any) -> None:
    """Let the loss and the metrics make their variables on a prepared batch of one example.

    They do so when they see a batch for the first time, and a `tf.function` in which that happens
    is traced once more. Shown to them here are outputs of zeros, so that the network need not
    run; what they counted of it is forgotten. Whatever cannot be made so is made in the trace,
    and complains there.
    """
    before = [(variable, variable.value.numpy()) for variable in model.metrics_variables]
    try:
        # A Sequential's `output` is that of its last call, which there need not have been.
        output = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
        outputs = keras.tree.map_structure(_zeros, output)
        model.compute_loss(x, y, outputs, sample_weight, training=False)
        model.compute_metrics(x, y, outputs, sample_weight)
    except Exception:  # noqa: BLE001 – the trace meets it again, and says where it comes from
        return
    finally:
        model.reset_metrics()
        for variable, value in before:
            variable.assign(value)


def _zeros(output: Any) -> Any:
    if None in output.shape[1:]:
        raise ValueError("a size that only the data know")
    return tf.zeros((1, *output.shape[1:]), output.dtype)
