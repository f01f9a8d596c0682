"""TensorFlow's own initializers, `tf.random_normal_initializer`: numbers and words, no code.

Keras takes them for its own and writes them into a model as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MODULE = "tensorflow.python.ops.init_ops_v2"
_CLASSES = {
    *("Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal"),
    *("VarianceScaling", "Orthogonal", "Identity", "GlorotUniform", "GlorotNormal"),
}


def is_of_tensorflow(value: Mapping[str, Any]) -> bool:
    """Whether a serialized object is an initializer that TensorFlow itself defines."""
    name = value.get("class_name")
    return (
        value.get("module") == _MODULE
        and name in _CLASSES
        and value.get("registered_name") in (None, name)
    )


def draws_numbers(name: str) -> bool:
    """Whether an initializer of that name gives random numbers."""
    return name not in ("Zeros", "Ones", "Constant", "Identity")
