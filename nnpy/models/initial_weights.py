"""Weights of another model, taken layer by layer. Importing this module imports Keras."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nnpy.config import initial_weights
from nnpy.config.config import Config
from nnpy.errors import ModelError
from nnpy.models.located_errors import located_error
from nnpy.models.user_code import own_objects
from nnpy.safety import model_files


@dataclass(frozen=True)
class Taken:
    """What was taken from `file`: layers by name, and those that were not, with the reason."""

    file: str
    sha256: str
    loaded: tuple[str, ...]
    drawn: tuple[str, ...]  # as "dense_1: …"
    unused: tuple[str, ...]  # layers of the file that have no place here

    def as_dict(self) -> dict[str, Any]:
        return {
            key: [*value] if isinstance(value, tuple) else value
            for key, value in vars(self).items()
        }

    def messages(self) -> list[str]:
        """All of it in words."""
        found = [f"weights from {self.file}: {', '.join(self.loaded)}"]
        found += [f"weights drawn anew: {each}" for each in self.drawn]
        if self.unused:
            found.append(f"weights of the file that are not used: {', '.join(self.unused)}")
        return found


def take(model: keras.Model, config: Config, *, optional: bool = False) -> Taken | None:
    """Puts the weights that the config names into a model; None where it names none.

    None also where there is no such file and it is `optional`.

    A layer takes those of the layer of the same name, if all have its shapes. Raises ConfigError
    at the line where the file cannot be opened, or where nothing in it fits.
    """
    told = config.training.initial_weights
    if not told:
        return None
    section = config.tree.value.get("training")
    node = section.value.get("initial_weights") if section is not None else None
    mark, path = (node.mark if node is not None else None), initial_weights.PATH
    if problem := initial_weights.problem_of(told):
        if optional:
            return None
        raise located_error(problem, mark, path)
    file = initial_weights.file_of(told)
    try:
        source = model_files.open_model(file, own_objects(config), compile=False)
    except ModelError as error:
        raise located_error(str(error), mark, path) from error
    taken = _copy(source, model, file)
    if not taken.loaded:
        reasons = "; ".join(taken.drawn[:5])
        more = f"; and {len(taken.drawn) - 5} more" if len(taken.drawn) > 5 else ""
        raise located_error(f"nothing in {file} fits this network: {reasons}{more}", mark, path)
    return taken


def _copy(source: keras.Model, model: keras.Model, file: Path) -> Taken:
    theirs, ours = dict(_weighted(source)), dict(_weighted(model))
    loaded, drawn = [], []
    for name, layer in ours.items():
        wrong = _misfit(layer, theirs.get(name))
        if wrong:
            drawn.append(f"{name}: {wrong}")
            continue
        for variable, value in zip(layer.weights, theirs[name].weights, strict=True):
            variable.assign(value)
        loaded.append(name)
    unused = tuple(name for name in theirs if name not in ours)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Taken(str(file), digest, tuple(loaded), tuple(drawn), unused)


def _weighted(model: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The layers that have weights, by name; "backbone/conv" lies in the model "backbone"."""
    for layer in model.layers:
        name = f"{place}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from _weighted(layer, f"{name}/")
        elif layer.weights:
            yield name, layer


def _misfit(layer: Any, other: Any) -> str:
    """Why a layer cannot have the weights of another, or nothing."""
    if other is None:
        return "the file has no layer of this name"
    here, there = ([tuple(each.shape) for each in one.weights] for one in (layer, other))
    if len(here) != len(there):
        return f"{len(there)} weights in the file, {len(here)} here"
    for variable, want, have in zip(layer.weights, here, there, strict=True):
        if want != have:
            return f"{variable.name} is {_shape(have)} in the file, {_shape(want)} here"
    return ""


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
