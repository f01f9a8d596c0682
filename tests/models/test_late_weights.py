"""Layers that make weights when they are first called: they are there before a training."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy import api
from nnpy.config.load import load_config
from nnpy.models import late_weights
from nnpy.safety import model_files
from nnpy.workflows.session import build_model

LATE = {
    "a dense layer": [{"Dense": {"units": 4, "activation": {"PReLU": {}}}}],
    "a recurrent layer": [
        {"Reshape": {"target_shape": [28, 28]}},
        {"LSTM": {"units": 4, "activation": {"PReLU": {}}}},
    ],
    "an activation": [{"Dense": {"units": 4}}, {"Activation": {"activation": {"PReLU": {}}}}],
    "every step": [
        {"Reshape": {"target_shape": [28, 28]}},
        {"TimeDistributed": {"layer": {"Dense": {"units": 2, "activation": {"PReLU": {}}}}}},
        "Flatten",
    ],
}


@pytest.mark.parametrize("name", LATE)
def test_they_are_made_and_the_state_stays(name: str) -> None:
    layers = ["Flatten", {"Dropout": {"rate": 0.5}}, *LATE[name], "BatchNormalization"]
    model = build_model(load_config({"model": [*layers, {"Dense": {"units": 10}}]}))
    before = model.get_weights()
    late_weights.make(model)
    after = model.get_weights()
    assert len(after) == len(before) + 1
    assert sum("p_re_lu" in each.path for each in model.trainable_weights) == 1
    known = [each for each in after if any(np.array_equal(each, one) for one in before)]
    assert len(known) >= len(before)


def test_they_are_trained(tiny_config: dict, tmp_path) -> None:
    layers = ["Flatten", *LATE["a dense layer"], {"Dense": {"units": 10, "activation": "softmax"}}]
    config = {**tiny_config, "model": layers}
    run = api.train(config, run_dir=str(tmp_path / "run"))
    model = model_files.open_model(run.folder / "checkpoints" / "best.keras", compile=False)
    [slopes] = [each for each in model.weights if "p_re_lu" in each.path]
    assert np.asarray(slopes).any()  # they begin with zeros
