"""A Keras model as the one function that is exported: raw examples in, answers out.

Importing this module imports TensorFlow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.data import Preprocessing

_HALF = re.compile(r'"(mixed_)?(b?float16)"')
_OTHER = re.compile(r'"(mixed_)?(b?float16|float64)"')


@dataclass(frozen=True)
class Signature:
    """What the exported function is called with and what it gives.

    `inputs` are name, shape of one example and dtype of each; `outputs` name and place in
    `model.outputs`; `batch` is None where any number of examples may be given. `units` are, by
    the name of an output of numbers, the center and spread that bring it to the user's units.
    """

    inputs: tuple[tuple[str, tuple[int | None, ...], str], ...]
    outputs: tuple[tuple[str, int], ...]
    batch: int | None = None
    units: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def specs(self) -> list[tf.TensorSpec]:
        """TensorFlow's form of the inputs."""
        return [
            tf.TensorSpec((self.batch, *shape), dtype, name=name)
            for name, shape, dtype in self.inputs
        ]


class Serving(tf.Module):
    """The function with all that it needs: `serve` is what a converter takes."""

    def __init__(
        self, model: keras.Model, preprocessing: Preprocessing | None, signature: Signature
    ) -> None:
        super().__init__()
        self.signature = signature
        # Converters look for TensorFlow's variables; those of Keras wrap them, and a file of which
        # they are unknown is written without weights.
        self.weights = [each.value for each in model.variables]
        names = [signature.sources.get(name, name) for name, _, _ in signature.inputs]

        def serve(*arrays: Any) -> dict[str, Any]:
            x: Any = arrays[0] if len(arrays) == 1 else list(arrays)
            if preprocessing is not None:
                given = dict(zip(names, arrays, strict=True))
                x = preprocessing.inputs(x if len(arrays) == 1 else given)
            answers = keras.tree.flatten(model(x, training=False))
            return {
                name: _in_units(answers[index], *signature.units.get(name, ((), ())))
                for name, index in signature.outputs
            }

        self.serve = tf.function(serve, input_signature=signature.specs, autograph=False)
        # What layers hold beside the model's variables: those of an activation that is a layer,
        # and the tables in which words and numbers are looked up.
        known = {id(each) for each in self.weights}
        self.others = [each for each in self.concrete.graph.variables if id(each) not in known]
        self.tables = [
            each
            for each in tf.train.TrackableView(model).descendants()
            if isinstance(each, tf.saved_model.experimental.TrackableResource)
        ]

    @property
    def concrete(self) -> Any:
        """The function traced, once."""
        return self.serve.get_concrete_function()


def _in_units(values: Any, center: Sequence[float], spread: Sequence[float]) -> Any:
    if not center:
        return tf.identity(values)
    flat = tf.reshape(values, [-1, len(center)]) * tf.constant(spread, values.dtype)
    flat += tf.constant(center, values.dtype)
    return tf.reshape(flat, tf.shape(values))


def is_half(model: keras.Model) -> bool:
    """Whether some layer computes with 16 bits."""
    return bool(_HALF.search(json.dumps(keras.saving.serialize_keras_object(model))))


def in_float32(model: keras.Model) -> keras.Model:
    """The same model computing in float32, where it computes with more or fewer bits."""
    config = json.dumps(keras.saving.serialize_keras_object(model))
    if not _OTHER.search(config):
        return model
    copy = keras.saving.deserialize_keras_object(json.loads(_OTHER.sub('"float32"', config)))
    copy.set_weights([np.asarray(each, np.float32) for each in model.get_weights()])
    return copy


def freeze_normalization(layers: Iterable[Any]) -> None:
    """Normalization's numbers as constants: it keeps them as tensors outside of any variable,
    which ONNX would demand as further inputs."""
    for layer in layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # from its weights, which a copy was given after it was made
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def signature_from(
    inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]], batch: int | None
) -> Signature:
    """The signature that plain data describe."""
    return Signature(
        tuple((each["name"], tuple(each["shape"]), each["dtype"]) for each in inputs),
        tuple((each["name"], each["index"]) for each in outputs),
        batch,
        {each["name"]: (each["center"], each["spread"]) for each in outputs if each["center"]},
        {each["name"]: each["data"] for each in inputs if "data" in each},
    )
