"""Which epoch is the best."""

from __future__ import annotations

import math

import pytest

from nnpy.errors import ConfigError
from nnpy.training.best_epoch import Best


@pytest.mark.parametrize(
    ("monitor", "mode", "values", "beaten"),
    [
        ("val_loss", "min", [3, 2, 2, 2.5, 1], [True, True, False, False, True]),
        ("val_accuracy", "max", [0.5, 0.7, 0.7, 0.6, 0.8], [True, True, False, False, True]),
        ("val_mean_squared_error", "min", [3, 2, 4], [True, True, False]),
        ("val_mae", "min", [3, 2, 4], [True, True, False]),
        ("val_mae", "max", [3, 2, 4], [True, False, True]),
        ("val_loss", "min", [math.nan, 2, math.nan, 1], [True, True, False, True]),
        (None, "auto", [1, 1, 1], [True, True, True]),
    ],
)
def test_best(monitor, mode, values, beaten):
    best = Best(monitor, mode)
    found = [best.is_beaten({"loss": 0.0, str(monitor): value}) for value in values]
    assert found == beaten
    if monitor:
        last = max(i for i, is_best in enumerate(found) if is_best)
        assert best.value == values[last]


def test_a_tie_is_broken_by_the_validation_loss():
    best = Best("val_accuracy", "max")
    epochs = [(0.8, 0.5), (0.8, 0.4), (0.8, 0.6), (0.7, 0.1)]
    found = [best.is_beaten({"val_accuracy": a, "val_loss": loss}) for a, loss in epochs]
    assert found == [True, True, False, False]


def test_an_epoch_without_validation_is_never_the_best():
    best = Best("val_loss", "min")
    assert not best.is_beaten({"loss": 0.1})
    assert best.is_beaten({"loss": 0.1, "val_loss": 3.0})
    assert not best.is_beaten({"loss": 0.0})


def test_the_direction_is_never_guessed_by_the_name():
    with pytest.raises(ValueError, match="min or max"):
        Best("val_loss", "auto")


def test_what_is_not_measured_is_told():
    Best("val_loss", "min").check_measured({"val_loss": 1.0})
    Best(None, "auto").check_measured({})
    with pytest.raises(ConfigError, match="there is no metric named 'val_f1'; known: loss"):
        Best("val_f1", "max").check_measured({"loss": 1.0})


def test_a_run_of_an_older_nnpy_keeps_the_first_of_equal_epochs():
    best = Best("val_accuracy", "max", breaks_ties=False)
    told = [(0.3, 2.0), (0.4, 1.9), (0.4, 1.8), (0.5, 1.7), (0.5, 1.6)]
    logs = [{"val_accuracy": value, "val_loss": loss} for value, loss in told]
    assert [best.is_beaten(each) for each in logs] == [True, True, False, True, False]
