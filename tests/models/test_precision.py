"""Mixed precision: in what each layer computes, and a training that goes on exactly."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from nnpy import api
from nnpy.config.load import load_config
from nnpy.workflows.session import build_model


def model_of(model: object, **training: object) -> keras.Model:
    return build_model(load_config({"model": model, "training": training}))


def computes_in(layer: keras.layers.Layer) -> str:
    return str(layer.dtype_policy.compute_dtype)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_layers_compute_in_16_bits_but_the_first_and_the_last(precision: str) -> None:
    short = precision.removeprefix("mixed_")
    model = model_of(
        {
            "inputs": {"x": {"shape": [28, 28]}},
            "layers": [
                {"Rescaling": {"scale": 1.0}},
                "Flatten",
                {"Dense": {"units": 8}},
                {"Dense": {"units": 8, "dtype": "float64", "name": "own"}},
                {"Dense": {"units": 10, "activation": "softmax"}},
            ],
        },
        precision=precision,
    )
    rescaling, flatten, hidden, own, last = model.layers
    assert [computes_in(each) for each in (rescaling, flatten, hidden, own, last)] == [
        *("float32", short, short, "float64", "float32")
    ]
    assert {str(each.dtype) for each in (*hidden.weights, *last.weights)} == {"float32"}
    assert str(model.outputs[0].dtype) == "float32"
    scales = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scales == (precision == "mixed_float16")
    # What is built afterwards in this process is as before.
    assert keras.config.dtype_policy().name == "float32"


def test_the_outputs_of_inner_models_and_wrapped_layers_are_in_32_bits() -> None:
    inner = {"layers": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]}
    whole = {"inputs": {"x": {"shape": [28, 28]}}, "layers": [{"Model": inner}]}
    model = model_of(whole, precision="mixed_float16")
    assert str(model.outputs[0].dtype) == "float32"
    assert [computes_in(each) for each in model.layers[-1].layers[-2:]] == ["float16", "float32"]


def test_a_loss_scale_of_the_configs_own_is_kept() -> None:
    optimizer = {"LossScaleOptimizer": {"inner_optimizer": "SGD", "initial_scale": 8.0}}
    stack = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    model = model_of(stack, precision="mixed_float16", optimizer=optimizer, accumulate_steps=3)
    assert model.optimizer.initial_scale == 8.0
    assert isinstance(model.optimizer.inner_optimizer, keras.optimizers.SGD)
    assert model.optimizer.inner_optimizer.gradient_accumulation_steps == 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_config: dict) -> Path:
    """A run of two epochs, and one that was taken up again after the first, within an update."""
    folder = tmp_path_factory.mktemp("mixed")
    # 480 examples make 10 steps of an epoch: 4 steps make an update, and the state lies within.
    training = {**tiny_config["training"], "precision": "mixed_float16", "accumulate_steps": 4}
    config = {**tiny_config, "training": training}
    api.train(config, run_dir=str(folder / "whole"))
    once = {**config, "training": {**training, "epochs": 1}}
    api.train(once, run_dir=str(folder / "twice"))
    api.resume(str(folder / "twice"), overrides=("training.epochs=2",))
    return folder


def test_it_goes_on_to_the_bit_with_its_scale_and_gradients(trained: Path) -> None:
    whole, twice = (
        keras.models.load_model(trained / name / "checkpoints/last.keras")
        for name in ("whole", "twice")
    )
    for ours, theirs in zip(whole.weights, twice.weights, strict=True):
        assert np.array_equal(ours, theirs)
    assert isinstance(whole.optimizer, keras.optimizers.LossScaleOptimizer)
    paths = [each.path for each in whole.optimizer.variables]
    assert any("dynamic_scale" in path for path in paths)
    assert any("accumulator" in path for path in paths)
    kept = zip(whole.optimizer.variables, twice.optimizer.variables, strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in kept)


def test_it_learns_what_32_bits_do(trained: Path, tiny_config: dict, tmp_path: Path) -> None:
    training = {**tiny_config["training"], "accumulate_steps": 4}
    api.train({**tiny_config, "training": training}, run_dir=str(tmp_path / "exact"))
    scores = [
        json.loads((run / "summary.json").read_text())["test"]
        for run in (trained / "whole", tmp_path / "exact")
    ]
    assert scores[0]["loss"] == pytest.approx(scores[1]["loss"], rel=0.02)
