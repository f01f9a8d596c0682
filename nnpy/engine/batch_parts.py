"""A batch in parts, one for each processor core.

TensorFlow's own way to use several cores is to cut each operation in pieces. For the many small
operations of a step, handing out the pieces costs more than it brings: a small convolutional
network was measured at 8.8 ms a step on two cores and 10 ms on one. Here the *batch* is cut: each
part goes through the whole model by itself, in operations of one thread each, and the parts run
beside one another (6.3 ms). Loss, metrics and optimizer see the whole batch again.

The results are those of the whole batch but for the order in which sums are taken. That is so
only for layers that treat each example by itself, for dropout, whose mask is drawn for the whole
batch and then cut, and for BatchNormalization, before which the parts wait for one another
(`parts_in_step`); a model with any other layer is left whole. XLA's programs are, too: they have
no use for it.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from nnpy.engine.introspection import layers, on_gpu
from nnpy.engine.parts_in_step import go_in_step, is_batch_normalization
from nnpy.engine.tracing import Patches

SMALLEST_PART = 16  # examples; smaller ones lose more in each operation than they gain


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Worth the cutting; models of other layers only are quick already, or run by XLA.
_HEAVY = _names(
    """Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose DepthwiseConv1D
    DepthwiseConv2D SeparableConv1D SeparableConv2D LSTM GRU SimpleRNN Bidirectional"""
)
_DROPOUT = _names("Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D")
_IN_STEP = _names("BatchNormalization")
# What they give for an example depends on that example alone, in training too.
_PER_EXAMPLE = _names(
    """InputLayer Identity Dense EinsumDense Embedding Activation ReLU LeakyReLU PReLU ELU Softmax
    AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D Flatten Reshape Permute RepeatVector Cropping1D
    Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D UpSampling1D UpSampling2D
    UpSampling3D Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    LayerNormalization RMSNormalization GroupNormalization UnitNormalization Rescaling
    LSTMCell GRUCell SimpleRNNCell"""
)


def suit(kinds: Iterable[tuple[str, Mapping[str, Any]]], batch_size: int, cores: int) -> bool:
    """Whether a model of layers of these names and arguments should be trained in parts.

    Needs no model, so that it can be asked before TensorFlow starts its threads.
    """
    kinds = list(kinds)
    return (
        cores > 1
        and batch_size % cores == 0
        and batch_size // cores >= SMALLEST_PART
        and any(name in _HEAVY for name, _ in kinds)
        and all(
            name in _HEAVY | _DROPOUT | _IN_STEP | _PER_EXAMPLE and _is_plain(arguments.get)
            for name, arguments in kinds
        )
    )


def count(model: keras.Model, batch_size: int) -> int:
    """In how many parts a batch of this model is worked on: 1 for a whole one.

    More than one only where the process runs each operation on one thread (see
    `nnpy.devices.select`) and several operations at once.
    """
    threads = tf.config.threading
    if on_gpu() or threads.get_intra_op_parallelism_threads() != 1:
        return 1
    cores = threads.get_inter_op_parallelism_threads()
    kinds = []
    for part in layers(model):
        if not isinstance(part, keras.layers.Layer) or not _is_kerass(part):
            return 1
        kinds.append((type(part).__name__, vars(part)))
    return cores if suit(kinds, batch_size, cores) else 1


def split_batches(patches: Patches, model: keras.Model, batch_size: int, parts: int) -> None:
    """From now on a traced call of `model` with a whole batch goes through it in parts."""
    if parts == 1:
        return
    whole = model.call
    masks = _SharedMasks(parts)
    in_step = any(is_batch_normalization(part) for part in layers(model))
    if in_step:
        go_in_step(patches, model, batch_size, parts, masks.turn_to)

    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if keras.tree.flatten(inputs)[0].shape[0] != batch_size:  # the last, partial batch
            return whole(inputs, *args, **kwargs)
        if in_step:
            with masks.drawn_once(model, batch_size):
                return whole(inputs, *args, **kwargs)
        cut = [_part(inputs, i, batch_size // parts) for i in range(parts)]
        outputs = []
        with masks.drawn_once(model, batch_size):
            for i, part in enumerate(cut):
                masks.turn_to(i)
                outputs.append(whole(part, *args, **kwargs))
        return keras.tree.map_structure(lambda *each: tf.concat(each, 0), *outputs)

    # The public method that Keras calls: there is no setting for it.
    patches.replace(model, "call", call)


class _SharedMasks:
    """Dropout's masks, drawn for the whole batch as Keras draws them, one part at a time."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._part = 0
        self._drawn: dict[int, list[Any]] = {}
        self._asked: Counter[tuple[int, int]] = Counter()

    def turn_to(self, part: int) -> None:
        """The calls that follow are those of this part."""
        self._part = part

    @contextlib.contextmanager
    def drawn_once(self, model: keras.Model, batch_size: int) -> Iterator[None]:
        chosen = {id(part): part for part in layers(model) if type(part).__name__ in _DROPOUT}
        self._drawn = {key: [] for key in chosen}
        self._asked.clear()
        patches = Patches()
        for layer in chosen.values():
            patches.replace(layer, "call", self._call(layer, layer.call, batch_size))
        try:
            yield
        finally:
            patches.restore()

    def _call(self, layer: Any, draw: Any, batch_size: int) -> Any:
        def call(inputs: Any, training: bool = False) -> Any:
            if not training or layer.rate == 0:
                return inputs
            # A layer may be called more than once on the way through the model.
            key = (self._part, id(layer))
            turn = self._asked[key]
            self._asked[key] += 1
            drawn = self._drawn[id(layer)]
            if turn == len(drawn):
                drawn.append(draw(tf.ones((batch_size, *inputs.shape[1:]), inputs.dtype), training))
            return inputs * _part(drawn[turn], self._part, batch_size // self._parts)

        return call


def _part(tensors: Any, index: int, size: int) -> Any:
    return keras.tree.map_structure(lambda t: t[index * size : (index + 1) * size], tensors)


def _is_kerass(layer: Any) -> bool:
    return type(layer).__module__.startswith("keras.")


def _is_plain(get: Any) -> bool:
    """Nothing in the arguments that couples examples, draws numbers or adds a loss per call."""
    axes = get("axis", get("axes", -1))
    return not (
        get("activity_regularizer")
        or get("stateful")
        or get("synchronized")
        or get("renorm")
        or get("mask_zero")
        or get("recurrent_dropout")
        or (get("dropout") or 0)
        or 0 in (axes if isinstance(axes, list | tuple) else [axes])
    )
