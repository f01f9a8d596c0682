"""The names of operations as a `.keras` file has them.

Some operations of Keras do not take a name, so that one that is loaded is called by the next
number that is free: `extract_patches` becomes `extract_patches_1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from nnpy.models.to_config.layers import is_network


def restore(model: Any, saved: Mapping[str, Any]) -> None:
    """Gives the operations of a model that was loaded the names in `saved`, its config.

    Nothing is changed where the two do not run in parallel.
    """
    config = saved.get("config")
    members = config.get("layers") if isinstance(config, Mapping) else None
    if not is_network(model) or not isinstance(members, list):
        return
    inside = model.layers if isinstance(model, keras.Sequential) else model.operations
    if isinstance(model, keras.Sequential):
        members = [each for each in members if each.get("class_name") != "InputLayer"]
    kinds = [type(each).__name__ for each in inside]
    if kinds != [str(each.get("class_name")).rpartition(">")[2] for each in members]:
        return
    renamed: dict[str, str] = {}
    for own, each in zip(inside, members, strict=True):
        if is_network(own):
            restore(own, each)
        elif not isinstance(own, keras.layers.Layer) and isinstance(each.get("name"), str):
            renamed[own.name] = each["name"]
            own.name = each["name"]
    if renamed:
        model.output_names = [renamed.get(each, each) for each in model.output_names]
