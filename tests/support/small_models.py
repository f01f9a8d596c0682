"""Small models, one for each thing that a Keras model can hold: what an import must bring back.

`MODELS` maps a name to a function that makes the model anew. Own classes stand in
`own_code.py` beside this file, which is what their users would hand to `--code`.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

MODELS: dict[str, Callable[[], keras.Model]] = {}


def model(function: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    MODELS[function.__name__] = function
    return function


def stack(name: str, *steps: Callable[[], object], shape: tuple = (8, 8, 3)) -> None:
    """A Sequential of what the functions make."""

    def make() -> keras.Model:
        return keras.Sequential([keras.Input(shape), *(each() for each in steps)])

    MODELS[name] = make


def graph(name: str, function: Callable, *shapes: tuple, dtype: str = "float32") -> None:
    """A functional model of one function of its inputs."""

    def make() -> keras.Model:
        inputs = [keras.Input(shape, dtype=dtype) for shape in shapes or ((5, 4),)]
        return keras.Model(inputs[0] if len(inputs) == 1 else inputs, function(*inputs))

    MODELS[name] = make


# -- Sequential ----------------------------------------------------------------------------

stack("flat", layers.Flatten, lambda: layers.Dense(10))
stack(
    "convnet",
    lambda: layers.Conv2D(4, 3, activation="relu", padding="same"),
    lambda: layers.MaxPooling2D(2),
    lambda: layers.Conv2D(4, (3, 1), strides=(1, 2)),
    layers.GlobalAveragePooling2D,
    lambda: layers.Dropout(0.4),
    lambda: layers.Dense(3, activation="softmax", name="answer"),
)
stack(
    "frozen",
    lambda: layers.Dense(3, trainable=False),
    lambda: layers.BatchNormalization(trainable=False),
    shape=(4,),
)
stack(
    "mixed_precision",
    lambda: layers.Dense(3, dtype="mixed_float16"),
    lambda: layers.Dense(2, dtype="float64"),
    shape=(4,),
)
stack(
    "activations_with_arguments",
    lambda: layers.Dense(3, activation=layers.LeakyReLU(0.1)),
    lambda: layers.Dense(3, activation=layers.LeakyReLU(0.1, name="mine")),
    lambda: layers.Dense(3, activation=layers.PReLU()),
    lambda: layers.Dense(3, activation=layers.ReLU(max_value=6.0, negative_slope=0.1)),
    shape=(4,),
)
stack(
    "initializers",
    lambda: layers.Dense(3, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02)),
    lambda: layers.Dense(3, bias_initializer=keras.initializers.Constant(0.5)),
    lambda: layers.Dense(3, bias_initializer=keras.initializers.Constant([0.5, 0.25, 1.0])),
    lambda: layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(2.0, axis=[0])),
    lambda: layers.Dense(3, activity_regularizer=keras.regularizers.L1L2(0.1, 0.2)),
    shape=(4,),
)
stack(
    "numpy_numbers",
    lambda: layers.Dropout(np.float64(0.25)),
    lambda: layers.Dense(
        int(np.int64(3)), kernel_regularizer=keras.regularizers.L2(np.float64(0.1))
    ),
    lambda: layers.LeakyReLU(np.float64(0.5)),
    shape=(4,),
)
stack(
    "rms_normalized",
    lambda: layers.LayerNormalization(rms_scaling=True),
    lambda: layers.LayerNormalization(axis=[1, 2], epsilon=1e-6),
    layers.RMSNormalization,
    lambda: layers.GroupNormalization(groups=1),
    lambda: layers.UnitNormalization(axis=1),
)
stack(
    "augmented",
    lambda: layers.RandomFlip("horizontal"),
    lambda: layers.RandomRotation(0.1, fill_mode="nearest"),
    lambda: layers.RandomZoom((0.1, 0.2), seed=3),
    lambda: layers.RandomContrast(0.2, value_range=(0, 1)),
    layers.Flatten,
)
stack("rescaled", lambda: layers.Rescaling(1 / 127.5, offset=-1), layers.Flatten)
stack("normalized", lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0]))
stack("reshaped", lambda: layers.Reshape((-1, 6)), lambda: layers.Permute((2, 1)), shape=(4, 6))
stack("padded", lambda: layers.ZeroPadding2D(((1, 0), (0, 2))), lambda: layers.Cropping2D(1))
stack("upsampled", lambda: layers.UpSampling2D((2, 3), interpolation="bilinear"))
stack(
    "transposed",
    lambda: layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
    lambda: layers.SeparableConv2D(3, 3, depth_multiplier=2),
    lambda: layers.DepthwiseConv2D(3, activation="gelu"),
)
stack("one_dimension", lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), shape=(9, 2))
stack("three_dimensions", lambda: layers.Conv3D(2, (1, 2, 2)), shape=(3, 4, 4, 1))
stack(
    "einsum",
    lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 7), bias_axes="d"),
    shape=(5, 4),
)
stack("lstm", lambda: layers.LSTM(3, return_sequences=True), lambda: layers.LSTM(2), shape=(5, 4))
stack("gru", lambda: layers.GRU(3, reset_after=False, dropout=0.1), shape=(5, 4))
stack("rnn_cells", lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]), shape=(5, 4))
stack(
    "named_cells",
    lambda: layers.RNN([layers.LSTMCell(3, name="low"), layers.GRUCell(2, name="high")]),
    shape=(5, 4),
)
stack("one_cell", lambda: layers.RNN(layers.SimpleRNNCell(3), go_backwards=True), shape=(5, 4))
stack(
    "bidirectional",
    lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
    lambda: layers.Bidirectional(layers.GRU(2, name="own"), merge_mode="sum"),
    shape=(5, 4),
)
stack(
    "backward_layer",
    lambda: layers.Bidirectional(
        layers.LSTM(3, name="there"),
        backward_layer=layers.LSTM(3, activation="relu", go_backwards=True, name="back"),
    ),
    shape=(5, 4),
)
stack("every_step", lambda: layers.TimeDistributed(layers.Dense(2, name="inner")), shape=(5, 4))
stack("spectral", lambda: layers.SpectralNormalization(layers.Conv2D(2, 3), power_iterations=2))
stack("pipeline", lambda: layers.Pipeline([layers.RandomFlip(), layers.Rescaling(0.5)]))
stack("convlstm", lambda: layers.ConvLSTM2D(2, 3), shape=(4, 6, 6, 1))


@model
def named_input():
    return keras.Sequential([keras.Input((4,), name="picture"), layers.Dense(2)])


@model
def integers():
    return keras.Sequential([keras.Input((4,), dtype="int32"), layers.Embedding(9, 3)])


@model
def masked():
    return keras.Sequential(
        [keras.Input((4,), dtype="int32"), layers.Embedding(9, 3, mask_zero=True), layers.LSTM(2)]
    )


@model
def masked_graph():
    x = keras.Input((4,), dtype="int32")
    y = layers.Embedding(9, 3, mask_zero=True)(x)
    return keras.Model(x, layers.GRU(2)(layers.LSTM(3, return_sequences=True)(y)))


@model
def stateful():
    return keras.Sequential(
        [keras.Input(batch_shape=(2, 5, 4)), layers.LSTM(3, stateful=True), layers.Dense(1)]
    )


@model
def nested_in_sequential():
    block = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)], name="augment")
    return keras.Sequential([keras.Input((8, 8, 3)), block, layers.Conv2D(2, 3), layers.Flatten()])


@model
def functional_in_sequential():
    x = keras.Input((4,))
    inner = keras.Model(x, layers.Add()([layers.Dense(4)(x), x]), name="inner")
    return keras.Sequential([keras.Input((4,)), inner, layers.Softmax()])


@model
def compiled_within():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    inner.compile("adam", "mse")
    return keras.Sequential([keras.Input((4,)), inner, layers.Softmax()])


@model
def timedistributed_model():
    inner = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    return keras.Sequential(
        [keras.Input((3, 6, 6, 1)), layers.TimeDistributed(inner), layers.LSTM(2)]
    )


@model
def timedistributed_functional():
    x = keras.Input((4,))
    inner = keras.Model(x, layers.Dense(2, name="in")(x) + 1.0, name="frame")
    return keras.Sequential([keras.Input((3, 4)), layers.TimeDistributed(inner, name="every")])


@model
def timedistributed_unbuilt():
    inner = keras.Sequential([layers.Dense(2), layers.Dense(3)])
    return keras.Sequential([keras.Input((3, 4)), layers.TimeDistributed(inner)])


@model
def dtype_of_input():
    return keras.Sequential([keras.Input((4,), dtype="uint8"), layers.Rescaling(0.5)])


# -- the order of tensors ------------------------------------------------------------------


def three_dense(x):
    return layers.Dense(8, name="q")(x), layers.Dense(8, name="k")(x), layers.Dense(8, name="v")(x)


@model
def attention_by_position():
    x = keras.Input((5, 8))
    q, k, v = three_dense(x)
    return keras.Model(x, layers.MultiHeadAttention(2, 4)(q, v, k))


@model
def attention_by_name():
    x = keras.Input((5, 8))
    q, k, v = three_dense(x)
    return keras.Model(x, layers.MultiHeadAttention(2, 4)(query=q, value=v, key=k))


@model
def attention_key_by_name():
    x = keras.Input((5, 8))
    q, k, v = three_dense(x)
    return keras.Model(x, layers.MultiHeadAttention(2, 4)(q, key=k, value=v))


@model
def attention_list():
    x = keras.Input((5, 8))
    q, k, v = three_dense(x)
    return keras.Model(x, layers.Attention(use_scale=True)([q, v, k]))


@model
def attention_masks():
    x, mask = keras.Input((5, 8)), keras.Input((5, 5), dtype="bool")
    y = layers.MultiHeadAttention(2, 4)(x, x, attention_mask=mask, use_causal_mask=True)
    return keras.Model([x, mask], y)


@model
def states_computed():
    x = keras.Input((5, 4))
    flat = layers.Flatten()(x)
    h, c = layers.Dense(3, name="h")(flat), layers.Dense(3, name="c")(flat)
    return keras.Model(x, layers.LSTM(3)(layers.Dense(2, name="z")(x), initial_state=[h, c]))


@model
def states_handed_on():
    x, y = keras.Input((5, 4)), keras.Input((6, 4))
    _, h, c = layers.LSTM(3, return_state=True, name="encoder")(x)
    out, _, _ = layers.LSTM(3, return_sequences=True, return_state=True, name="decoder")(
        y, initial_state=[h, c]
    )
    return keras.Model([x, y], layers.Dense(2)(out))


@model
def states_of_stacked_cells():
    x, y = keras.Input((5, 4)), keras.Input((6, 4))
    outer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_state=True, name="outer")
    _, *states = outer(x)
    inner = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="inner")
    return keras.Model([x, y], inner(y, initial_state=states))


@model
def bidirectional_states():
    x = keras.Input((5, 4))
    y, *states = layers.Bidirectional(layers.LSTM(3, return_state=True, return_sequences=True))(x)
    return keras.Model(x, [y, layers.Concatenate()(states)])


@model
def branches_in_order():
    x = keras.Input((4,))
    late = layers.Dense(3, name="late")(x)
    soon = layers.Dense(3, name="soon")(layers.Dense(2, name="before")(x))
    return keras.Model(x, layers.Concatenate()([soon, late]))


@model
def inputs_in_order():
    b, a = keras.Input((2,), name="b"), keras.Input((3,), name="a")
    return keras.Model([b, a], layers.Concatenate()([a, b]))


# -- shapes of graphs ----------------------------------------------------------------------


@model
def shared():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    encoder = layers.Dense(3, name="encoder")
    distance = layers.Subtract(name="distance")([encoder(left), encoder(right)])
    return keras.Model([left, right], layers.Dense(1)(encoder(layers.Dense(4)(distance))))


@model
def unused_input():
    x, spare = keras.Input((4,), name="x"), keras.Input((2,), name="spare")
    return keras.Model([x, spare], layers.Dense(2)(x))


@model
def returns_its_input():
    x = keras.Input((4,))
    return keras.Model(x, x)


@model
def returns_its_input_too():
    x = keras.Input((4,))
    return keras.Model(x, [layers.Dense(2)(x), x])


@model
def list_of_one():
    x = keras.Input((4,))
    return keras.Model([x], [layers.Dense(2)(x)])


@model
def outputs_by_name():
    x = keras.Input((4,))
    return keras.Model(x, {"b": layers.Dense(2)(x), "a": layers.Dense(3)(x)})


@model
def outputs_two_deep():
    x = keras.Input((4,))
    one, two, three = layers.Dense(1)(x), layers.Dense(2)(x), layers.Dense(3)(x)
    return keras.Model(x, [[one, two], three])


@model
def outputs_dict_of_lists():
    x = keras.Input((4,))
    one, two, three = layers.Dense(1)(x), layers.Dense(2)(x), layers.Dense(3)(x)
    return keras.Model(x, {"z": [one, two], "a": {"b": three}})


@model
def inputs_by_name():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    return keras.Model({"a": a, "b": b}, layers.Concatenate()([b, a]))


@model
def inputs_by_other_names():
    a, b = keras.Input((4,), name="one"), keras.Input((3,), name="two")
    return keras.Model({"x": b, "y": a}, layers.Concatenate()([a, b]))


@model
def inputs_two_deep():
    a, b, c = (keras.Input((n,), name=f"i{n}") for n in (1, 2, 3))
    return keras.Model([[a, b], c], layers.Concatenate()([c, a, b]))


@model
def nested_outputs_used():
    x = keras.Input((4,))
    inner = keras.Model(x, {"a": layers.Dense(2)(x), "b": layers.Dense(3)(x)}, name="inner")
    start = keras.Input((4,))
    found = inner(start)
    return keras.Model(start, layers.Concatenate()([found["b"], found["a"]]))


@model
def nested_called_with_names():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    inner = keras.Model({"a": a, "b": b}, layers.Concatenate()([a, b]), name="inner")
    x, y = keras.Input((3,)), keras.Input((4,))
    return keras.Model([x, y], inner({"a": y, "b": x}))


@model
def nested_frozen():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.BatchNormalization()])
    inner.trainable = False
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(inner(x, training=False)))


@model
def nested_functional_frozen():
    x = keras.Input((4,))
    inner = keras.Model(x, layers.BatchNormalization()(layers.Dense(3)(x)), name="base")
    inner.trainable = False
    start = keras.Input((4,))
    return keras.Model(start, layers.Dense(2)(inner(start, training=False)))


@model
def nested_called_twice():
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4, name="a")(x), layers.Dense(4, name="b")(x)], name="in")
    start = keras.Input((4,))
    first, second = inner(start)
    return keras.Model(start, inner(layers.Add()([first, second])))


@model
def nested_three_deep():
    one = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="one")
    two = keras.Sequential([keras.Input((4,)), one, layers.Dense(3)], name="two")
    x = keras.Input((4,))
    return keras.Model(x, two(layers.Dense(4)(x)))


@model
def a_plain_stack_that_is_functional():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(layers.Dense(3)(x)))


@model
def normalized_in_training_mode():
    x = keras.Input((4,))
    frozen = layers.BatchNormalization()(x, training=False)
    return keras.Model(x, layers.Dropout(0.5)(frozen, training=True))


# -- names ---------------------------------------------------------------------------------


@model
def a_layer_named_input():
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, name="input")(x)
    return keras.Model(x, layers.Concatenate()([x, y]))


@model
def a_layer_named_as_an_output():
    x = keras.Input((5, 4))
    _, h, c = layers.LSTM(3, return_state=True, name="l")(x)
    return keras.Model(x, layers.Concatenate()([c, layers.Dense(3, name="l.1")(c), h]))


@model
def names_with_dots():
    x = keras.Input((4,), name="x.0")
    y = layers.Dense(3, name="block.1.dense")(x)
    return keras.Model(x, [layers.Dense(2, name="block.1")(y), y])


@model
def add_beside_ops_add():
    x = keras.Input((4,))
    y = layers.Add()([x, layers.Dense(4)(x)])
    return keras.Model(x, y + x)


@model
def several_additions():
    x = keras.Input((4,))
    return keras.Model(x, layers.Multiply()([x + 1.0, (x + 2.0) * 3.0]))


@model
def odd_names():
    x = keras.Input((4,))
    y = layers.Dense(4, name="dense_7")(x)
    return keras.Model(x, layers.Dense(4, name="dense")(layers.Dense(4, name="dense_1")(y)))


# -- slices and operations -----------------------------------------------------------------

graph("first_row", lambda x: x[:, 0])
graph("last_row", lambda x: x[:, -1])
graph("reversed_columns", lambda x: x[..., ::-1])
graph("new_axis", lambda x: x[:, None])
graph("part", lambda x: x[:, 1:3, ::2])
graph("last_of_all", lambda x: x[..., -1:])
graph("first_example", lambda x: layers.Dense(2)(x)[0])
graph("several_slices", lambda x: layers.Concatenate()([x[:, 0], x[:, 1], x[:, -1, :]]))
graph("integers_stay", lambda x: x + 1, (4,), dtype="int32")
graph("integers_divided", lambda x: x // 2 % 3, (4,), dtype="int32")
graph("numbers_first", lambda x: 1.0 - 2 / (x + 3) ** 2)
graph("take_last", lambda x: ops.take(x, -1, axis=1))
graph("take_some", lambda x: ops.take(x, [0, 2], axis=1))
graph("cast", lambda x: ops.cast(x, "int32") * 2)
graph("hot", lambda x: ops.one_hot(x, 5, dtype="int32"), (4,), dtype="int32")
graph("likes", lambda x: ops.zeros_like(x, dtype="int32") + ops.full_like(x, 2, dtype="int32"))
graph("sums", lambda x: ops.cumsum(x, axis=1, dtype="float64"))
graph("stopped", lambda x: layers.Dense(2)(ops.stop_gradient(x)))
graph("array_operand", lambda x: x * np.arange(4, dtype="float32") + np.ones((5, 1), "float32"))
graph("array_of_doubles", lambda x: x + np.arange(4.0))
graph("array_first", lambda x: ops.matmul(np.ones((3, 5), "float32"), x))
graph("resized", lambda x: ops.image.resize(x, (4, 6), interpolation="nearest"), (8, 8, 3))
graph("patches", lambda x: ops.image.extract_patches(x, (4, 4), padding="same"), (8, 8, 3))
graph("grey", lambda x: ops.image.rgb_to_grayscale(x), (8, 8, 3))
graph("pooled_by_op", lambda x: ops.average_pool(x, (2, 2), strides=2, padding="same"), (8, 8, 3))
graph("normalized_by_op", lambda x: ops.normalize(x, axis=-1, order=1))
graph("layer_normalized", lambda x: ops.layer_normalization(x, np.ones(4, "float32"), epsilon=1e-3))
graph("reshaped_by_op", lambda x: ops.transpose(ops.reshape(x, (-1, 2, 10)), (0, 2, 1)))
graph("split", lambda x: ops.concatenate(ops.split(x, 2, axis=2)[::-1], axis=-1))
graph("stacked", lambda x: ops.stack([x, x * 2.0, x], axis=1))
graph("unstacked", lambda x: ops.unstack(x, axis=1)[2])
graph("moments", lambda x: ops.add(*ops.moments(x, axes=[1])))
graph("einsum_op", lambda x: ops.einsum("abc,adc->abd", x, x))
graph("chosen", lambda x: ops.where(x > 0, x, 0.0))
graph("powered", lambda x: ops.power(2.0, ops.clip(x, -1, 1)))
graph("top", lambda x: ops.top_k(x, 2, sorted=False)[1])
graph("mean_and_keep", lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True))
graph("padded_by_op", lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0)), constant_values=1.0))
graph("logical", lambda x: ops.logical_and(x > 0, ops.logical_not(x > 1)))
graph("two_inputs", lambda a, b: ops.subtract(ops.exp(b), a), (4,), (4,))
graph("residual", lambda x: x + layers.Dense(4)(layers.LayerNormalization()(x)))
graph("class_token", lambda x: layers.Dense(3)(layers.MultiHeadAttention(2, 4)(x, x)[:, 0]))


@model
def gathered_by_tensor():
    x, index = keras.Input((5, 4)), keras.Input((2,), dtype="int32")
    return keras.Model([x, index], ops.take_along_axis(x, ops.expand_dims(index, -1), axis=1))


# -- large constants -----------------------------------------------------------------------


@model
def pretrained_table():
    matrix = np.random.default_rng(0).normal(size=(200, 20)).astype("float32")
    table = layers.Embedding(
        200, 20, embeddings_initializer=keras.initializers.Constant(matrix), trainable=False
    )
    return keras.Sequential([keras.Input((4,), dtype="int32"), table, layers.Flatten()])


@model
def large_operand():
    x = keras.Input((200,))
    return keras.Model(
        x, x * np.linspace(0, 1, 200, dtype="float32") + np.arange(200, dtype="float32")
    )
