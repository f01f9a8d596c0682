"""How stored examples become what the model takes, and is compared with. Imports Keras."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from nnpy.config.config import Config
from nnpy.config.data_section import decided_rescale
from nnpy.config.network.ranks import needs_channels
from nnpy.data import DataInfo, Preprocessing, Task
from nnpy.data.preprocessing import Answer
from nnpy.data.targets import target_of
from nnpy.errors import ModelError
from nnpy.models import ends, pixels
from nnpy.models.saved import Record

InputsOf = tuple[tuple[str, float, bool], ...]


def preprocessing(
    config: Config, info: DataInfo, model: keras.Model | None = None
) -> Preprocessing:
    """How a stored batch becomes what the config's model takes.

    `model`, once it is built, tells the shapes of its outputs, to which targets are brought.
    """
    network, rescale = config.model, config.data.rescale
    is_said = isinstance(rescale, float)
    if not isinstance(rescale, float):
        rescale, _ = decided_rescale(network, info)
    outputs = network.output_names or (len(network.outputs) if len(network.outputs) > 1 else None)
    keys, shapes = network.output_keys, None
    if model is not None:
        flat = keras.tree.flatten(model.outputs)
        if len(flat) == len(keys):
            shapes = [tuple(flat[index].shape[1:]) for index in ends.order(model, network)]
    inputs_of: InputsOf = ()
    if info.inputs and (len(info.inputs) > 1 or len(network.inputs) > 1):
        wanted = [(each.name, each.shape) for each in network.inputs]
        inputs_of = _inputs_of(wanted, info, rescale, is_said=is_said)
    return Preprocessing(
        rescale,
        not inputs_of and needs_channels(network, info),
        _one_hot(config, info),
        outputs,
        inputs_of,
        _answers(config, info, keys, shapes),
    )


def preprocessing_for(
    model: keras.Model, config: Config, info: DataInfo, record: Record
) -> Preprocessing:
    """How a stored batch becomes what this model takes, whatever config it came from.

    By what the model was trained with, where its `record` says so; else by the config's
    `data.rescale`; else by the layers of the model. Raises ModelError when the model does not
    take such data.
    """
    rescale = config.data.rescale
    if record.rescale is not None and record.dtype == info.dtype:
        rescale = record.rescale
    is_said = isinstance(config.data.rescale, float)
    if not isinstance(rescale, float):
        rescale, _ = pixels.decided_rescale(model, info.scale)
    outputs = ends.structure(model)
    keys = outputs if isinstance(outputs, tuple) else tuple(ends.output_keys(model))
    flat = dict(zip(ends.output_keys(model), keras.tree.flatten(model.outputs), strict=True))
    shapes = [tuple(flat[key].shape[1:]) for key in keys]
    answers, one_hot = _answers(config, info, keys, shapes), _one_hot(config, info)
    given = keras.tree.flatten(model.inputs)
    if info.inputs and (len(info.inputs) > 1 or len(given) > 1):
        wanted = [(each.name, tuple(each.shape[1:])) for each in given]
        for name, _ in wanted:
            if name not in info.inputs:
                raise ModelError(
                    f"the model takes '{name}', but {info.name} gives {', '.join(info.inputs)}"
                )
        found = _inputs_of(wanted, info, rescale, is_said=is_said)
        return Preprocessing(rescale, False, one_hot, outputs, found, answers)
    wanted_shape = tuple(model.input_shape[1:]) if isinstance(model.input_shape, tuple) else ()
    for channel_axis in (False, True):
        shape = info.shape + ((1,) if channel_axis else ())
        if len(shape) == len(wanted_shape) and all(
            want in (None, size) for want, size in zip(wanted_shape, shape, strict=True)
        ):
            return Preprocessing(rescale, channel_axis, one_hot, outputs, (), answers)
    raise ModelError(
        f"the model takes inputs of shape {list(wanted_shape)}, but {info.name} has "
        f"{list(info.shape)}"
    )


def _inputs_of(
    wanted: Sequence[tuple[str, Sequence[int | None] | None]],
    info: DataInfo,
    rescale: float,
    *,
    is_said: bool,
) -> InputsOf:
    """Of each input that a model takes: its name, its scale, whether it needs a channel axis."""
    found = []
    for name, shape in wanted:
        part = info.inputs[name]
        # What a model scales by itself is left alone; what is no bytes has no scale of its own.
        scale = rescale if is_said or part.scale == info.scale else part.scale
        axis = shape is not None and len(shape) == len(part.shape) + 1 and shape[-1] == 1
        found.append((name, scale, axis))
    return tuple(found)


def _one_hot(config: Config, info: DataInfo) -> int | None:
    return len(info.classes) if config.data.labels == "one_hot" and info.classes else None


def _answers(
    config: Config,
    info: DataInfo,
    keys: Sequence[str],
    shapes: Sequence[tuple[int, ...]] | None,
) -> tuple[Answer, ...]:
    """What each output is compared with; () where all are classes of the only target."""
    targets = [target_of(info, key) for key in keys]
    usual = {Task.CLASSES, Task.UNKNOWN}
    if len(info.targets) == 1 and {each.task for each in targets} <= usual:
        return ()
    one_hot = config.data.labels == "one_hot"
    return tuple(
        Answer(
            target.task,
            target.name,
            len(target.classes) if one_hot and target.task is Task.CLASSES else None,
            target.center,
            target.spread,
            shapes[index] if shapes is not None and None not in shapes[index] else None,
        )
        for index, target in enumerate(targets)
    )
