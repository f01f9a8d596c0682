"""The settings of a search for better values of settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnpy.config.fields import setting


@dataclass(frozen=True)
class SweepSettings:
    """A search for better values of settings: many trainings of the same config."""

    trials: int = setting(20, "int", minimum=1, doc="How many combinations of values to try.")
    objective: str | None = setting(
        None,
        "str",
        "null",
        doc="The quantity of the validation that counts, such as val_accuracy, at the best epoch; "
        "null: what training.monitor says.",
    )
    objective_mode: str = setting(
        "auto",
        "str",
        choices=("auto", "min", "max"),
        doc="Whether lower or higher is better; auto knows this for Keras's losses and metrics.",
    )
    search: dict[str, Any] = setting(
        {},
        "dict",
        doc="Paths, written as for --set, each with its choices in a list or its range.",
    )
    sampler: str = setting(
        "tpe",
        "str",
        choices=("tpe", "random", "grid", "qmc"),
        doc="How the next values are chosen; Optuna's samplers.",
    )
    pruner: str = setting(
        "none",
        "str",
        choices=("none", "median", "hyperband", "halving"),
        doc="Ends trials early whose validation is worse than that of others after as many "
        "epochs; Optuna's pruners.",
    )
    seeds: int = setting(
        1, "int", minimum=1, doc="How many seeds each trial is trained with; their mean counts."
    )
    seed: int = setting(
        0, "int", minimum=0, maximum=2**32 - 1, doc="Draws the values and each trial's seed."
    )
    max_failures: int = setting(
        3, "int", minimum=1, doc="How many trials may fail in a row before the sweep stops."
    )
