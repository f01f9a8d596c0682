"""More small models, each of something that one of `small_models` is not enough for.

Cells within a Bidirectional, arrays among the operands of an operation, names that Keras counted,
initializers of TensorFlow itself.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.support.small_models import graph, model, stack

# -- cells within a Bidirectional ----------------------------------------------------------

stack(
    "cells_there_and_back",
    lambda: layers.Bidirectional(layers.RNN(layers.LSTMCell(3), return_sequences=True)),
    lambda: layers.Bidirectional(
        layers.RNN([layers.LSTMCell(3, name="low"), layers.GRUCell(2)], return_sequences=True),
        merge_mode="ave",
    ),
    lambda: layers.Bidirectional(
        layers.RNN(layers.GRUCell(3, name="own"), return_sequences=True, name="named")
    ),
    lambda: layers.Bidirectional(
        layers.RNN(layers.SimpleRNNCell(3)),
        backward_layer=layers.RNN(layers.SimpleRNNCell(4), go_backwards=True),
    ),
    shape=(5, 4),
)
stack(
    "backward_layer_of_another_kind",
    lambda: layers.Bidirectional(
        layers.LSTM(3, return_sequences=True, zero_output_for_mask=True),
        backward_layer=layers.GRU(3, return_sequences=True, go_backwards=True, name="back"),
    ),
    lambda: layers.Bidirectional(layers.GRU(2, dropout=0.1, seed=3), merge_mode="mul"),
    shape=(5, 4),
)


@model
def states_of_both_directions():
    x = keras.Input((5, 4))
    both = layers.Bidirectional(layers.RNN(layers.LSTMCell(3), return_state=True))
    return keras.Model(x, both(x))


# -- arrays among operands -----------------------------------------------------------------

graph("array_beside_a_tensor", lambda x: ops.stack([x[0], np.ones((5, 4), "float32")]))
graph("array_of_an_equation", lambda x: ops.einsum("abc,cd->abd", x, np.eye(4, dtype="float32")))
graph("array_before_a_tensor", lambda x: ops.einsum("ij,bjk->bik", np.ones((3, 5), "float32"), x))
graph("long_array", lambda x: ops.concatenate([x[0], np.ones((30, 4), "float32")], axis=0))
graph("array_in_a_choice", lambda x: ops.where(x > 0, x, np.full((4,), 0.5, "float32")))
graph("rows_of_an_array", lambda x: ops.take(np.eye(4), x, axis=0), (4,), dtype="int32")
graph("tensor_of_tensorflow", lambda x: x * tf.constant([1.0, 2.0, 3.0, 4.0]))

# -- names that Keras counted --------------------------------------------------------------

graph("sums_of_sums", lambda x: (x + 1.0) + (x + 2.0) + layers.Add()([x, x + 3.0]))
graph("joined_backwards", lambda x: ops.concatenate([x + 2.0, x[..., ::-1] + 1.0]), (4,))
graph("a_name_that_is_not_saved", lambda x: ops.image.extract_patches(x, 2), (8, 8, 3))
graph(
    "two_such_names",
    lambda x: ops.image.extract_patches(ops.image.extract_patches(images=x, size=2), (2, 2)),
    (8, 8, 3),
)


@model
def counted_before():
    for _ in range(3):
        layers.Dense(2)
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(3)(layers.Dense(4)(x) + x) * 2.0)


@model
def such_a_name_within_a_model():
    x = keras.Input((8, 8, 3))
    inner = keras.Model(x, ops.image.extract_patches(x, 2) + 1.0, name="inner")
    return keras.Sequential([keras.Input((8, 8, 3)), inner, layers.Flatten()])


# -- initializers of TensorFlow itself -----------------------------------------------------

stack(
    "of_tensorflow",
    lambda: layers.Dense(3, kernel_initializer=tf.random_normal_initializer(0.0, 0.02)),
    lambda: layers.Dense(3, bias_initializer=tf.constant_initializer([1.0, 2.0, 3.0])),
    lambda: layers.Dense(3, kernel_initializer=tf.random_uniform_initializer(-1, 1, seed=1)),
    lambda: layers.Dense(
        3, kernel_initializer=tf.ones_initializer(), bias_initializer=tf.zeros_initializer()
    ),
    lambda: layers.Dense(3, kernel_initializer=tf.keras.initializers.GlorotNormal(seed=3)),
    shape=(8,),
)

# -- pooling ---------------------------------------------------------------------------------

stack(
    "pools_and_strides",
    lambda: layers.MaxPooling2D(3, strides=1),
    lambda: layers.MaxPooling2D((3, 2), strides=(2, 1), padding="same"),
    lambda: layers.AveragePooling2D(2, 2),
    lambda: layers.MaxPooling2D((2, 1), strides=(1, 2)),
    shape=(16, 16, 2),
)
stack(
    "pools_of_other_ranks",
    lambda: layers.MaxPooling3D((1, 2, 2), strides=(1, 2, 1)),
    lambda: layers.Reshape((-1, 2)),
    lambda: layers.MaxPooling1D(3),
    lambda: layers.AveragePooling1D(2, strides=1),
    shape=(3, 8, 8, 2),
)

# -- quantized -------------------------------------------------------------------------------


@model
def quantized():
    made = keras.Sequential(
        [keras.Input((8,)), *(layers.Dense(units, activation="relu") for units in (16, 8, 4))]
    )
    whole, groups, _ = made.layers
    whole.quantize("int8")
    groups.quantize("int4", config=keras.quantizers.Int4QuantizationConfig(block_size=4))
    return made


@model
def quantized_table():
    made = keras.Sequential([keras.Input((8,), dtype="int32"), layers.Embedding(10, 4)])
    made.quantize("int8")
    return made


# -- functions of keras.activations as steps -------------------------------------------------

graph("relu_of_activations", lambda x: keras.activations.relu(layers.Dense(4)(x)))
graph("relu_with_arguments", lambda x: keras.activations.relu(x, 0.1, max_value=6.0) + ops.relu(x))
graph("relu_twice", lambda x: keras.activations.relu(keras.activations.relu(x, threshold=0.5) - 1))
graph(
    "other_functions_of_activations",
    lambda x: keras.activations.gelu(keras.activations.leaky_relu(x, 0.3), approximate=True),
)
