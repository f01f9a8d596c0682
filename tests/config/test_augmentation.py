"""What `data.augment` takes, and what it refuses in words and at the place."""

from __future__ import annotations

import jsonschema
import keras
import pytest

from nnpy.catalog import catalog
from nnpy.catalog.augmentation import REFUSED, TAKEN
from nnpy.config.load import load_config
from nnpy.config.schema import document
from nnpy.errors import ConfigError

MODEL = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]


def config(augment: list, **data) -> dict:
    return {"data": {"name": "fashion_mnist", "augment": augment, **data}, "model": MODEL}


def problems(augment: list, **data) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(config(augment, **data))
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


def test_layers_by_name_with_their_arguments():
    augment = [
        "RandomInvert",
        {"RandomFlip": {"mode": "horizontal"}},
        {"GaussianNoise": {"stddev": 0.1}},
    ]
    loaded = load_config(config(augment))
    assert [each.name for each in loaded.data.augment] == [
        "RandomInvert",
        "RandomFlip",
        "GaussianNoise",
    ]
    assert loaded.resolved["data"]["augment"] == augment
    assert load_config(loaded.resolved).data.augment == loaded.data.augment
    jsonschema.validate(config(augment), document.schema(catalog.load()))


def test_every_image_layer_of_keras_is_taken_or_refused():
    """A layer that a new Keras brings must be looked at."""
    image = keras.layers.RandomFlip.__mro__[1]  # the class of Keras's image layers, not public
    found = {
        name
        for name, each in vars(keras.layers).items()
        if isinstance(each, type) and issubclass(each, image)
    }
    assert found and found <= {*TAKEN, *REFUSED}, found - {*TAKEN, *REFUSED}
    known = {*catalog.load().names("layer")}
    assert {*TAKEN, *REFUSED} <= known | {"ContrastLimitedAdaptiveHistogramEqualization"}


@pytest.mark.parametrize(
    ("augment", "place", "words"),
    [
        (["RandomFlop"], "data.augment[0]", "did you mean 'RandomFlip'?"),
        ([{"RandomFlip": {"mode": "up"}}], "RandomFlip.mode", "expected one of horizontal"),
        (["Equalization"], "data.augment[0]", "does the same to every picture"),
        ([{"Dense": {"units": 3}}], "data.augment[0]", "Dense does not augment; it takes"),
        (["AugMix"], "data.augment[0]", "use RandAugment"),
        ([{"Pipeline": {"layers": []}}], "data.augment[0]", "write its layers here"),
        ([{"RandomHue": {"factor": 0.2}}], "data.augment[0]", "needs three colours"),
        (
            [{"RandomFlip": {"data_format": "channels_first"}}],
            "RandomFlip.data_format",
            "channels_last",
        ),
        ([{"RandomFlip": {"bounding_box_format": "xyxy"}}], "bounding_box_format", "boxes"),
        (["MixUp"], "data.augment[0]", "set data.labels: one_hot"),
        ([{"MixUp": {"alpha": 0}}], "MixUp.alpha", "> 0"),
        (
            [{"RandomErasing": {"value_range": [0, 255]}}],
            "data.augment[0]",
            "they go from 0 to 1; leave value_range out",
        ),
        ([{"RandomCrop": {"height": 20, "width": 20}}], "data.augment[0]", "become 20 × 20"),
        (
            [{"RandomCrop": {"height": 30, "width": 28}}],
            "data.augment[0]",
            "put ZeroPadding2D before",
        ),
        (["ZeroPadding2D"], "data.augment[0]", "become 30 × 30"),
        ("RandomFlip", "data.augment", "expected a list"),
    ],
)
def test_what_cannot_augment_is_refused_at_its_place(augment, place, words):
    (problem,) = problems(augment)
    assert place in problem
    assert words in problem


def test_pictures_only_for_layers_of_pictures():
    data = {"name": "blobs", "augment": ["RandomFlip"]}
    model = [{"Dense": {"units": 3, "activation": "softmax"}}]
    with pytest.raises(ConfigError, match="RandomFlip is for pictures"):
        load_config({"data": {"source": {"blobs": {}}, "augment": ["RandomFlip"]}, "model": model})
    data = {"source": {"blobs": {}}, "augment": [{"GaussianNoise": {"stddev": 0.1}}]}
    load_config({"data": data, "model": model})


def test_padding_and_a_window_keep_the_size():
    augment = [{"ZeroPadding2D": {"padding": 2}}, {"RandomCrop": {"height": 28, "width": 28}}]
    assert len(load_config(config(augment)).data.augment) == 2


def test_an_augmenting_layer_in_the_model_is_told():
    data = {"data": {"name": "fashion_mnist"}, "model": ["RandomFlip", *MODEL]}
    assert any("part of the training alone" in note for note in load_config(data).notes)


def test_what_moves_pixels_does_not_move_an_autoencoders_answer():
    model = ["Flatten", {"Dense": {"units": 784}}]
    data = {"name": "fashion_mnist", "target": "input"}
    load_config({"data": {**data, "augment": [{"GaussianNoise": {"stddev": 0.1}}]}, "model": model})
    with pytest.raises(ConfigError, match="RandomFlip moves pixels of the input"):
        load_config({"data": {**data, "augment": ["RandomFlip"]}, "model": model})
