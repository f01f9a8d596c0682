"""Models that converters crash on or lie about: what is written gives their answers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from nnpy.data import Preprocessing
from nnpy.engine import introspection
from nnpy.errors import ModelError
from nnpy.export import runtimes, serving, to_keras, write
from nnpy.models import ends

pytest.importorskip("tf2onnx")
pytest.importorskip("ai_edge_litert")

SCALE = Preprocessing(1 / 255, channel_axis=True)


def _two_outputs() -> keras.Model:
    x = keras.Input((6, 6, 1), name="input")
    flat = layers.Flatten()(x)
    given = {name: layers.Dense(3, name=f"d_{name}")(flat) for name in ("zebra", "ant")}
    return keras.Model(x, given)


def _stack(*steps: keras.Layer, shape: tuple = (6, 6, 1)) -> keras.Model:
    return keras.Sequential(
        [keras.Input(shape, name="input"), *steps, layers.Dense(3, name="last")]
    )


def _adapted() -> keras.Model:
    """Its copy in float32 has the weights, but not yet what the layer makes of them."""
    layer = layers.Normalization(axis=None)
    layer.adapt(np.random.default_rng(1).normal(0.5, 0.2, (50, 6, 6, 1)))
    return _stack(layer, layers.Flatten(), layers.Dense(4, dtype="mixed_float16"))


MODELS: dict[str, Callable[[], keras.Model]] = {
    "exact gelu and celu": lambda: _stack(
        layers.Conv2D(2, 3, activation="gelu"), layers.Flatten(), layers.Dense(4, "celu")
    ),
    "random layers": lambda: _stack(
        layers.RandomFlip(), layers.RandomRotation(0.2), layers.Dropout(0.5),
        layers.GaussianNoise(1.0), layers.Flatten(),
    ),
    "normalization": lambda: _stack(
        layers.Normalization(mean=0.3, variance=0.2), layers.Flatten()
    ),
    "nested normalization": lambda: _stack(
        keras.Sequential([layers.Normalization(mean=0.3, variance=0.2), layers.Flatten()])
    ),
    "half": lambda: _stack(layers.Flatten(), layers.Dense(4, dtype="mixed_bfloat16")),
    "adapted and half": lambda: _adapted(),
    "convolutions": lambda: _stack(
        layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
        layers.Conv2DTranspose(2, 3, strides=2), layers.GlobalAveragePooling2D(),
    ),
    "float64": lambda: _stack(layers.Flatten(), layers.Dense(4, dtype="float64")),
    "an activation with weights": lambda: _stack(
        layers.Flatten(), layers.Dense(4, activation=layers.PReLU("glorot_uniform"))
    ),
    "recurrent": lambda: _stack(layers.Reshape((6, 6)), layers.GRU(4)),
    "two outputs": _two_outputs,
}  # fmt: skip
X = np.random.default_rng(0).integers(0, 256, (9, 6, 6), np.uint8)


def _written(model: keras.Model, kind: str, path: Path, batch: int | None = None) -> dict:
    """The answers of what is written of a model, by their names."""
    outputs = tuple((name, index) for index, name in enumerate(ends.output_keys(model)))
    signature = serving.Signature((("input", (6, 6), "uint8"),), outputs, batch)
    model = serving.in_float32(model)
    serving.freeze_normalization(introspection.layers(model))
    write.write(kind, serving.Serving(model, SCALE, signature), path, {"told": "ü"})
    runtime = runtimes.open_file(kind, path)
    assert runtime.batch == batch
    return runtime({"input": X})


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_gives_the_answers_of_the_model(
    name: str, kind: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(zlib.crc32(name.encode()))
    model = MODELS[name]()
    flat = keras.tree.flatten(model(SCALE.inputs(X), training=False))
    wanted = dict(zip(ends.output_keys(model), flat, strict=True))
    batch = 4 if (name, kind) == ("recurrent", "tflite") else None
    found = _written(model, kind, tmp_path / f"model.{kind}", batch)
    assert set(found) == set(wanted)
    near = 0.02 if "half" in name else 1e-5
    for each, values in wanted.items():
        np.testing.assert_allclose(found[each], values, atol=near, err_msg=each)
        assert np.ptp(found[each]) > 0.01  # there is something to be compared


def test_augmentation_is_gone_from_a_savedmodel_too(tmp_path: Path) -> None:
    model = MODELS["random layers"]()
    found = _written(model, "savedmodel", tmp_path / "model")
    np.testing.assert_allclose(found["last"], model(SCALE.inputs(X), training=False), atol=1e-5)
    told = (tmp_path / "model/assets.extra/nnpy.json").read_text(encoding="utf-8")
    assert json.loads(told) == {"told": "ü"}


def test_a_savedmodel_takes_its_tables_along(tmp_path: Path) -> None:
    x = keras.Input((6, 6, 1), name="input", dtype="int64")
    places = layers.IntegerLookup(vocabulary=[*range(0, 256, 2)])(keras.ops.reshape(x, (-1, 36)))
    model = keras.Model(x, layers.Dense(3, name="last")(places))
    signature = serving.Signature((("input", (6, 6, 1), "int64"),), (("last", 0),))
    write.write("savedmodel", serving.Serving(model, None, signature), tmp_path / "model", {})
    given = X[..., None].astype(np.int64)
    found = runtimes.open_file("savedmodel", tmp_path / "model")({"input": given})
    np.testing.assert_allclose(found["last"], model(given), rtol=1e-5)


def test_what_a_format_has_not_is_refused_by_its_name(tmp_path: Path) -> None:
    x = keras.Input((6, 6, 1), name="input")
    model = keras.Model(x, keras.ops.erfinv(keras.ops.reshape(x, (-1, 36))))
    for kind, title in (("onnx", "ONNX"), ("tflite", "LiteRT")):
        with pytest.raises(ModelError, match=f"{title} has no operation for TensorFlow's Erfinv"):
            _written(model, kind, tmp_path / f"model.{kind}")


def test_what_litert_cannot_run_is_refused_by_the_names_of_its_operations(tmp_path: Path) -> None:
    model = _stack(layers.Reshape((6, 6)), layers.LSTM(4))  # with an open batch
    with pytest.raises(ModelError, match="LiteRT has no operation for TensorFlow's TensorList"):
        _written(model, "tflite", tmp_path / "model.tflite")


@pytest.mark.parametrize("name", ["convolutions", "two outputs"])
def test_a_keras_file_takes_raw_bytes(name: str) -> None:
    model = MODELS[name]()
    outputs = tuple((each, index) for index, each in enumerate(ends.output_keys(model)))
    signature = serving.Signature((("input", (6, 6), "uint8"),), outputs)
    scaled = to_keras.with_scaling(model, SCALE, signature)
    assert scaled.input_shape == (None, 6, 6)
    assert set(ends.output_keys(scaled)) == set(ends.output_keys(model))
    one, other = (keras.tree.flatten(each) for each in (scaled(X), model(SCALE.inputs(X))))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_file_that_is_none_is_an_error_in_words(tmp_path: Path) -> None:
    for kind in ("onnx", "tflite"):
        path = tmp_path / f"no.{kind}"
        path.write_bytes(b"no model at all, but long enough to be looked at")
        with pytest.raises(ModelError, match="cannot be opened: "):
            runtimes.open_file(kind, path)
