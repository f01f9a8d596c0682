"""What `training.accumulate_steps` means beside the optimizer and the number of steps."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config
from nnpy.errors import ConfigError

STACK = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]


def load(**training: object):
    return load_config({"model": STACK, "training": training})


@pytest.mark.parametrize(
    "optimizer",
    [
        {"SGD": {"gradient_accumulation_steps": 2}},
        {
            "LossScaleOptimizer": {
                "inner_optimizer": {"SGD": {"gradient_accumulation_steps": 2}},
            }
        },
    ],
)
def test_it_is_said_once(optimizer: dict) -> None:
    with pytest.raises(ConfigError) as caught:
        load(optimizer=optimizer, accumulate_steps=4)
    [problem] = caught.value.problems
    assert problem.path == "training.accumulate_steps"
    assert "the optimizer has gradient_accumulation_steps, which says the same" in problem.message
    load(optimizer=optimizer)


def test_steps_that_change_nothing_are_told(tiny_config: dict) -> None:
    def notes(**training: object) -> list[str]:
        return [*load_config({**tiny_config, "training": training}).notes]

    # 480 examples in 3 epochs
    told = notes(epochs=3, batch_size=32, accumulate_steps=7)
    assert any(each.startswith("the last 3 steps change no weight: 7 steps make") for each in told)
    assert not any("no weight" in each for each in notes(epochs=3, batch_size=32))


def test_a_schedule_counts_updates(tiny_config: dict) -> None:
    rate = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 40}}
    training = {"epochs": 100, "batch_size": 32, "optimizer": {"SGD": {"learning_rate": rate}}}

    def ends_early(**more: object) -> bool:
        config = load_config({**tiny_config, "training": {**training, **more}})
        return any("CosineDecay ends after 40" in each for each in config.notes)

    assert ends_early()
    assert not ends_early(accumulate_steps=20)
