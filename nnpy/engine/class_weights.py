"""The weight of an example in the loss, by its class. Importing this imports TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


def class_weight_table(class_weight: Mapping[int, float] | None) -> np.ndarray | None:
    """The weight of each class by its number (float32); None where there are none."""
    if not class_weight:
        return None
    table = np.ones(max(class_weight) + 1, dtype="float32")
    for index, weight in class_weight.items():
        table[index] = weight
    return table


def weight_of_class(y: Any, table: np.ndarray) -> Any:
    """The weight of each example (float32) by its class; 1 for a class that is not named."""
    y = tf.nest.flatten(y)[0]  # several outputs share their labels
    if y.shape.rank > 1:
        y = tf.squeeze(y, -1) if y.shape[-1] == 1 else tf.argmax(y, -1)
    index = tf.cast(tf.round(y) if y.dtype.is_floating else y, tf.int32)
    known = index < len(table)
    return tf.where(known, tf.gather(tf.constant(table), tf.where(known, index, 0)), 1.0)
