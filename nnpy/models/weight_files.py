"""Weights in a file, layer by layer, and how they come into a model. Imports Keras.

A file says of each layer where it stands (`layers/conv2d_3`), and mostly its name. A layer takes
all of its weights or none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from nnpy.errors import ModelError


@dataclass(frozen=True)
class Stored:
    """The weights of a layer: its name ("backbone/conv"), its place in the file, its arrays."""

    name: str
    place: str
    arrays: Mapping[str, Any]  # datasets by their place in the layer


@dataclass(frozen=True)
class Match:
    """What came of a file: names of layers loaded; of others, why not; and of its unused ones."""

    loaded: tuple[str, ...]
    drawn: tuple[str, ...]  # as "dense_1: …"
    unused: tuple[str, ...]


def fill(model: keras.Model, file: Any, *, by_place: bool = False) -> Match:
    """Puts the weights of an open HDF5 file into a model, where a layer's fit.

    Layers are known by their names; with `by_place` also by where they stand, if more fit then,
    as those of a network that Keras itself has numbered. What Keras would write of the model is
    written, changed and read again, so that each variable gets what is its own.
    """
    theirs = list(_stored(file))
    labels = dict(weighted(model))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.weights.h5"
        model.save_weights(path)
        with h5py.File(path, "r+") as own:
            ours = sorted(_stored(own), key=_in_order_of(list(labels)))
            keys: list[Callable[[int, Stored], Any]] = [lambda _, each: each.name]
            if by_place or not any(_says_names(file)):
                keys.append(lambda _, each: each.place)
            if by_place and "layer_names" in _legacy(file).attrs:
                keys.append(lambda number, _: number)
            found = [_pairs(ours, theirs, key, labels) for key in keys]
            pairs, drawn = max(found, key=lambda each: len(each[0]))
            for mine, other in pairs:
                for place, array in mine.arrays.items():
                    array[...] = other.arrays[place][()]
        if pairs:
            model.load_weights(path)
    used = {id(other) for _, other in pairs} | {
        id(other) for other in theirs if other.name in {each.name for each in ours}
    }
    return Match(
        tuple(mine.name for mine, _ in pairs),
        tuple(drawn),
        tuple(each.name for each in theirs if id(each) not in used),
    )


def weighted(model: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The layers that have weights, by name; "backbone/conv" lies in the model "backbone"."""
    for layer in model.layers:
        name = f"{place}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from weighted(layer, f"{name}/")
        elif layer.weights:
            yield name, layer


def _pairs(
    ours: list[Stored],
    theirs: list[Stored],
    key: Callable[[int, Stored], Any],
    labels: Mapping[str, Any],
) -> tuple[list[tuple[Stored, Stored]], list[str]]:
    """The layers that fit, and of the others why not."""
    known = {key(number, each): each for number, each in enumerate(theirs)}
    pairs, drawn = [], []
    for number, mine in enumerate(ours):
        other = known.get(key(number, mine))
        wrong = _misfit(mine, other, labels.get(mine.name))
        if wrong or other is None:
            drawn.append(f"{mine.name}: {wrong}")
        else:
            pairs.append((mine, other))
    return pairs, drawn


def _misfit(mine: Stored, other: Stored | None, layer: Any) -> str:
    """Why a layer cannot have the weights of another, or nothing."""
    if other is None:
        return "the file has no layer of this name"
    if len(mine.arrays) != len(other.arrays):
        return f"{len(other.arrays)} weights in the file, {len(mine.arrays)} here"
    for place, array in mine.arrays.items():
        if place not in other.arrays:
            return f"the file has no {place} of it"
        want, have = array, other.arrays[place]
        if want.shape != have.shape:
            name = _variable(place, layer)
            return f"{name} is {_shape(have.shape)} in the file, {_shape(want.shape)} here"
        if want.attrs.get("dtype") != have.attrs.get("dtype"):
            return f"{_variable(place, layer)} has another data type in the file"
    return ""


def _variable(place: str, layer: Any) -> str:
    """What the array `vars/0` of a layer is called."""
    head, _, number = place.rpartition("/")
    if layer is None or head != "vars" or int(number) >= len(layer.weights):
        return place
    return str(layer.weights[int(number)].name)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"


def _in_order_of(names: list[str]) -> Callable[[Stored], int]:
    places = {name: number for number, name in enumerate(names)}
    return lambda each: places.get(each.name, len(places))


# -- what a file holds ----------------------------------------------------------------------


def _stored(file: Any) -> Iterator[Stored]:
    legacy = _legacy(file)
    if "layer_names" in legacy.attrs:
        yield from _stored_by_keras_2(legacy)
    elif "layers" in file:
        yield from _layers(file["layers"], "", "")
    else:
        raise ModelError(f"{file.filename} holds no weights of layers")


def _layers(group: Any, name: str, place: str) -> Iterator[Stored]:
    for key, layer in group.items():
        if not isinstance(layer, h5py.Group):
            continue
        own = f"{name}{_name(layer) or key}"
        if isinstance(layer.get("layers"), h5py.Group):  # a model within
            yield from _layers(layer["layers"], f"{own}/", f"{place}{key}/")
            continue
        arrays = {where: each for where, each in _datasets(layer) if "seed_generator" not in where}
        if arrays:
            yield Stored(own, f"{place}{key}", arrays)


def _datasets(group: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def visit(where: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((where, item))

    group.visititems(visit)
    return found


def _name(layer: Any) -> str:
    own = layer.get("vars")
    told = own.attrs.get("name") if isinstance(own, h5py.Group) else None
    return told if isinstance(told, str) else ""


def _says_names(file: Any) -> Iterator[bool]:
    if "layer_names" in _legacy(file).attrs:
        yield True
    elif isinstance(file.get("layers"), h5py.Group):
        for layer in file["layers"].values():
            yield isinstance(layer, h5py.Group) and bool(_name(layer))


def _legacy(file: Any) -> Any:
    """The group in which Keras 2 keeps the weights of a whole model, or the file itself."""
    inner = file.get("model_weights")
    return inner if isinstance(inner, h5py.Group) else file


def _stored_by_keras_2(file: Any) -> Iterator[Stored]:
    for name in _texts(file.attrs["layer_names"]):
        layer = file.get(name)
        if not isinstance(layer, h5py.Group):
            continue
        weights = [layer.get(each) for each in _texts(layer.attrs.get("weight_names", ()))]
        arrays = {
            f"vars/{number}": each
            for number, each in enumerate(weights)
            if isinstance(each, h5py.Dataset)
        }
        if arrays:
            yield Stored(name, name, arrays)


def _texts(values: Any) -> list[str]:
    return [each.decode() if isinstance(each, bytes) else str(each) for each in np.ravel(values)]
