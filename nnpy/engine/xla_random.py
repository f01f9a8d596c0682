"""The same random numbers under XLA as without it.

TensorFlow's kernels and XLA draw the same random bits for the same seed (Philox 4x32-10), but
make different floats of them: XLA takes the upper bits of each word, TensorFlow the lower
ones, and their normal numbers come from different formulas. Dropout would then drop other
units under XLA than in Keras's own steps. `draw_as_tensorflow` makes XLA's programs turn bits
into floats as TensorFlow's kernels do (tsl/lib/random/random_distributions.h).
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from nnpy.engine.tracing import Patches

# dtype: (unsigned type of the same size, bits of its mantissa, bits of 1.0 as that type)
_FORMATS = {
    tf.float32: (tf.uint32, 23, 0x3F800000),
    tf.float16: (tf.uint16, 10, 0x3C00),
    tf.bfloat16: (tf.uint16, 7, 0x3F80),
}


def draw_as_tensorflow(patches: Patches) -> None:
    """From now on what is traced draws uniform and normal numbers as TensorFlow's kernels do.

    Keras calls these three public functions of TensorFlow, by these names, for dropout, noise
    and random augmentation. There is no argument or setting for it, so they are replaced while
    a step is traced. (A truncated normal, used to make initial weights, is left alone.)
    """
    patches.replace(tf.random, "stateless_uniform", _uniform)
    patches.replace(tf.random, "stateless_normal", _normal)
    patches.replace(tf.nn.experimental, "stateless_dropout", _dropout)


_tf_uniform = tf.random.stateless_uniform
_tf_normal = tf.random.stateless_normal


def _bits(shape: Any, seed: Any) -> Any:
    return _tf_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32)


def _unit(bits: Any, dtype: Any) -> Any:
    """Random words as floats in [0, 1): their low bits are the mantissa of a number in [1, 2)."""
    unsigned, mantissa, one = _FORMATS[dtype]
    words = tf.bitwise.bitwise_and(bits, tf.constant((1 << mantissa) - 1, tf.uint32))
    words = tf.cast(tf.bitwise.bitwise_or(words, tf.constant(one, tf.uint32)), unsigned)
    return tf.bitcast(words, dtype) - tf.ones((), dtype)


def _uniform(
    shape: Any,
    seed: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = tf.float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Any:
    dtype = tf.as_dtype(dtype)
    if dtype not in _FORMATS:  # integers are drawn alike already
        return _tf_uniform(shape, seed, minval, maxval, dtype, name, alg)
    low = tf.cast(minval, dtype)
    high = tf.cast(1 if maxval is None else maxval, dtype)
    return _unit(_bits(shape, seed), dtype) * (high - low) + low


def _normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = tf.float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Any:
    """Box-Muller, two words for two numbers, in float32 whatever the dtype."""
    dtype = tf.as_dtype(dtype)
    if dtype not in _FORMATS:
        return _tf_normal(shape, seed, mean, stddev, dtype, name, alg)
    count = tf.reduce_prod(shape)
    # Words come in groups of four, of which a kernel uses two pairs.
    words = _unit(_bits([(count + 3) // 4 * 4], seed), tf.float32)
    pairs = tf.reshape(words, [-1, 2])
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(pairs[:, 0], 1.0e-7)))
    angle = 2.0 * math.pi * pairs[:, 1]
    numbers = tf.stack([tf.sin(angle) * radius, tf.cos(angle) * radius], axis=1)
    numbers = tf.cast(tf.reshape(tf.reshape(numbers, [-1])[:count], shape), dtype)
    return numbers * tf.cast(stddev, dtype) + tf.cast(mean, dtype)


def _dropout(
    x: Any,
    rate: Any,
    seed: Any,
    rng_alg: str = "auto_select",
    noise_shape: Any = None,
    name: str | None = None,
) -> Any:
    shape = tf.shape(x) if noise_shape is None else noise_shape
    keep = _uniform(shape, seed, dtype=x.dtype) >= tf.cast(rate, x.dtype)
    return tf.where(keep, x * tf.cast(1 / (1 - rate), x.dtype), tf.zeros((), x.dtype))
