"""The snake_case names that Keras derives from the names of its classes."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """`GlobalAveragePooling2D` → `global_average_pooling2d`, as Keras names its layers."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
