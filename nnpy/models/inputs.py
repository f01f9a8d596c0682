"""How stored examples become what the model takes. Importing this module imports Keras."""

from __future__ import annotations

import keras

from nnpy.catalog import catalog
from nnpy.config.config import Config
from nnpy.config.data_section import decided_rescale
from nnpy.config.network.graph import Network
from nnpy.data import DataInfo, Preprocessing
from nnpy.errors import ModelError
from nnpy.models import ends, pixels
from nnpy.models.saved import Record

# These leave the rank of their input alone, so what follows them decides about the channels.
_RANK_NEUTRAL = frozenset(
    (
        *("Activation", "BatchNormalization", "Dropout", "GaussianDropout", "GaussianNoise"),
        *("Identity", "LayerNormalization", "Normalization", "ReLU", "Rescaling"),
    )
)


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


def needs_channels(network: Network, info: DataInfo) -> bool:
    """Whether grey images (height, width) need a channel axis for the first layer."""
    if len(info.shape) != 2:
        return False
    if network.inputs[0].shape is not None:
        return len(network.inputs[0].shape) == 3
    return _first_rank(network) == 4


def _first_rank(network: Network) -> int | None:
    """The rank of input, batch axis included, that the first layer that cares asks for.

    0 where it takes any. Models within are looked into; the user's own layers are taken to leave
    the rank alone.
    """
    for step in network.steps:
        if step.network is not None:
            found = _first_rank(step.network)
            if found is not None:
                return found
        elif not step.layer.code and step.layer.name not in _RANK_NEUTRAL:
            entry = catalog.load().find("layer", step.layer.name)
            return (entry.input_rank or entry.min_rank or 0) if entry else 0
    return None
