"""Functions → compiled programs. Importing this module imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nnpy.engine.data_windows import map_arrays


def _compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    if mode == "eager":
        return function
    compiled = tf.function(function, autograph=False, jit_compile=mode == "xla")
    return compiled if mode == "xla" else _of_any_length(compiled)


def _of_any_length(function: Any) -> Callable[..., Any]:
    """A `tf.function` of data that is traced once for splits of every number of examples.

    Validation and test set share their graph. XLA wants to know each length, and gets it.
    """

    def longer(tensor: Any) -> tf.TensorSpec:
        return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)

    def call(data: Any, order: Any, *steps: Any) -> Any:
        # The rows of one step keep their number, by which a batch is cut; a whole order does not.
        order_spec = longer(order) if steps else tf.TensorSpec(order.shape, order.dtype)
        specs = [tf.TensorSpec(step.shape, step.dtype) for step in steps]
        traced = function.get_concrete_function(map_arrays(longer, data), order_spec, *specs)
        return traced(data, order, *steps)

    return call


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", error)).strip().splitlines()[0]
