"""How many axes the tensors of a network have, as far as that is known before Keras builds it.

It decides whether grey images get an axis for the channels, and whether an axis that a layer
names is there. Ranks count the batch axis; None is one that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nnpy.catalog import catalog
from nnpy.config.checker import Checker
from nnpy.config.network.graph import Network, Step
from nnpy.config.objects import KerasObject
from nnpy.data import DataInfo

# These leave the rank of their input alone, so what follows them decides about the channels.
_NEUTRAL = frozenset(
    (
        *("Activation", "BatchNormalization", "Dropout", "GaussianDropout", "GaussianNoise"),
        *("Identity", "LayerNormalization", "Normalization", "ReLU", "Rescaling"),
    )
)
_SAME = _NEUTRAL | frozenset(
    (
        *("Softmax", "LeakyReLU", "ELU", "PReLU", "GroupNormalization", "UnitNormalization"),
        *("RMSNormalization", "Masking", "Permute", "AlphaDropout", "ActivityRegularization"),
        *("Dense", "Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate"),
    )
)
_SPATIAL = (
    *("Conv", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling", "UpSampling"),
    *("ZeroPadding", "Cropping", "SpatialDropout", "Random", "Resizing", "CenterCrop"),
)
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN")
# These keep numbers for each place along their axis: the batch has no fixed number of them.
_KEEPING = frozenset(
    (
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"),
        "Normalization",
    )
)
# Operations whose `axis` is one of their operand's.
_ALONG = frozenset(
    (
        *("sum", "mean", "max", "min", "prod", "std", "var", "all", "any", "argmax", "argmin"),
        *("amax", "amin", "median", "flip", "sort", "argsort", "cumsum", "cumprod", "logsumexp"),
        *("concatenate", "softmax", "log_softmax", "nn.softmax", "nn.log_softmax", "split"),
        *("squeeze", "normalize", "nn.normalize"),
    )
)


def needs_channels(network: Network, info: DataInfo) -> bool:
    """Whether grey images (height, width) need a channel axis for the first layer."""
    if len(info.shape) != 2:
        return False
    if network.inputs[0].shape is not None:
        return len(network.inputs[0].shape) == 3
    return _first_rank(network) == 4


def _first_rank(network: Network) -> int | None:
    """The rank of input that the first layer that cares asks for.

    0 where it takes any. Models within are looked into; the user's own layers are taken to leave
    the rank alone.
    """
    for step in network.steps:
        if step.network is not None:
            found = _first_rank(step.network)
            if found is not None:
                return found
        elif step.layer.kind == "application":
            return 4
        elif not step.layer.code and step.layer.name not in _NEUTRAL:
            entry = catalog.load().find("layer", step.layer.name)
            return (entry.input_rank or entry.min_rank or 0) if entry else 0
    return None


# -- axes -----------------------------------------------------------------------------------


def check_axes(network: Network, info: DataInfo | None, checker: Checker) -> None:
    """Reports each axis that a layer or an operation names and that its input lacks.

    `info` is that of the data of an input without a shape, where they are known.
    """
    given = None
    if info is not None and info.shape and len(network.inputs) == 1:
        given = len(info.shape) + 1 + needs_channels(network, info)
    _walk(network, [given], checker)


def _walk(network: Network, given: Sequence[int | None], checker: Checker) -> dict[str, int | None]:
    """The rank of each tensor of a network whose inputs state no shape but have these ranks."""
    ranks: dict[str, int | None] = {}
    for index, each in enumerate(network.inputs):
        known = given[index] if index < len(given) else None
        ranks[each.name] = known if each.shape is None else len(each.shape) + 1
    for step in network.steps:
        taken = [ranks.get(source) for source in step.sources()]
        rank = taken[0] if taken and len({*taken}) == 1 else None
        if step.network is not None:
            inner = _walk(step.network, taken, checker)
            ends = [inner.get(each) for each in step.network.outputs]
            ranks[step.name] = ends[0] if len(ends) == 1 else None
            continue
        if rank is not None and not step.reuse:
            for path, axis, count in _axes(step.layer, step.path, rank):
                if not -count <= axis < count:
                    told = f"axis {axis} is not there: the input has {count} axes, 0 (the batch) "
                    checker.error(step.mark, path, f"{told}to {count - 1}, or -{count} to -1")
                elif axis in (0, -count) and step.layer.name in _KEEPING:
                    told = f"axis {axis} is the batch, which has no fixed size; -1 is the last"
                    checker.error(step.mark, path, told)
        sound = checker.sound(step.path) and not any(checker.sound.under(step.path))
        ranks[step.name] = _after(step, rank) if sound else None
    return ranks


def _axes(layer: KerasObject, path: str, rank: int) -> Iterator[tuple[str, int, int]]:
    """Each axis that a layer names, with its path and the number of axes that there are."""
    if layer.code or (layer.kind == "op" and layer.name not in _ALONG):
        return
    for key in ("axis", "shared_axes", "attention_axes", "axes"):
        value = layer.arguments.get(key)
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, int) and not isinstance(each, bool):
                yield f"{path}.{key}", each, rank
    inner = layer.arguments.get("layer")
    if layer.name == "TimeDistributed" and isinstance(inner, KerasObject) and rank > 2:
        yield from _axes(inner, f"{path}.layer.{inner.name}", rank - 1)


def _after(step: Step, rank: int | None) -> int | None:
    """The rank of what a step gives."""
    layer, arguments = step.layer, step.layer.arguments
    if layer.kind == "application":
        return 2 if arguments.get("include_top") or arguments.get("pooling") else 4
    if layer.code or layer.kind != "layer":
        return None
    name = layer.name
    if name in _SAME:
        return rank
    if name == "Flatten":
        return 2
    if name == "Reshape":
        return _longer(arguments.get("target_shape"))
    if name == "RepeatVector":
        return 3
    if name == "Embedding":
        return None if rank is None else rank + 1
    if name in _RECURRENT:
        many = arguments.get("return_sequences")
        return None if arguments.get("return_state") else 3 if many else 2
    if name.startswith("Global"):
        return rank if arguments.get("keepdims") else 2
    if name.startswith(_SPATIAL) and not name.startswith("ConvLSTM"):
        entry = catalog.load().find("layer", name)
        return (entry.input_rank or entry.min_rank) if entry else None
    return None


def _longer(shape: Any) -> int | None:
    return len(shape) + 1 if isinstance(shape, list | tuple) else None
