"""A Keras model → the config that builds it: `config.network` and `models.build` backwards.

    section = network_of(model)          # what stands under `model:`

What the graph is and how each layer was made comes from the public `get_config()`. Arguments
that are Keras's defaults are left out, and so are names that nnpy would choose itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from nnpy.errors import ModelError
from nnpy.models.to_config import as_saved, layers
from nnpy.models.to_config.context import Arrays, Context
from nnpy.models.to_config.graph import Graph
from nnpy.models.to_config.steps import Step, written

__all__ = ["network_of", "new_context"]


def network_of(model: keras.Model, context: Context | None = None) -> dict[str, Any]:
    """What stands under `model:` in the config that builds this model.

    `context` collects what stands beside the config, and notes for the user. Raises ModelError
    for what the language cannot express: a subclassed model, a Lambda with code in it.
    """
    return _section(model, context or new_context(), "")


def new_context(arrays: Arrays | None = None) -> Context:
    """A context for a config; without `arrays` every array stands in the text."""
    return Context(_section, arrays)


def _section(model: keras.Model, context: Context, place: str) -> dict[str, Any]:
    kind = type(model)
    if not layers.is_network(model):
        if layers.is_of_keras(model) and isinstance(model, keras.Model):
            raise ModelError(_without_config(model))
        raise ModelError(
            f"'{model.name}' is a {kind.__name__}, a subclass of keras.Model with Python code of "
            "its own: a config expresses Sequential and functional models"
        )
    if not layers.is_of_keras(model) and kind.__name__ not in ("Sequential", "Functional"):
        context.note(
            f"'{model.name}' is a {kind.__name__}: its network is here, its methods of its own "
            "(such as train_step) are not"
        )
    try:
        config = model.get_config()
    except NotImplementedError as error:
        raise ModelError(_without_config(model)) from error
    if isinstance(model, keras.Sequential):
        section = _sequential(model, config, context, place)
    else:
        section = Graph(model, config, context, place).section()
    return section if model.trainable else {"trainable": False, **section}


def _sequential(
    model: keras.Model, config: Mapping[str, Any], context: Context, place: str
) -> dict[str, Any]:
    if name := as_saved.repeated(model):
        raise ModelError(
            f"'{name}' stands twice in the Sequential '{model.name}', of which Keras keeps one: "
            "call it twice in a functional model"
        )
    section: dict[str, Any] = {}
    steps = []
    keep_batch = layers.needs_batch_size(config)
    configs = [each for each in config["layers"] if each["class_name"] != "InputLayer"]
    for each in config["layers"]:
        if each["class_name"] == "InputLayer":
            own = each["config"]
            section["inputs"] = {own["name"]: layers.input_of(own, context, keep_batch)}
    for each, layer in zip(configs, model.layers, strict=True):
        steps.append(Step(*layers.step_of(layer, each, context, place), layer.name))
    if not steps:
        raise ModelError(f"'{model.name}' has no layers")
    section["layers"] = written(steps, None)
    return section


def _without_config(model: keras.Model) -> str:
    """Names the layer that Keras cannot serialize."""
    for layer in model.layers:
        try:
            layer.get_config()
        except NotImplementedError:
            return (
                f"'{layer.name}' is a {type(layer).__name__} without get_config(): what it was "
                "made with cannot be known, and Keras cannot save it either"
            )
    return f"'{model.name}' holds a layer without get_config()"
