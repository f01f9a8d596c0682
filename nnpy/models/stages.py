"""The stages of a training, on a built model: what is frozen, and the optimizer.

Importing this module imports Keras.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import keras

from nnpy.config.config import Config
from nnpy.config.stages import Stage, matches, unknown
from nnpy.models import applications
from nnpy.models.compile import compile_model
from nnpy.models.located_errors import located_error


class Stages:
    """What `training.stages` makes of a model; of a config without stages, nothing.

    What the model itself freezes stays frozen in every stage. Raises ConfigError at the line of a
    name that no layer bears, and of a stage in which nothing would learn.
    """

    def __init__(self, model: keras.Model, config: Config) -> None:
        self._model, self._config = model, config
        self._stages: list[Stage] = config.training.stages
        self._layers = list(_layers(model))
        self._flags = [(layer, layer.trainable) for layer in _all_layers(model)]
        for stage in self._stages:
            self._freeze(stage)
            if not model.trainable_variables:
                message = "nothing would learn in this stage: all layers are frozen"
                raise located_error(message, stage.mark, stage.path)
        self._thaw()

    def enter(self, number: int) -> dict[str, Any]:
        """Freezes and compiles for a stage, counted from 0; what is to be told of it."""
        if not self._stages:
            return {}
        stage = self._stages[number]
        self._thaw()
        self._freeze(stage)
        compile_model(self._model, self._config, stage.optimizer)
        return {
            "optimizer": stage.optimizer.name,
            "frozen": [each.pattern + _of(each.count) for each in stage.freeze],
            "trainable": sum(math.prod(each.shape) for each in self._model.trainable_variables),
        }

    def _thaw(self) -> None:
        for layer, trainable in self._flags:
            layer.trainable = trainable

    def _freeze(self, stage: Stage) -> None:
        self._thaw()
        for each in stage.freeze:
            matching = matches if each.count is None else _is_called
            found = [layer for path, layer in self._layers if matching(each.pattern, path)]
            if not found:
                message = unknown(each.pattern, [path for path, _ in self._layers])
                raise located_error(message, each.mark, each.path)
            for layer in found:
                if each.count is not None and not isinstance(layer, keras.Model):
                    message = f"'{each.pattern}' is one layer: say its name alone"
                    raise located_error(message, each.mark, each.path)
                parts = [layer]
                if each.count is not None:
                    parts = applications.own_layers(layer)[: each.count]
                for part in parts:
                    part.trainable = False


def _of(count: int | None) -> str:
    return "" if count is None else f": {count} layers"


def _layers(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a model and of models within it, with the names that lead to them."""
    for layer in model.layers:
        yield f"{prefix}{layer.name}", layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{prefix}{layer.name}/")


def _is_called(pattern: str, path: str) -> bool:
    return fnmatchcase(path, pattern)


def _all_layers(model: keras.Model) -> list[Any]:
    """A model and every layer in it, also those within wrappers; what holds another comes first.

    A flag that is set holds for all that is inside. What is inside of a layer of any kind, only
    Keras itself knows, and it has no public name for it.
    """
    layers = model._flatten_layers()
    return sorted(layers, key=lambda each: len(each._flatten_layers()), reverse=True)
