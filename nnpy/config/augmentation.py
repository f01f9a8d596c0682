"""`data.augment`: layers that change the examples of a training step at random.

Each is taken, or refused in words; what a layer is not told and nnpy knows (the range of the
values, the seed) is filled in when it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nnpy.catalog.augmentation import REFUSED, TAKEN
from nnpy.config import data_section
from nnpy.config.checker import Checker
from nnpy.config.network.graph import Network
from nnpy.config.objects import KerasObject
from nnpy.config.settings import DataSettings
from nnpy.data import DataInfo
from nnpy.errors import did_you_mean

Range = tuple[float, float]


def check(
    settings: DataSettings, network: Network | None, info: DataInfo | None, checker: Checker
) -> list[str]:
    """Reports what cannot augment the data; returns notes."""
    layers = [each for each in settings.augment or () if each is not None]
    sound = [each for each in layers if _is_taken(each, checker)]
    if info is not None and network is not None and len(sound) == len(layers):
        _fit(layers, settings, network, info, checker)
    if not layers and network is not None:
        return list(_in_model(network))
    return []


def value_range(rescale: float | str, network: Network, info: DataInfo) -> Range | None:
    """The range of the values that are augmented; None where it is not known."""
    if not isinstance(rescale, float):
        rescale, _ = data_section.decided_rescale(network, info)
    return (0.0, 255.0 * rescale) if info.dtype == "uint8" else None


def takes_range(layer: KerasObject, checker_or_catalog: Any) -> bool:
    """Whether a layer asks for the range of the values."""
    entry = checker_or_catalog.find("layer", layer.name)
    return not layer.code and entry is not None and entry.parameter("value_range") is not None


def _in_model(network: Network) -> Iterator[str]:
    """A note where a network augments by itself."""
    for step in network.steps:
        known = TAKEN.get(step.layer.name)
        if known and not known.any_data and step.layer.name != "ZeroPadding2D":
            line = f"line {step.mark.line}: " if step.mark else ""
            yield (
                f"{line}{step.layer.name} is part of the model here, and of what is saved and "
                "exported; in data.augment it is part of the training alone"
            )
            return


def _is_taken(layer: KerasObject, checker: Checker) -> bool:
    if layer.code:
        return True
    if layer.name in REFUSED:
        checker.error(layer.mark, layer.path, f"{layer.name} {REFUSED[layer.name]}")
        return False
    if layer.name not in TAKEN:
        hint = did_you_mean(layer.name, TAKEN) or f"; it takes {', '.join(sorted(TAKEN))}"
        checker.error(layer.mark, layer.path, f"{layer.name} does not augment{hint}")
        return False
    for name, why in (
        ("data_format", "pictures are channels_last"),
        ("bounding_box_format", "data.augment does not know of bounding boxes"),
    ):
        if layer.arguments.get(name) not in (None, "channels_last"):
            checker.error(layer.mark, f"{layer.path}.{layer.name}.{name}", f"leave this out: {why}")
            return False
    alpha = layer.arguments.get("alpha")
    if layer.name == "MixUp" and isinstance(alpha, int | float) and alpha <= 0:
        place = f"{layer.path}.MixUp.alpha"
        checker.error(layer.mark, place, f"expected a number > 0, got {alpha:g}")
        return False
    return True


def _fit(
    layers: Sequence[KerasObject],
    settings: DataSettings,
    network: Network,
    info: DataInfo,
    checker: Checker,
) -> None:
    """Reports each layer that does not fit the data."""
    shape = info.shape
    is_picture = len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3, 4))
    channels = shape[-1] if len(shape) == 3 else 1
    values = value_range(settings.rescale, network, info)
    size: list[int] = list(shape[:2]) if is_picture else []
    for layer in layers:
        known = None if layer.code else TAKEN[layer.name]
        wrong = ""
        if len(info.inputs) > 1:
            wrong = f"{info.name} has several inputs: data.augment is for one"
        elif known is None:
            continue
        elif not is_picture and not known.any_data:
            wrong = f"{layer.name} is for pictures; {info.name} has the shape {list(shape)}"
        elif known.needs_colour and channels != 3:
            word = "channel" if channels == 1 else "channels"
            wrong = f"{layer.name} needs three colours; {info.name} has {channels} {word}"
        elif settings.target == "input" and known.moves:
            wrong = (
                f"{layer.name} moves pixels of the input, and what is to be answered (data.target: "
                "input) stays where it is"
            )
        elif known.mixes:
            wrong = _cannot_mix(layer.name, settings, network, info)
        if not wrong and takes_range(layer, checker.catalog):
            wrong = _wrong_range(layer, values, info)
        if wrong:
            checker.error(layer.mark, layer.path, wrong)
        elif is_picture:
            size = _size_after(layer, size, checker)
    if size and size != [*shape[:2]] and checker.sound("data.augment"):
        last = next(each for each in reversed(layers) if each.name in _RESIZING)
        message = (
            f"pictures of {shape[0]} × {shape[1]} become {size[0]} × {size[1]}, which the model "
            "does not take: enlarge them before with ZeroPadding2D, and let RandomCrop end at "
            f"{{height: {shape[0]}, width: {shape[1]}}}"
        )
        checker.error(last.mark, last.path, message)


_RESIZING = ("RandomCrop", "ZeroPadding2D")


def _size_after(layer: KerasObject, size: list[int], checker: Checker) -> list[int]:
    """Height and width of what a layer gives."""
    given = layer.arguments
    if layer.name == "RandomCrop":
        wanted = [each for each in (given.get("height"), given.get("width")) if each]
        if len(wanted) < 2 or min(wanted) < 1:
            checker.error(layer.mark, layer.path, "height and width are whole numbers from 1")
            return size
        if any(want > have for want, have in zip(wanted, size, strict=True)):
            message = f"a window of {wanted[0]} × {wanted[1]} is larger than the picture, which "
            message += f"is {size[0]} × {size[1]} here: put ZeroPadding2D before it"
            checker.error(layer.mark, layer.path, message)
            return size
        return wanted
    if layer.name != "ZeroPadding2D":
        return size
    padding = given.get("padding", 1)
    pairs = padding if isinstance(padding, list | tuple) else [padding, padding]
    sums = [sum(each) if isinstance(each, list | tuple) else 2 * each for each in pairs]
    return [have + more for have, more in zip(size, sums, strict=False)]


def _cannot_mix(name: str, settings: DataSettings, network: Network, info: DataInfo) -> str:
    if not info.classes or len(info.targets) > 1 or len(network.outputs) > 1:
        return f"{name} mixes classes: it is for a model that answers with one class"
    if settings.labels != "one_hot":
        return (
            f"{name} mixes labels, which whole numbers cannot say: set data.labels: one_hot and "
            "training.loss: categorical_crossentropy"
        )
    return ""


def _wrong_range(layer: KerasObject, values: Range | None, info: DataInfo) -> str:
    given = layer.arguments.get("value_range")
    if values is None:
        if given is None:
            return (
                f"the range of the values of {info.name} is not known: set value_range: [low, high]"
            )
        return ""
    if not isinstance(given, list | tuple) or len(given) != 2:
        return ""
    span = max(values[1] - values[0], given[1] - given[0])
    if any(abs(own - each) > span / 10 for own, each in zip(given, values, strict=True)):
        return (
            f"it is told values from {given[0]:g} to {given[1]:g}, but they go from "
            f"{values[0]:g} to {values[1]:g}; leave value_range out"
        )
    return ""
