"""Names that Keras saves beside a layer, and that loading would count anew."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import nnpy
from nnpy.errors import ModelError
from nnpy.models.to_config.compare import differences
from nnpy.workflows.import_model import import_model

pytestmark = pytest.mark.filterwarnings("ignore:`build..` was called")

OWN = """
import keras


@keras.saving.register_keras_serializable("names")
class Sampling(keras.layers.Layer):
    def call(self, inputs):
        return inputs[0] + inputs[1]


@keras.saving.register_keras_serializable("names")
class Head(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


@keras.saving.register_keras_serializable("names")
class Whole(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dense = units, keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return {"units": self.units}
"""


def a_layer_without_arguments(own):
    x = keras.Input((4,))
    mean, spread = layers.Dense(2, name="mean")(x), layers.Dense(2, name="spread")(x)
    return keras.Model(x, layers.Dense(4)(own["Sampling"]()([mean, spread])))


def several_of_a_kind(own):
    head = own["Head"]
    x = keras.Input((4,))
    return keras.Model(x, [head(2)(x), head(3)(head(2, name="own")(x))])


def in_a_stack(own):
    head = own["Head"]
    return keras.Sequential([keras.Input((4,)), head(3), layers.ReLU(), head(2, name="last")])


def within_a_model(own):
    inner = keras.Sequential([keras.Input((4,)), own["Head"](3)], name="inner")
    x = keras.Input((4,))
    return keras.Model(x, own["Head"](2)(inner(x)))


def a_model_as_a_layer(own):
    x = keras.Input((4,))
    return keras.Model(x, own["Whole"](3)(x))


@pytest.mark.parametrize(
    "make",
    [
        *(a_layer_without_arguments, several_of_a_kind, in_a_stack, within_a_model),
        a_model_as_a_layer,
    ],
)
def test_a_layer_whose_config_has_no_name_keeps_its_name(make, tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    own: dict = {}
    exec(OWN, own)
    keras.backend.clear_session()
    original = make(own)
    original.save(tmp_path / "m.keras")
    import_model(tmp_path / "m.keras", tmp_path / "m.yaml", tmp_path / "own.py")
    built = nnpy.build(tmp_path / "m.yaml")
    assert differences(original, built) == []


def twice_in_a_stack():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="inner")
    return keras.Sequential([keras.Input((4,)), inner, layers.ReLU(), inner])


def a_layer_twice_in_a_stack():
    dense = layers.Dense(4)
    return keras.Sequential([keras.Input((4,)), dense, layers.ReLU(), dense])


def shared_with_a_model_within():
    shared = layers.Dense(4, name="shared")
    a = keras.Input((4,))
    inner = keras.Model(a, shared(a) + 1.0, name="inner")
    x = keras.Input((4,))
    return keras.Model(x, shared(inner(shared(x))))


def within_another():
    return keras.Sequential([keras.Input((4,)), twice_in_a_stack(), layers.Dense(2)])


def test_a_model_that_keras_loads_as_another_is_refused(tmp_path):
    original = shared_with_a_model_within()
    original.save(tmp_path / "m.keras")
    given = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert not np.allclose(original(given), again(given))  # Keras's own fault
    with pytest.raises(ModelError, match="Keras itself does not load the model that it has saved"):
        import_model(tmp_path / "m.keras", tmp_path / "m.yaml")
    assert not (tmp_path / "m.yaml").exists()


@pytest.mark.parametrize("make", [twice_in_a_stack, a_layer_twice_in_a_stack, within_another])
def test_a_model_that_keras_saves_as_another_is_refused(make, tmp_path):
    with pytest.raises(ModelError, match="stands twice in the Sequential"):
        import_model(make(), tmp_path / "m.yaml")
