"""BatchNormalization where several devices share a batch."""

from __future__ import annotations

from nnpy.config.load import load_config
from nnpy.models import normalization
from nnpy.workflows.session import build_model


def test_only_what_the_config_says_keeps_a_layer_apart():
    layers = [
        {"Dense": {"units": 4}},
        {"BatchNormalization": {"name": "usual"}},
        {"BatchNormalization": {"name": "apart", "synchronized": False}},
        {"BatchNormalization": {"name": "together", "synchronized": True}},
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    model = build_model(load_config({"model": ["Flatten", *layers]}))
    assert [each.name for each in normalization.alone(model)] == ["apart"]
    whole, own = normalization.notes(model)
    assert whole.startswith("BatchNormalization takes its statistics from the whole batch")
    assert own.startswith("apart: statistics of each device's rows, as synchronized: false asks")


def test_without_such_layers_nothing_is_said():
    model = build_model(load_config({"model": ["Flatten", {"Dense": {"units": 10}}]}))
    assert normalization.notes(model) == []
