"""Augmentation draws as Keras does, for each picture, under XLA as without it."""

from __future__ import annotations

import dataclasses
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from nnpy.catalog.augmentation import TAKEN, why_not_xla
from nnpy.config.load import load_config
from nnpy.data import registry
from nnpy.engine import Engine, tracing
from nnpy.engine.augmentation import Augmentation, crop
from nnpy.engine.xla_random import draw_as_tensorflow
from nnpy.models.augmentation import build

ARGUMENTS = {
    "Dropout": {"rate": 0.3},
    "GaussianNoise": {"stddev": 0.1},
    "RandomBrightness": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.2,
        "saturation_factor": 0.2,
        "hue_factor": 0.2,
    },
    "RandomContrast": {"factor": 0.3},
    "RandomCrop": {"height": 8, "width": 9},
    "RandomFlip": {"mode": "horizontal"},
    "RandomHue": {"factor": 0.3},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.4},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.2, "y_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.2},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.5},
}
RANDOM = sorted({*TAKEN} - {"ZeroPadding2D"})
# Keras needs half a minute to trace it.
SLOW = pytest.param("RandomElasticTransform", marks=pytest.mark.slow)
NAMES = [SLOW if name == "RandomElasticTransform" else name for name in RANDOM]


def made(name: str, seed: int = 3):
    cls = getattr(keras.layers, name)
    takes = inspect.signature(cls.__init__).parameters
    given = dict(ARGUMENTS.get(name, {}), seed=seed)
    if "value_range" in takes:
        given["value_range"] = (0, 1)
    return cls(**given)


def augmentation(name: str, layer=None) -> Augmentation:
    layer = layer or made(name)
    return Augmentation([layer], mixing=[layer] if TAKEN[name].mixes else [])


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """24 pictures, of which the last 12 are the same."""
    found = np.random.default_rng(0).random((24, 12, 12, 3)).astype("float32")
    found[12:] = found[12]
    return found


def labels(n: int) -> np.ndarray:
    return np.eye(4, dtype="float32")[np.arange(n) % 4]


def drawn(augment, x, y, *, xla: bool = False):
    def trace(x, y):
        with tracing.patches() as patches:
            if xla:
                draw_as_tensorflow(patches)
            if x.shape[1:3] == (12, 12) and isinstance(augment.layers[0], keras.layers.RandomCrop):
                x = tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]])
                return crop(augment.layers[0], x), y
            return augment(x, y)

    program = tf.function(trace, autograph=False, jit_compile=xla)
    return [np.asarray(each) for each in program(tf.constant(x), tf.constant(y))]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "RandomCrop"])
def test_it_draws_what_keras_draws(name, pictures):
    """Through the graph of a step, what the layer gives alone; two pictures not treated alike."""
    x, y = drawn(augmentation(name), pictures, labels(24))
    if TAKEN[name].mixes:
        wanted = made(name)({"images": pictures, "labels": labels(24)}, training=True)
        np.testing.assert_allclose(y, wanted["labels"], atol=1e-6)
        wanted = wanted["images"]
        assert not np.array_equal(y, labels(24))
        np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)
    else:
        wanted = made(name)(pictures, training=True)
        np.testing.assert_array_equal(y, labels(24))
    np.testing.assert_allclose(x, np.asarray(wanted), atol=1e-5)
    assert len({each.tobytes() for each in (y if TAKEN[name].mixes else x)[12:]}) > 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "RandomColorJitter" else name
        for name in RANDOM
        if not why_not_xla(name, ARGUMENTS.get(name, {}))
    ],
)
def test_xla_draws_the_same(name, pictures):
    x, _ = drawn(augmentation(name), pictures, labels(24))
    under_xla, _ = drawn(augmentation(name), pictures, labels(24), xla=True)
    np.testing.assert_allclose(under_xla, x, atol=2e-5)


def test_each_picture_has_a_window_of_its_own():
    """Mean, variance and range of 10,000 windows are those of Keras's, which draws one a batch."""
    ramp = np.arange(16, dtype="float32")
    one = ramp[:, None, None] * 16 + ramp[None, :, None]
    layer = keras.layers.RandomCrop(12, 10, seed=1)
    windows = np.asarray(crop(layer, tf.constant(np.repeat(one[None], 10_000, axis=0))))
    assert windows.shape == (10_000, 12, 10, 1)
    top, left = np.divmod(windows[:, 0, 0, 0].astype(int), 16)
    np.testing.assert_array_equal(windows[:, -1, -1, 0], (top + 11) * 16 + left + 9)
    for offsets, room in ((top, 4), (left, 6)):
        assert {*offsets} == {*range(room + 1)}
        assert abs(offsets.mean() - room / 2) < 0.1
        assert abs(offsets.var() - room * (room + 2) / 12) < 0.2
    own = keras.layers.RandomCrop(12, 10, seed=2)
    starts = np.array([float(own(one[None], training=True)[0, 0, 0, 0]) for _ in range(300)])
    assert abs(starts.mean() - (top * 16 + left).mean()) < 5


def _model(seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    )
    model.compile("sgd", "categorical_crossentropy")
    return model


class _Split:
    def __init__(self) -> None:
        self.x = np.random.default_rng(1).random((40, 8, 8)).astype("float32")
        self.y = labels(40)

    def __len__(self) -> int:
        return len(self.y)


@pytest.mark.parametrize("execution", ["xla", "graph"])
def test_only_a_training_step_sees_it(execution):
    """An augmentation that destroys the pictures: the loss of training knows, no other."""
    split, plain = _Split(), _model()

    def engine(model, augment=None):
        return Engine(
            model,
            lambda x, y: (x, y),
            batch_size=16,
            seed=0,
            execution=execution,
            augmentation=augment,
        )

    destroying = Augmentation(
        [keras.layers.RandomBrightness([0.9, 1.0], value_range=(0, 1), seed=0)]
    )
    one, other = engine(plain), engine(_model(), destroying)
    assert one.evaluate(split) == other.evaluate(split)
    np.testing.assert_array_equal(one.predict(split), other.predict(split))
    assert other.train_epoch(split, 0)["loss"] > 1.1 * one.train_epoch(split, 0)["loss"]


def test_a_graph_beside_xla_is_the_same_training():
    """What XLA cannot compile is drawn by TensorFlow, and XLA does the rest of the step."""
    split, weights = _Split(), []
    for execution in ("xla", "graph"):
        layers = [made("RandomInvert", 5), made("MixUp", 6)]
        augment = Augmentation(layers, mixing=layers[1:], slow="a test")
        model = _model()
        engine = Engine(
            model,
            lambda x, y: (x, y),
            batch_size=16,
            seed=0,
            execution=execution,
            augmentation=augment,
            class_weight={0: 2.0},
        )
        assert ("augmenting is a graph" in engine.execution.reason) == (execution == "xla")
        engine.train_epoch(split, 0)
        assert engine.execution.mode == execution
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_each_layer_works_as_the_config_makes_it():
    """Numbers come from YAML, and seed, range, dtype and name are filled in."""
    listed = [{name: ARGUMENTS.get(name, {})} for name in RANDOM if name not in SLOW.values]
    data = {"name": "fashion_mnist", "augment": listed}
    model = ["Flatten", {"Dense": {"units": 4}}]
    config = load_config({"data": data, "model": model}, to_train=False)
    info = registry.info("fashion_mnist", None)
    x = np.random.default_rng(0).random((4, 12, 12, 3)).astype("float32")
    for each in config.data.augment:
        one = dataclasses.replace(config.data, augment=[each])
        made_of_it = build(dataclasses.replace(config, data=one), info)
        assert made_of_it is not None and made_of_it.variables
        if each.name == "RandomCrop":
            continue  # what it gives is smaller
        augmented, _ = drawn(made_of_it, x, labels(4))
        assert augmented.shape == x.shape
        if each.name not in UNBOUNDED:
            assert augmented.min() > -1e-3 and augmented.max() < 1.001, each.name


UNBOUNDED = ("Dropout", "GaussianNoise")  # noise knows no range
