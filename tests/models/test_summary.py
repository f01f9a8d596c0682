"""The layer table against counts done by hand, on real Keras models."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy.models.summary import first_pictures, layer_table

L = keras.layers


def only(layer: keras.layers.Layer, *shape: int):
    """The row of one layer alone."""
    model = keras.Sequential([keras.Input(shape), layer])
    (row,) = layer_table(model)
    assert row.parameters == model.count_params()
    return row


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (L.Dense(10), (784,), 7840),
        (L.Dense(10), (5, 784), 5 * 7840),
        (L.Conv2D(16, 3), (28, 28, 1), 26 * 26 * 9 * 16),
        (L.Conv2D(16, 3, padding="same", strides=2, groups=2), (28, 28, 4), 14 * 14 * 9 * 2 * 16),
        (L.Conv1D(8, 5), (20, 3), 16 * 5 * 3 * 8),
        (L.DepthwiseConv2D(3, depth_multiplier=2), (10, 10, 4), 8 * 8 * 9 * 4 * 2),
        (L.SeparableConv2D(8, 3), (10, 10, 4), 8 * 8 * (9 * 4 + 4 * 8)),
        (L.Conv2DTranspose(8, 3, strides=2), (7, 7, 4), 7 * 7 * 9 * 4 * 8),
        (L.LSTM(128), (28, 28), 28 * 4 * 128 * (28 + 128)),
        (L.GRU(16, return_sequences=True), (9, 4), 9 * 3 * 16 * (4 + 16)),
        (L.Bidirectional(L.LSTM(8)), (5, 4), 2 * 5 * 4 * 8 * (4 + 8)),
        (L.TimeDistributed(L.Dense(3)), (6, 4), 6 * 4 * 3),
        (L.EinsumDense("abc,cd->abd", output_shape=(None, 7)), (5, 3), 5 * 3 * 7),
        (L.EinsumDense("...x,xy->...y", output_shape=7), (5, 4, 3), 5 * 4 * 3 * 7),
        (L.Embedding(100, 16), (12,), 0),
        (L.BatchNormalization(), (8, 8, 3), 0),
        (L.MaxPooling2D(), (8, 8, 3), 0),
        (L.Dropout(0.5), (8,), 0),
    ],
)
def test_multiply_adds(layer, shape, expected):
    assert only(layer, *shape).multiply_adds == expected


def test_attention():
    inputs = keras.Input((10, 16))
    model = keras.Model(inputs, L.MultiHeadAttention(4, 8)(inputs, inputs))
    (row,) = layer_table(model)
    # four projections of 16 × (4 · 8), then scores and weighted sums of 10 × 10 pairs
    assert row.multiply_adds == 10 * 4 * 16 * 32 + 2 * 10 * 10 * 32
    assert row.parameters == model.count_params()


def test_rows_follow_the_computation_and_unfold_nested_models():
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4, name="a")], name="inner")
    shared = L.Dense(4, name="shared", use_bias=False)
    inputs = keras.Input((4,))
    x = shared(inner(shared(inputs)))
    model = keras.Model(inputs, L.Add(name="sum")([x, inputs]))
    rows = layer_table(model)
    assert [row.name for row in rows] == ["shared", "inner/a", "shared", "sum"]
    assert [row.parameters for row in rows] == [16, 20, 0, 0]
    assert sum(row.parameters for row in rows) == model.count_params()
    assert [row.multiply_adds for row in rows] == [16, 16, 16, 0]
    assert {row.activation_bytes for row in rows} == {16}
    assert rows[0].shapes == ((4,),)


def test_what_is_not_known_is_none():
    class Own(keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1], 2))

        def call(self, x):
            return x @ self.w

    assert only(Own(), 5).multiply_adds is None
    row = layer_table(keras.Sequential([keras.Input((None, 4)), L.LSTM(2)]))[0]
    assert row.multiply_adds is None
    assert row.activation_bytes == 8


def test_a_subclassed_model_has_rows_without_shapes():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(3)

        def call(self, x):
            return self.dense(x)

    model = Net()
    model(np.zeros((1, 2), np.float32))
    (row,) = layer_table(model)
    assert (row.kind, row.shapes, row.parameters, row.multiply_adds) == ("Dense", (), 9, None)


def test_first_pictures():
    dense = keras.Sequential([keras.Input((6, 5)), L.Flatten(), L.Dense(7)])
    pictures = first_pictures(dense)
    assert pictures is not None
    assert pictures.shape == (7, 6, 5)
    np.testing.assert_array_equal(pictures[3].ravel(), np.asarray(dense.layers[-1].kernel)[:, 3])
    grey = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(4, 3)])
    assert first_pictures(grey).shape == (4, 3, 3)
    colour = keras.Sequential([keras.Input((8, 8, 3)), L.Rescaling(2.0), L.Conv2D(4, 3)])
    assert first_pictures(colour).shape == (4, 3, 3, 3)
    assert first_pictures(keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 1)])) is None
    assert first_pictures(keras.Sequential([keras.Input((8, 8)), L.LSTM(4)])) is None
    assert first_pictures(keras.Sequential([keras.Input((8,)), L.Dense(4)])) is None
