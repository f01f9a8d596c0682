"""How stored examples become what the model takes. Importing this module imports Keras."""

from __future__ import annotations

import keras

from nnpy.config.config import Config
from nnpy.config.data_section import decided_rescale
from nnpy.config.network.ranks import needs_channels
from nnpy.data import DataInfo, Preprocessing
from nnpy.errors import ModelError
from nnpy.models import ends, pixels
from nnpy.models.saved import Record


def preprocessing(config: Config, info: DataInfo) -> Preprocessing:
    """How a stored batch becomes what the model takes."""
    network, rescale = config.model, config.data.rescale
    if not isinstance(rescale, float):
        rescale, _ = decided_rescale(network, info)
    outputs = network.output_names or (len(network.outputs) if len(network.outputs) > 1 else None)
    return Preprocessing(rescale, needs_channels(network, info), _one_hot(config, info), outputs)


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
    if not isinstance(rescale, float):
        rescale, _ = pixels.decided_rescale(model, info.scale)
    outputs = ends.structure(model)
    wanted = tuple(model.input_shape[1:]) if isinstance(model.input_shape, tuple) else ()
    for channel_axis in (False, True):
        shape = info.shape + ((1,) if channel_axis else ())
        if len(shape) == len(wanted) and all(
            want in (None, size) for want, size in zip(wanted, shape, strict=True)
        ):
            return Preprocessing(rescale, channel_axis, _one_hot(config, info), outputs)
    raise ModelError(
        f"the model takes inputs of shape {list(wanted)}, but {info.name} has {list(info.shape)}"
    )


def _one_hot(config: Config, info: DataInfo) -> int | None:
    return len(info.classes) if config.data.labels == "one_hot" else None
