"""From a checked config to a Keras model."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import nnpy
from nnpy.config.load import load_config
from nnpy.errors import ConfigError
from nnpy.workflows.session import Session
from tests.conftest import ROOT


def dense(**arguments: object) -> dict:
    return {"Dense": {"units": 10, **arguments}}


def test_a_list_is_a_sequential_model() -> None:
    model = nnpy.build(ROOT / "configs" / "mlp.yaml")
    assert isinstance(model, keras.Sequential)
    assert model.input_shape == (None, 28, 28)
    assert [layer.name for layer in model.layers] == ["flatten", "dense", "dense_1"]
    assert model.count_params() == 101_770


def test_a_list_with_from_is_functional_and_the_same_network() -> None:
    stack = nnpy.build(ROOT / "configs" / "mlp.yaml")
    graph = nnpy.build(ROOT / "configs" / "mlp_functional.yaml")
    assert not isinstance(graph, keras.Sequential)
    x = np.random.default_rng(0).random((4, 28, 28), dtype="float32")
    np.testing.assert_array_equal(stack(x), graph(x))  # the same seed draws the same weights


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([{"Conv2D": {"filters": 2, "kernel_size": 3}}, "Flatten", dense()], (None, 28, 28, 1)),
        ([{"Rescaling": {"scale": 2.0}}, "MaxPooling2D", "Flatten", dense()], (None, 28, 28, 1)),
        (["Flatten", dense()], (None, 28, 28)),
        ([{"LSTM": {"units": 2}}, dense()], (None, 28, 28)),
        ([{"Reshape": {"target_shape": [28, 28, 1]}}, "Flatten", dense()], (None, 28, 28)),
    ],
)
def test_grey_images_get_a_channel_axis_where_the_first_layer_needs_one(
    layers: list, shape: tuple
) -> None:
    assert nnpy.build({"model": layers}).input_shape == shape


def test_names_are_the_same_in_every_build() -> None:
    names = [[layer.name for layer in nnpy.build({"model": ["Flatten", dense()]}).layers]] * 2
    assert names[0] == names[1] == ["flatten", "dense"]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ({"leaky_relu": {"negative_slope": 0.1}}, [-0.2, 0.0, 9.0]),
        ({"relu": {"max_value": 6, "threshold": 1.0}}, [0.0, 0.0, 6.0]),
        ({"elu": {"alpha": 0.5}}, [0.5 * (np.exp(-2.0) - 1), 0.0, 9.0]),
        ({"leaky_relu": {}}, [-0.4, 0.0, 9.0]),  # Keras's own default, 0.2, not its layer's 0.3
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_an_activation_with_arguments_is_applied_and_saved(activation, expected, dtype, tmp_path):
    layer = {"kernel_initializer": "Identity", "activation": activation, "dtype": dtype, "units": 3}
    layers = [{"Dense": layer}, {"Dense": {"units": 10, "activation": "softmax"}}]
    built = nnpy.build({"model": {"inputs": {"x": {"shape": [3]}}, "layers": layers}})
    built.save(tmp_path / "m.keras")
    for model in (built, keras.models.load_model(tmp_path / "m.keras", compile=False)):
        first = model.layers[0]
        found = first(np.array([[-2.0, 0.0, 9.0]], "float32"))
        assert found.dtype == first.compute_dtype
        np.testing.assert_allclose(found[0], expected, rtol=1e-3)


def test_arguments_reach_keras() -> None:
    regularized = dense(kernel_regularizer={"L2": {"l2": 0.5}}, kernel_initializer="zeros")
    config = {
        "model": ["Flatten", regularized],
        "training": {
            "optimizer": {
                "SGD": {
                    "learning_rate": {
                        "ExponentialDecay": {
                            "initial_learning_rate": 0.25,
                            "decay_steps": 10,
                            "decay_rate": 0.5,
                        }
                    },
                    "momentum": 0.5,
                }
            },
            "loss": {"SparseCategoricalCrossentropy": {"from_logits": True}},
            "metrics": ["accuracy", {"SparseTopKCategoricalAccuracy": {"k": 2, "name": "top2"}}],
        },
    }
    model = nnpy.build(config)
    layer = model.layers[-1]
    assert layer.kernel_regularizer.l2 == 0.5
    assert not np.any(layer.kernel.numpy())
    assert model.optimizer.momentum == 0.5
    assert float(model.optimizer.learning_rate) == 0.25
    x, y = np.zeros((8, 28, 28), "float32"), np.zeros(8, "int32")
    logs = model.evaluate(x, y, return_dict=True, verbose=0)
    assert set(logs) == {"loss", "accuracy", "top2"}
    assert logs["loss"] == pytest.approx(np.log(10), rel=1e-5)  # from logits: all ten alike


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["Flatten", {"Conv2D": {"filters": 1, "kernel_size": 3}}], r"model\[1\].Conv2D: .*ndim"),
        ([{"Reshape": {"target_shape": [28, 27]}}], r"model\[0\].Reshape: .*unchanged"),
    ],
)
def test_what_keras_refuses_is_told_at_its_layer(layers: list, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        nnpy.build({"model": layers})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["Flatten", {"Dense": {"units": 5}}], r"5 outputs, but fashion_mnist has 10 classes"),
        ([dense()], r"has the shape \[28, 10\]"),
    ],
)
def test_only_a_training_holds_the_model_against_the_data(layers: list, message: str) -> None:
    config = {"model": layers}
    assert nnpy.build(config).output_shape[-1] == layers[-1]["Dense"]["units"]
    with pytest.raises(ConfigError, match=message):
        Session(load_config(config), read=False).build_model()
