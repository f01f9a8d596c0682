"""Arguments of which Keras takes one alone, or silently drops the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnpy.config.yaml.nodes import Node

if TYPE_CHECKING:
    from nnpy.config.checker import Checker

_GROUPS = (
    ("clipnorm", "clipvalue", "global_clipnorm"),
    ("bin_boundaries", "num_bins"),
    ("thresholds", "num_thresholds"),
)


def check(node: Node, path: str, checker: Checker) -> None:
    """Reports arguments of an object, in a mapping, that exclude one another."""
    for group in _GROUPS:
        said = [key for key in group if key in node.value and node.value[key].value is not None]
        if len(said) > 1:
            message = f"of {', '.join(said[:-1])} and {said[-1]} only one can be given"
            checker.error(node.keys.get(said[1]), f"{path}.{said[1]}", message)
