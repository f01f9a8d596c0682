"""Weights that a training begins with, and what is told of them. Importing this imports Keras."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nnpy.catalog.applications import IMAGENET
from nnpy.config import initial_weights
from nnpy.config.config import Config
from nnpy.config.network import applications
from nnpy.config.network.graph import Step
from nnpy.errors import ModelError
from nnpy.models import weight_files
from nnpy.models.located_errors import located_error, reason
from nnpy.models.user_code import own_objects
from nnpy.safety.weight_files import open_weights


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
    """Puts the weights that `training.initial_weights` names into a model; None where it is null.

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
        with open_weights(file, own_objects(config)) as stored:
            found = weight_files.fill(model, stored)
    except ModelError as error:
        raise located_error(str(error), mark, path) from error
    if not found.loaded:
        message = f"nothing in {file} fits this network: {_first(found.drawn)}"
        raise located_error(message, mark, path)
    return _taken(file, found)


def take_of_applications(
    model: keras.Model, config: Config, *, optional: bool = False
) -> dict[str, Taken]:
    """Puts the weights that each `applications.…` names into it; what was taken, by its name.

    All of its layers must have theirs: the config says so. Raises ConfigError at the line
    where a file cannot be opened or does not fit. With `optional` nothing is taken where there
    is no such file, nor downloaded.
    """
    taken: dict[str, Taken] = {}
    for place, step in applications.steps_of(config.model):
        wanted, layer = step.layer.arguments["weights"], model
        for name in place:
            layer = layer.get_layer(name)
        if wanted == IMAGENET:
            if not optional:
                taken["/".join(place)] = _imagenet(layer, step)
        elif wanted is not None:
            found = _of_file(layer, step, Path(wanted).expanduser(), config, optional=optional)
            taken |= {"/".join(place): found} if found else {}
    return taken


def _of_file(
    layer: keras.Model, step: Step, file: Path, config: Config, *, optional: bool
) -> Taken | None:
    path = f"{step.path}.weights"
    if problem := applications.problem_of(str(file)):
        if optional:
            return None
        raise located_error(problem, step.mark, path)
    try:
        with open_weights(file, own_objects(config)) as stored:
            found = weight_files.fill(layer, stored, by_place=True)
    except ModelError as error:
        raise located_error(str(error), step.mark, path) from error
    if found.drawn:
        message = (
            f"{file} does not fit {step.layer.name}: {len(found.drawn)} of its layers lack their "
            f"weights: {_first(found.drawn)}"
        )
        if step.layer.arguments["include_top"] and len(found.drawn) == 1:
            message += "; for other classes leave out include_top and put a Dense layer on top"
        elif found.loaded:
            message += "; training.initial_weights takes what fits"
        raise located_error(message, step.mark, path)
    return _taken(file, found)


def _imagenet(layer: keras.Model, step: Step) -> Taken:
    """The weights that Keras downloads, and keeps, for a network of this form."""
    given = step.layer.arguments
    hidden = ("weights", "freeze", "grey_to_rgb", "name", "trainable")
    arguments = {key: value for key, value in given.items() if key not in hidden}
    shape = (*layer.input_shape[1:3], 3)
    try:
        whole = getattr(keras.applications, step.layer.name)(
            weights=IMAGENET, input_shape=shape, **arguments
        )
        layer.set_weights(whole.get_weights())
    except Exception as error:
        message = f"ImageNet's weights could not be had: {reason(error)}; a file of them is as good"
        raise located_error(message, step.mark, f"{step.path}.weights") from error
    names = tuple(name for name, _ in weight_files.weighted(layer))
    return Taken(IMAGENET, "", names, (), ())


KEYS = ("initial_weights", "applications")  # of summary.json


def record(of_networks: dict[str, Taken], taken: Taken | None) -> dict[str, Any]:
    """What summary.json says of it."""
    found: dict[str, Any] = {}
    if taken:
        found["initial_weights"] = taken.as_dict()
    if of_networks:
        found["applications"] = {name: each.as_dict() for name, each in of_networks.items()}
    return found


def told(of_networks: dict[str, Taken], taken: Taken | None) -> list[str]:
    """All of it in words; of whole networks, how many layers."""
    found = []
    for name, each in of_networks.items():
        found.append(f"{name}: weights of {len(each.loaded)} layers from {each.file}")
        if each.unused:
            found.append(f"{name}: not used of the file: {', '.join(each.unused)}")
    return found + (taken.messages() if taken else [])


def _taken(file: Path, found: weight_files.Match) -> Taken:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Taken(str(file), digest, found.loaded, found.drawn, found.unused)


def _first(reasons: tuple[str, ...]) -> str:
    more = f"; and {len(reasons) - 5} more" if len(reasons) > 5 else ""
    return "; ".join(reasons[:5]) + more
