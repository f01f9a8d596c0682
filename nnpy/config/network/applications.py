"""`applications.MobileNetV3Small: {…}`: a network of `keras.applications` as one layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnpy.catalog.applications import IMAGENET, KNOWN, PREFIX, find
from nnpy.catalog.naming import snake_case
from nnpy.config import data_source
from nnpy.config.checker import Checker
from nnpy.config.network.graph import Inputs, Network, Step
from nnpy.config.network.inputs import Use, plain
from nnpy.config.network.ranks import needs_channels
from nnpy.config.objects import KerasObject
from nnpy.config.unknown import unknown_name
from nnpy.data import DataInfo

KIND = "application"
FILES = (".weights.h5", ".keras", ".h5")


def home_of(name: str, checker: Checker) -> str:
    """`ops.` or `applications.`, where an unknown layer is one of these; or nothing."""
    return "ops." if checker.catalog.find("op", name) else PREFIX if name in KNOWN else ""


def read(use: Use) -> tuple[KerasObject, str, Inputs]:
    """The checked layer, its name and what it takes; its mistakes are reported."""
    layer = _read(use)
    inputs = plain(use)
    own = use.scope.choose(use.argument("name"), snake_case(layer.name), use.path)
    layer.arguments["name"] = use.scope.prefix + own
    if use.scope.frozen:
        layer.arguments["trainable"] = False
    return layer, own, inputs


def _read(use: Use) -> KerasObject:
    name = use.name.removeprefix(PREFIX)
    entry = find(name)
    if entry is None:
        known = [f"{PREFIX}{each}" for each in KNOWN]
        unknown_name(use.checker, use.mark, use.name, use.path, known, word="layer")
        return KerasObject(KIND, name, {}, use.path, use.mark)
    file = use.argument("weights")
    given = use.without("from")
    values = use.checker.arguments(given, entry.parameters, use.path, where=use.mark)
    values = {each.name: each.default for each in entry.parameters} | values
    if file is not None and isinstance(file.value, str) and file.value != IMAGENET:
        data_source.find_path(file)
        values["weights"] = file.value
        if not use.checker.of_run and (problem := problem_of(file.value)):
            use.error(file, problem, "weights")
    if values["include_top"] and values["weights"] == IMAGENET and values["classes"] != 1000:
        message = (
            f"ImageNet has 1000 classes, not {values['classes']}: leave out include_top and put a "
            "Dense layer on top"
        )
        use.error(use.argument("classes"), message, "classes")
    if not values["include_top"]:
        for key in ("classes", "classifier_activation"):
            if use.argument(key) is not None:
                message = f"{key} is for the classifier on top: say include_top: true, or leave it"
                use.error(use.argument(key), message + " out", key)
    return KerasObject(KIND, entry.name, values, use.path, use.mark)


def problem_of(file: str) -> str:
    """Why no weights can be read from a file, or nothing."""
    path = Path(file).expanduser()
    if not path.exists():
        return f"there is no file {path}; ImageNet's weights are `imagenet`, none at all is `null`"
    if not path.is_file():
        return f"{path} is no file"
    if not path.name.endswith(FILES):
        return f"{path.name} is no file of weights: expected one of {', '.join(FILES)}"
    return ""


def steps_of(network: Network, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple, Step]]:
    """Each such step with the names of the layers that lead to it; one within a model too."""
    for step in network.steps:
        if step.reuse:
            continue
        if step.layer.kind == KIND:
            yield (*place, step.name), step
        elif step.network is not None:
            yield from steps_of(step.network, (*place, step.name))


def check_pictures(network: Network, info: DataInfo | None, checker: Checker) -> None:
    """Reports pictures that are too small, or of another number of channels than it takes."""
    shapes: dict[str, tuple[Any, ...] | None] = {}
    for each in network.inputs:
        shape = each.shape
        if shape is None and info is not None and len(network.inputs) == 1:
            shape = info.shape + ((1,) if needs_channels(network, info) else ())
        shapes[each.name] = shape
    for step in network.steps:
        sources = [*step.sources()]
        shape = shapes.get(sources[0]) if len(sources) == 1 else None
        known = step.layer.kind == KIND and step.layer.name in KNOWN and shape is not None
        if known and (problem := _misfit(step.layer, shape or ())):
            checker.error(step.mark, step.path, problem)
        shapes[step.name] = _after(step, shape)


def _misfit(layer: KerasObject, shape: tuple[Any, ...]) -> str:
    least, name = KNOWN[layer.name].smallest, f"{PREFIX}{layer.name}"
    if len(shape) != 3:
        return f"{name} takes pictures (height, width, channels), got the shape {list(shape)}"
    height, width, channels = shape
    grey = layer.arguments["grey_to_rgb"]
    if grey and channels not in (1, None):
        return f"grey_to_rgb is for pictures of one channel, these have {channels}: leave it out"
    if not grey and channels == 1:
        return f"{name} takes pictures of three channels, these are grey: say grey_to_rgb: true"
    if not grey and channels not in (3, None):
        return f"{name} takes pictures of three channels, these have {channels}"
    if any(isinstance(each, int) and each < least for each in (height, width)):
        return (
            f"{name} takes pictures of {least} × {least} and more, these have {height} × {width}: "
            f"put a Resizing: {{height: {least}, width: {least}}} before it"
        )
    return ""


_SAME = ("Rescaling", "Normalization", "Identity", "Dropout", "GaussianNoise", "Activation")


def _after(step: Step, shape: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """The shape that a step leaves, where that is easily known."""
    layer, given = step.layer, step.layer.arguments
    if shape is None or layer.code or layer.kind != "layer" or step.reuse:
        return None
    if layer.name in _SAME or (layer.name.startswith("Random") and layer.name != "RandomCrop"):
        return shape
    height, width = given.get("height"), given.get("width")
    if layer.name in ("Resizing", "CenterCrop") and len(shape) == 3:
        return (height, width, shape[2])
    return None
