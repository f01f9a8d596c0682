"""The parts of a batch through a model in step: a layer over all parts, then the next layer.

A network with BatchNormalization cannot let each part go its own way, for the mean and variance
are those of the whole batch. In step, a layer has all parts before it, and the moments are taken
over them together: those of the whole batch, but for the order in which sums are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from nnpy.engine.introspection import layers
from nnpy.engine.tracing import Patches

TurnTo = Callable[[int], None]


class _Parts:
    """The parts of one tensor: to Keras a single thing, which it hands on from layer to layer."""

    def __init__(self, tensors: tuple[Any, ...]) -> None:
        self.tensors = tensors


def go_in_step(
    patches: Patches, model: keras.Model, batch_size: int, parts: int, turn_to: TurnTo
) -> None:
    """From now on a traced call of `model` with a whole batch takes its parts in step.

    `turn_to(i)` is called before a layer is called with part `i`.
    """
    moments = {
        id(part): _SharedMoments(part) for part in layers(model) if is_batch_normalization(part)
    }
    for each in moments.values():
        patches.replace(each.layer, "call", each.call)
    for graph in _graphs(model):
        _cut(patches, graph, batch_size, _Walk(parts, turn_to, moments))


def is_batch_normalization(part: Any) -> bool:
    return type(part) is keras.layers.BatchNormalization


def _graphs(model: Any) -> Iterator[Any]:
    """The graphs of layers of a model and of those within it."""
    # A Sequential keeps its graph in a private attribute.
    yield getattr(model, "_functional", None) or model
    for part in model.layers:
        if isinstance(part, keras.Model):
            yield from _graphs(part)


def _cut(patches: Patches, graph: Any, batch_size: int, walk: _Walk) -> None:
    # Keras's private method: the one place where it goes from layer to layer, and where the
    # caller may say how a layer is called. No public one does.
    through = graph._run_through_graph

    def run(inputs: Any, operation_fn: Callable[[Any], Any]) -> Any:
        flat = keras.tree.flatten(inputs)
        if flat[0].shape[0] != batch_size:  # the last, partial batch
            return through(inputs, operation_fn=operation_fn)
        outputs = through(
            [walk.split(tensor) for tensor in flat],
            operation_fn=lambda operation: walk.over_all(operation, operation_fn(operation)),
        )
        return _joined(outputs)

    patches.replace(graph, "_run_through_graph", run)


class _Walk:
    """Calls operations with every part in turn."""

    def __init__(self, parts: int, turn_to: TurnTo, moments: dict[int, _SharedMoments]) -> None:
        self._parts, self._turn_to, self._moments = parts, turn_to, moments

    def split(self, tensor: Any) -> _Parts:
        size = tensor.shape[0] // self._parts
        return _Parts(tuple(tensor[i * size : (i + 1) * size] for i in range(self._parts)))

    def over_all(self, operation: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, which calls an operation with tensors, for arguments that are parts."""

        def within(*args: Any, **kwargs: Any) -> Any:
            # What a model does before it goes through its graph it does with the whole batch.
            outputs = call(*_joined(args), **_joined(kwargs))
            return keras.tree.map_structure(self.split, outputs)

        def each(*args: Any, **kwargs: Any) -> Any:
            if id(operation) in self._moments:
                self._moments[id(operation)].of(args[0].tensors)
            outputs = []
            for i in range(self._parts):
                self._turn_to(i)
                outputs.append(call(*_part(args, i), **_part(kwargs, i)))
            return keras.tree.map_structure(lambda *these: _Parts(these), *outputs)

        return within if isinstance(operation, keras.Model) else each


def _part(tree: Any, i: int) -> Any:
    return _replaced(tree, lambda parts: parts.tensors[i])


def _joined(tree: Any) -> Any:
    return _replaced(tree, lambda parts: tf.concat(parts.tensors, 0))


def _replaced(tree: Any, value: Callable[[_Parts], Any]) -> Any:
    def leaf(each: Any) -> Any:
        return value(each) if isinstance(each, _Parts) else each

    return keras.tree.map_structure(leaf, tree)


class _SharedMoments:
    """BatchNormalization of parts by the mean and variance of all of them.

    Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 1; the variance is that of the
    population, and the moving averages are kept, as in Keras's layer.
    """

    def __init__(self, layer: keras.layers.BatchNormalization) -> None:
        self.layer = layer
        self._whole = layer.call
        self._tensors: tuple[Any, ...] = ()
        self._moments: tuple[Any, Any] | None = None

    def of(self, tensors: tuple[Any, ...]) -> None:
        """The calls that follow are with these parts."""
        self._tensors, self._moments = tensors, None

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Keras's own call where the moments are not the batch's."""
        layer = self.layer
        if not self._tensors or not training or not layer.trainable:
            return self._whole(inputs, training=training, mask=mask)
        if self._moments is None:
            self._moments = self._taken()
        mean, variance = self._moments
        outputs = keras.ops.batch_normalization(
            keras.ops.cast(inputs, mean.dtype),
            mean,
            variance,
            axis=layer.axis,
            offset=keras.ops.cast(layer.beta, mean.dtype) if layer.center else None,
            scale=keras.ops.cast(layer.gamma, mean.dtype) if layer.scale else None,
            epsilon=layer.epsilon,
        )
        return keras.ops.cast(outputs, layer.compute_dtype)

    def _taken(self) -> tuple[Any, Any]:
        """The mean and variance of all parts; the moving averages take them in."""
        layer, ops = self.layer, keras.ops
        wide = keras.backend.result_type(layer.compute_dtype, "float32")
        # As Keras hands them to the layer, then as the layer widens them.
        parts = [ops.cast(ops.cast(each, layer.compute_dtype), wide) for each in self._tensors]
        rank = len(parts[0].shape)
        axes = [i for i in range(rank) if i != layer.axis % rank]

        def mean_of(values: list[Any]) -> Any:
            return tf.add_n([tf.reduce_mean(each, axes) for each in values]) / len(values)

        mean = mean_of(parts)
        around = tf.stop_gradient(
            tf.reshape(mean, [-1 if i == layer.axis % rank else 1 for i in range(rank)])
        )
        variance = mean_of([tf.math.squared_difference(each, around) for each in parts])
        for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            kept = ops.cast(moving, wide)
            moving.assign(kept * layer.momentum + new * (1.0 - layer.momentum))
        return mean, variance
