"""The forms in which `get_config` of a functional model names the tensors of its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def is_tensor(value: Any) -> bool:
    """`["conv", 0, 0]`: a layer, which of its calls, which of its tensors."""
    return len(value) == 3 and isinstance(value, list | tuple) and isinstance(value[0], str)


def tensors(value: Any) -> list[tuple[str, int, int]]:
    """Every tensor of a structure, in the order in which Keras counts them."""
    if isinstance(value, Mapping):
        return [one for key in sorted(value) for one in tensors(value[key])]
    if is_tensor(value):
        return [(value[0], value[1], value[2])]
    return [one for each in value for one in tensors(each)]


def histories(value: Any) -> Iterator[tuple[str, int, int]]:
    """Every tensor in the arguments of a call."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield tuple(value["config"]["keras_history"])
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from histories(each)
