"""Arguments that Keras takes and then ignores are told."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config

END = {"Dense": {"units": 10, "activation": "softmax"}}


def notes(layer="Flatten", **training):
    return load_config({"model": [layer, "Flatten", END], "training": training}).notes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"optimizer": {"Adam": {"ema_momentum": 0.9}}}, "ema_momentum of Adam has no effect"),
        (
            {"optimizer": {"SGD": {"use_ema": False, "ema_overwrite_frequency": 5}}},
            "ema_overwrite_frequency of SGD has no effect without use_ema",
        ),
        ({"optimizer": {"SGD": {"nesterov": True}}}, "nesterov of SGD has no effect without mom"),
        (
            {"optimizer": {"LossScaleOptimizer": {"inner_optimizer": {"SGD": {"nesterov": True}}}}},
            "nesterov of SGD has no effect",
        ),
        (
            {"layer": {"Dense": {"units": 3, "use_bias": False, "bias_initializer": "ones"}}},
            "bias_initializer of Dense has no effect without use_bias",
        ),
        (
            {"layer": {"TimeDistributed": {"layer": {"Dense": {"units": 3, "lora_alpha": 2.0}}}}},
            "lora_alpha of Dense has no effect without lora_rank",
        ),
        (
            {
                "callbacks": [
                    {"ModelCheckpoint": {"filepath": "a.keras", "initial_value_threshold": 0.1}}
                ]
            },
            "initial_value_threshold of ModelCheckpoint has no effect without save_best_only",
        ),
    ],
)
def test_what_has_no_effect_is_told(given, said):
    (note,) = notes(**given)
    assert said in note


@pytest.mark.parametrize(
    "given",
    [
        {"optimizer": {"Adam": {"use_ema": True, "ema_momentum": 0.9}}},
        {"optimizer": {"SGD": {"momentum": 0.9, "nesterov": True}}},
        {"optimizer": {"SGD": {"nesterov": False}}},
        {"layer": {"Dense": {"units": 3, "bias_initializer": "ones"}}},
    ],
)
def test_what_has_one_is_not(given):
    assert notes(**given) == ()
