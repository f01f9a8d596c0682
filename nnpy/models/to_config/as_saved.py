"""Whether Keras has loaded the model that a `.keras` file describes.

A layer that a model shares with one within it is not always the same layer again when Keras loads
it: the file is another model then, and Keras does not say so. A layer that stands twice in a
Sequential is not even saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from nnpy.models.to_config.layers import is_network


def lost(model: Any, saved: Mapping[str, Any]) -> str:
    """What stands in `saved`, the config of a file, and not in the model that was loaded."""
    config = saved.get("config")
    members = config.get("layers") if isinstance(config, Mapping) else None
    if not is_network(model) or not isinstance(members, list):
        return ""
    found = model.get_config()["layers"]
    if isinstance(model, keras.Sequential):
        if len(found) != len(members):
            return (
                f"'{model.name}' has {_count(members)} layers in the file, {_count(found)} loaded"
            )
        inside = {each.name: each for each in model.layers}
    else:
        calls = {each["name"]: len(each["inbound_nodes"]) for each in found}
        for each in members:
            now, then = calls.get(each["name"], 0), len(each.get("inbound_nodes", ()))
            if now < then:
                return f"'{each['name']}' is called {then} times in the file, {now} times loaded"
        inside = {each.name: each for each in model.operations}
    for each in members:
        part = inside.get(each.get("name") or each.get("config", {}).get("name"))
        if part is not None and (told := lost(part, each)):
            return told
    return ""


def repeated(model: keras.Sequential) -> str:
    """The name of a layer that stands twice in a stack; Keras's public list has each once."""
    names = [each.name for each in model._layers]
    return next((each for each in names if names.count(each) > 1), "")


def _count(members: list[Any]) -> int:
    return sum(each.get("class_name") != "InputLayer" for each in members)
