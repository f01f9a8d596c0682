"""What is different within a replica, while its step is traced.

A replica is a training on one device, but for three things: its gradients are summed with those
of the others before its optimizer sees them, its loss is worth its share of the global batch, and
its random numbers are its rows of those drawn for the whole batch. Importing this imports
TensorFlow.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from nnpy.engine.introspection import layers
from nnpy.engine.shares import Share
from nnpy.engine.tracing import Patches

_tracing = threading.local()  # the share of the replica that is being traced in this thread


@contextlib.contextmanager
def taking(share: Share) -> Iterator[None]:
    """Within it, what is traced is this share of a batch."""
    _tracing.share = share
    try:
        yield
    finally:
        _tracing.share = None


def id_here() -> int:
    """The number of the replica that is being traced, among those of all workers."""
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def work_alone(patches: Patches, model: keras.Model, alone: Sequence[Any] = ()) -> None:
    """From now on a traced step of `model` is that of a replica.

    The BatchNormalization layers in `alone` look at its rows only.
    """
    _exchange_gradients(patches, model.optimizer)
    synchronize(patches, model, alone)
    _draw_whole_batches(patches)


# -- gradients -----------------------------------------------------------------------------


def _exchange_gradients(patches: Patches, optimizer: Any) -> None:
    if optimizer is None:
        return
    apply, scale_loss = optimizer.apply, optimizer.scale_loss

    def apply_sum(grads: Any, trainable_variables: Any = None) -> None:
        # Before anything else: clipping and loss scaling must see the gradients of all.
        apply(summed(grads), trainable_variables)

    def scale_share(loss: Any) -> Any:
        factor = _tracing.share.factor
        return scale_loss(loss if factor == 1 else loss * tf.cast(factor, loss.dtype))

    patches.replace(optimizer, "apply", apply_sum)
    patches.replace(optimizer, "scale_loss", scale_share)
    _update_own_copies(patches, optimizer)


def summed(tensors: list[Any]) -> list[Any]:
    """The sum over the replicas of each tensor (None stays None), exchanged in one go."""
    given = [each for each in tensors if each is not None]
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given) if given else [])
    return [None if each is None else next(sums) for each in tensors]


def _update_own_copies(patches: Patches, optimizer: Any) -> None:
    """The optimizer updates this replica's variables, as if there were no others.

    Keras's TensorFlow optimizer overrides methods of its base class to sum and update over the
    replicas, and there is no argument against it: the base class's are put back.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        patches.replace(optimizer, "_tf_apply", optimizer._common_apply)
        _update_own_copies(patches, optimizer.inner_optimizer)
        return
    base = base_optimizer()
    for name in OVERRIDDEN:
        patches.replace(optimizer, name, getattr(base, name).__get__(optimizer))


# The methods of Keras's optimizers that its TensorFlow backend overrides for the replicas' sake.
OVERRIDDEN = (
    "_apply_weight_decay",
    "_backend_update_step",
    "_backend_increment_gradient_accumulators",
    "_overwrite_model_variables_with_average_value",
)


def base_optimizer() -> type:
    """The class of Keras's optimizers for every backend; Keras has no public name for it."""
    return next(each for each in keras.Optimizer.__mro__ if each.__name__ == "BaseOptimizer")


# -- statistics ----------------------------------------------------------------------------


def normalizing(model: keras.Model) -> list[Any]:
    """The BatchNormalization layers of a model."""
    return [each for each in layers(model) if isinstance(each, keras.layers.BatchNormalization)]


def synchronize(patches: Patches, model: keras.Model, alone: Sequence[Any]) -> None:
    """From now on BatchNormalization takes its statistics from the global batch.

    Keras's `synchronized` takes the variance as E[x²] - E[x]², of which so little may be left that
    200 steps later the weights differ by a hundredth from those of one device; it exchanges three
    times, and not at all where there is a mask. There is no public way to another formula.
    """
    for layer in normalizing(model):
        if not any(layer is each for each in alone):
            patches.replace(layer, "_moments", _moments_of_all(layer, layer._moments))


def _moments_of_all(layer: Any, of_one_device: Callable[..., Any]) -> Callable[..., Any]:
    """Mean and variance over the rows of all replicas, in two passes as on one device."""

    def moments(inputs: Any, mask: Any) -> Any:
        share: Share | None = getattr(_tracing, "share", None)
        if share is None or share.rows < share.replicas:  # each replica has all rows
            return of_one_device(inputs, mask)
        axes, short = layer._reduction_axes, inputs.dtype in (tf.float16, tf.bfloat16)
        x = tf.cast(inputs, tf.float32) if short else inputs
        weight = tf.ones_like(x)
        if mask is not None:
            weight *= tf.cast(mask, x.dtype)[..., None]
        total, count = summed([tf.reduce_sum(x * weight, axes), tf.reduce_sum(weight, axes)])
        if mask is not None:
            count += keras.backend.epsilon()
        mean = total / count
        # As on one device: the mean is where the sum of squares is least, whatever moves it.
        centre = tf.reshape(tf.stop_gradient(mean), _broadcast(x, axes))
        [squares] = summed([tf.reduce_sum(tf.math.squared_difference(x, centre) * weight, axes)])
        found = mean, squares / count
        if short:
            limits = tf.float16.min, tf.float16.max
            found = tuple(tf.cast(tf.clip_by_value(each, *limits), inputs.dtype) for each in found)
        return found

    return moments


def _broadcast(x: Any, axes: Sequence[int]) -> list[int]:
    """The shape in which what is left of `x` when `axes` are summed goes with it."""
    return [1 if number in axes else size for number, size in enumerate(x.shape)]


def own_states(model: keras.Model, alone: Sequence[Any] = ()) -> list[Any]:
    """The variables that a step may make differ between replicas.

    Those of layers of the user's own, and of the BatchNormalization layers in `alone`.
    """
    return [
        variable
        for layer in layers(model)
        if not type(layer).__module__.startswith("keras.") or any(layer is a for a in alone)
        for variable in getattr(layer, "non_trainable_variables", ())
        if keras.backend.is_float_dtype(variable.dtype)
    ]


def average(variables: list[Any]) -> None:
    """The mean over the replicas, in each of them."""
    if variables:
        context = tf.distribute.get_replica_context()
        values = [tf.convert_to_tensor(variable.value) for variable in variables]
        means = context.all_reduce(tf.distribute.ReduceOp.MEAN, values)
        for variable, mean in zip(variables, means, strict=True):
            variable.assign(mean)


@contextlib.contextmanager
def metrics_kept(model: keras.Model, counts: bool) -> Iterator[None]:
    """After it the metrics are as before, unless what is done within `counts`."""
    variables = [] if counts else model.metrics_variables
    before = [tf.identity(variable.value) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


# -- random numbers ------------------------------------------------------------------------


def _draw_whole_batches(patches: Patches) -> None:
    """Random numbers for rows of a batch are drawn for all of it, and the replica's rows taken.

    Otherwise two replicas, whose seeds are the same, would drop the same units, and one device
    others. Keras calls these public functions of TensorFlow; there is no setting for it.
    """
    for owner, name in (
        (tf.random, "stateless_uniform"),
        (tf.random, "stateless_normal"),
        (tf.random, "stateless_truncated_normal"),
    ):
        patches.replace(owner, name, _drawn(getattr(owner, name)))
    patches.replace(tf.nn.experimental, "stateless_dropout", _dropout)


def _drawn(draw: Callable[..., Any]) -> Callable[..., Any]:
    def drawn(shape: Any, *args: Any, **kwargs: Any) -> Any:
        whole = _whole(shape)
        if whole is None:
            return draw(shape, *args, **kwargs)
        share = _tracing.share
        return draw(whole, *args, **kwargs)[share.begin : share.end]

    return drawn


def _whole(shape: Any) -> list[int] | None:
    """The shape of a whole batch, for that of a replica's rows; None for any other shape."""
    share: Share | None = getattr(_tracing, "share", None)
    known = tf.get_static_value(tf.convert_to_tensor(shape)) if share else None
    if share is None or known is None or not len(known) or share.end - share.begin == share.rows:
        return None
    return [share.rows, *known[1:]] if known[0] == share.end - share.begin else None


_stateless_dropout = tf.nn.experimental.stateless_dropout


def _dropout(
    x: Any,
    rate: Any,
    seed: Any,
    rng_alg: str = "auto_select",
    noise_shape: Any = None,
    name: str | None = None,
) -> Any:
    if isinstance(noise_shape, list | tuple):
        noise_shape = [x.shape[i] if n is None else n for i, n in enumerate(noise_shape)]
    whole = _whole(tf.shape(x) if noise_shape is None else noise_shape)
    if whole is None:
        return _stateless_dropout(x, rate, seed, rng_alg, noise_shape, name)
    share = _tracing.share
    mask = _stateless_dropout(tf.ones(whole, x.dtype), rate, seed, rng_alg)
    return x * mask[share.begin : share.end]
