"""The kinds of Keras objects that the catalog lists."""

from __future__ import annotations

KINDS = (
    "layer",
    "optimizer",
    "schedule",
    "loss",
    "metric",
    "initializer",
    "regularizer",
    "constraint",
    "callback",
    "activation",
    "op",
)
