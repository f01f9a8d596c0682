"""`applications.…` in a model: what is wrong at its place, and what is built, saved and loaded."""

from __future__ import annotations

import copy

import h5py
import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.errors import ConfigError
from nnpy.models import applications, build, pixels, weight_files
from nnpy.models.initial_weights import take_of_applications
from nnpy.workflows import train
from nnpy.workflows.session import Session

SMALL = {"weights": None, "alpha": 0.35, "minimalistic": True, "name": "base"}


def config(tiny_config: dict, size: int = 32, **given) -> dict:
    made = copy.deepcopy(tiny_config)
    network = {"grey_to_rgb": True, **SMALL, **given}
    network = {key: value for key, value in network.items() if value != "left out"}
    made["model"] = [
        {"Resizing": {"height": size, "width": size}},
        {"applications.MobileNetV3Small": network},
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    return made


@pytest.fixture(scope="module")
def plain() -> keras.Model:
    """Keras's own, with weights and statistics that are not those of the beginning."""
    model = keras.applications.MobileNetV3Small(
        weights=None, include_top=False, pooling="avg", alpha=0.35, minimalistic=True,
        input_shape=(32, 32, 3),
    )  # fmt: skip
    drawn = np.random.default_rng(0)
    model.set_weights([drawn.uniform(0.05, 0.3, each.shape) for each in model.get_weights()])
    return model


# -- mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "below", "words"),
    [
        ({"grey_to_rgb": False}, "", "these are grey: say grey_to_rgb: true"),
        ({"size": 24}, "", "32 × 32 and more, these have 24 × 24: put a Resizing"),
        ({"weights": "nowhere.h5"}, ".weights", "there is no file"),
        ({"weights": "/"}, ".weights", "/ is no file"),
        ({"pooling": "mean"}, ".pooling", "expected one of avg, max"),
        ({"alpah": 1.0}, "", "did you mean 'alpha'"),
        ({"freeze": -1}, ".freeze", "got -1"),
        ({"freeze": [1]}, ".freeze", "got 1"),
        ({"classes": 5}, ".classes", "say include_top: true"),
        (
            {"weights": "imagenet", "include_top": True, "classes": 5},
            ".classes",
            "ImageNet has 1000 classes, not 5",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(tiny_config, change, below, words):
    with pytest.raises(ConfigError) as caught:
        load_config(config(tiny_config, **change))
    (problem,) = caught.value.problems
    assert problem.path.startswith(f"model[1].applications.MobileNetV3Small{below}")
    assert words in problem.message


def test_a_wrong_name_is_told(tiny_config):
    made = config(tiny_config)
    for name, words in (
        ("applications.MobilNetV3Small", "did you mean 'applications.MobileNetV3Small'"),
        ("MobileNetV3Small", "did you mean applications.MobileNetV3Small"),
    ):
        made["model"][1] = {name: {}}
        with pytest.raises(ConfigError, match=words):
            load_config(made)


def test_a_classifier_of_other_classes_than_the_data_is_told(tiny_config):
    made = config(tiny_config, include_top=True, pooling="left out")
    del made["model"][2]
    with pytest.raises(ConfigError, match="1000"):
        load_config(made)
    made["model"][1]["applications.MobileNetV3Small"]["classes"] = 10
    load_config(made)


# -- what is built ----------------------------------------------------------------------


def _built(checked, weights=None) -> keras.Model:
    model = build.build(checked, Session(checked, read=False).data_info)
    take_of_applications(model, checked)
    return model


@pytest.fixture(scope="module")
def made(tiny_config):
    """One of them; what it has learnt and what is frozen changes from test to test."""
    checked = load_config(config(tiny_config))
    return build.build(checked, Session(checked, read=False).data_info)


def _take(model: keras.Model, tiny_config: dict, **given) -> dict:
    return take_of_applications(model, load_config(config(tiny_config, **given)))


@pytest.mark.parametrize("kind", [".weights.h5", ".keras", ".h5"])
def test_equal_to_plain_keras_with_the_weights_of_a_file(made, tiny_config, plain, tmp_path, kind):
    file = tmp_path / f"plain{kind}"
    plain.save_weights(file) if kind == ".weights.h5" else plain.save(file)
    base = made.get_layer("base")
    base.set_weights([0 * each for each in base.get_weights()])
    taken = _take(made, tiny_config, weights=str(file))["base"]
    assert len(taken.loaded) == len([*weight_files.weighted(plain)])
    grey = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 1)).astype("float32")
    wanted = np.asarray(plain(np.repeat(grey, 3, -1)))
    assert np.ptp(wanted, axis=0).max() > 0
    np.testing.assert_array_equal(np.asarray(base(grey)), wanted)


def _changed(file, change) -> None:
    """Another shape for some of the file's weights: `change` of a dataset by its layer's name."""
    with h5py.File(file, "r+") as opened:
        for group in opened["layers"].values():
            shape = change.get(group["vars"].attrs["name"])
            if shape is not None:
                del group["vars/0"]
                group["vars/0"] = np.zeros(shape, "float32")


def test_a_file_that_does_not_fit_is_told_layer_by_layer(made, tiny_config, plain, tmp_path):
    plain.save_weights(file := tmp_path / "a.weights.h5")
    _changed(file, {"expanded_conv_project": (1, 1, 16, 24), "conv": (3, 3, 4, 16)})
    with pytest.raises(ConfigError) as caught:
        _take(made, tiny_config, weights=str(file))
    (problem,) = caught.value.problems
    assert problem.path == "model[1].applications.MobileNetV3Small.weights"
    assert "2 of its layers lack their weights" in problem.message
    assert "expanded_conv_project: kernel is 1 × 1 × 16 × 24 in the file, " in problem.message


@pytest.mark.slow
def test_a_file_with_a_head_of_other_classes(made, tiny_config, tmp_path):
    small = {"alpha": 0.35, "minimalistic": True, "input_shape": (32, 32, 3)}
    whole = keras.applications.MobileNetV3Small(weights=None, classes=7, **small)
    whole.save_weights(file := tmp_path / "a.weights.h5")
    assert "logits" in _take(made, tiny_config, weights=str(file))["base"].unused
    topped = config(tiny_config, weights=str(file), include_top=True, classes=10)
    del topped["model"][2]
    checked = load_config(topped)
    model = build.build(checked, Session(checked, read=False).data_info)
    with pytest.raises(ConfigError, match=r"logits.* 7 in the file.*leave out include_top"):
        take_of_applications(model, checked)


def test_a_damaged_file_is_told_at_its_place(made, tiny_config, tmp_path):
    (tmp_path / "a.weights.h5").write_bytes(b"nothing")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = h5py.ExternalLink("/etc/passwd", "/")
    (tmp_path / "c.keras").write_bytes(b"nothing")
    for name, words in (
        ("a.weights.h5", "no HDF5 file"),
        ("b.h5", "a link to another"),
        ("c.keras", "c.keras is damaged"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            _take(made, tiny_config, weights=str(tmp_path / name))
        assert caught.value.problems[0].path.endswith(".weights")


def test_weights_that_cannot_be_downloaded_are_told(made, tiny_config, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(keras.applications, "MobileNetV3Small", fail)
    with pytest.raises(ConfigError, match="could not be had: no network"):
        _take(made, tiny_config, weights="imagenet")


def test_weights_that_are_downloaded(made, tiny_config, plain, monkeypatch):
    asked = {}

    def download(**arguments):
        asked.update(arguments)
        return plain

    monkeypatch.setattr(keras.applications, "MobileNetV3Small", download)
    taken = _take(made, tiny_config, weights="imagenet")["base"]
    assert asked["weights"] == "imagenet" and asked["input_shape"] == (32, 32, 3)
    assert asked["alpha"] == 0.35 and asked["include_top"] is False
    assert taken.file == "imagenet"
    for one, other in zip(made.get_layer("base").get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("freeze", [True, 9, ["expanded_conv_*", "conv"]])
def test_what_is_frozen_stays_so_in_the_file(made, tiny_config, tmp_path, freeze):
    base = made.get_layer("base")
    for each in base.layers:
        each.trainable = True
    layer = load_config(config(tiny_config, freeze=freeze)).model.steps[1].layer
    applications._freeze(base, layer)
    if freeze is True:
        assert base.trainable_weights == []
    elif freeze == 9:
        own = applications.own_layers(base)
        assert [each.trainable for each in own] == [False] * 9 + [True] * (len(own) - 9)
    else:
        assert {each.name for each in base.layers if not each.trainable} == {
            each.name for each in base.layers if each.name.startswith("expanded_conv_")
        } | {"conv"}
    made.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras").get_layer("base")
    for one, other in zip(base.layers, loaded.layers, strict=True):
        assert one.trainable == other.trainable or not one.weights
    base.trainable = True


def test_no_layer_of_that_name(made, tiny_config):
    layer = load_config(config(tiny_config, freeze=["conv_bm"])).model.steps[1].layer
    with pytest.raises(ConfigError, match="no layer of MobileNetV3Small is named 'conv_bm'"):
        applications._freeze(made.get_layer("base"), layer)


def test_names_do_not_depend_on_what_the_process_has_made(made):
    names = [each.name for each in made.get_layer("base").operations]
    assert {"re_lu", "re_lu_1", "input"} <= {*names}


def test_the_pixels_stay_what_they_are(tiny_config):
    made = config(tiny_config)
    checked = load_config(made)
    assert checked.resolved["data"]["rescale"] == 1.0
    made["data"]["rescale"] = 1 / 255
    with pytest.raises(ConfigError, match="it takes values from 0 to 255, but gets 0 to 1"):
        load_config(made)
    made = config(tiny_config)
    made["model"][1] = {"applications.ResNet50": {"weights": None, "grey_to_rgb": True}}
    assert load_config(made).resolved["data"]["rescale"] == 1.0


def test_a_saved_one_is_known_to_scale():
    inputs = keras.Input((8, 8, 3))
    for scaling in ("symmetric", "spread", "bgr"):
        inner = keras.Model(inputs, applications._scaled(inputs, scaling))
        model = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.Flatten()])
        assert pixels.decided_rescale(model, 1 / 255)[0] == 1.0, scaling


@pytest.mark.slow
def test_trained_and_taken_up_by_its_run(tiny_config, plain, tmp_path):
    plain.save_weights(tmp_path / "a.weights.h5")
    made = config(tiny_config, weights=str(tmp_path / "a.weights.h5"), freeze=True)
    made["training"] = {"epochs": 1, "batch_size": 240, "execution": "graph"}
    run = train.train_config(load_config(made), run_dir=str(tmp_path / "run"), final=False)
    (tmp_path / "a.weights.h5").unlink()
    told = run.summary()["applications"]["base"]
    assert len(told["loaded"]) > 20 and told["drawn"] == told["unused"] == []
    trained = keras.saving.load_model(run.last_path).get_layer("base")
    for one, other in zip(trained.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # statistics of BatchNormalization too
    again = train.resume_run(run, ("training.epochs=2",), final=False)
    assert again.summary()["applications"]["base"] == told
