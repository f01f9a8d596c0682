"""The names of operations and layers as a `.keras` file has them.

Some operations of Keras do not take a name, so that one that is loaded is called by the next
number that is free: `extract_patches` becomes `extract_patches_1`. So is a layer of the user's own
without a `get_config`, where Keras keeps only the arguments that its constructor was given.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

import keras

from nnpy.catalog.naming import snake_case
from nnpy.models.to_config.layers import is_network


def restore(model: Any, saved: Mapping[str, Any]) -> None:
    """Gives the operations and layers of a model that was loaded the names in `saved`, its config.

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
    taken = {name for each in members if (name := _saved_name(each)) is not None}
    for own, each in zip(inside, members, strict=True):
        if is_network(own):
            restore(own, each)
        elif (name := _lost_name(own, each, taken)) is not None:
            renamed[own.name] = name
            own.name = name
            taken.add(name)
    if renamed and not isinstance(model, keras.Sequential):
        model.output_names = [renamed.get(each, each) for each in model.output_names]


def _saved_name(saved: Mapping[str, Any]) -> str | None:
    """The name that stands in a file, beside what made a layer or among it."""
    config = saved.get("config")
    found = saved.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
    return found if isinstance(found, str) else None


def _lost_name(own: Any, saved: Mapping[str, Any], taken: Collection[str]) -> str | None:
    """The name of an operation or a layer that loading did not give it; None where it has its own.

    A Sequential keeps none beside its layers: there Keras's own counting begins anew.
    """
    config = saved.get("config")
    if isinstance(own, keras.layers.Layer) and isinstance(config, Mapping) and "name" in config:
        return None
    name = _saved_name(saved)
    if name is None and isinstance(own, keras.layers.Layer):
        base = snake_case(type(own).__name__)
        numbered = (f"{base}_{number}" for number in itertools.count(1))
        name = next(each for each in itertools.chain([base], numbered) if each not in taken)
    return name if name != own.name else None
