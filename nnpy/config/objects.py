"""Objects of Keras as the config names them, checked but not yet built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nnpy.config.yaml.nodes import Mark

# Activations that take arguments, and the layers that Keras can save as such an activation.
ACTIVATION_LAYERS = {"elu": "ELU", "leaky_relu": "LeakyReLU", "relu": "ReLU"}


@dataclass(frozen=True)
class KerasObject:
    """An object of Keras by its name and checked arguments, not yet built.

    `explicit` tells `Adam: {}` and `Adam` with arguments from the bare identifier, which
    Keras may resolve by context (`accuracy`). `code` is the user's own file that defines it, and
    `base` the class of Keras that it derives from there, if any.
    A model as an argument (`TimeDistributed: {layer: {Model: …}}`) has its `network`.
    """

    kind: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    mark: Mark | None = field(default=None, repr=False)
    explicit: bool = True
    code: str = ""
    base: str = ""
    network: Any = None
