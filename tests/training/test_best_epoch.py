"""Which epoch is the best."""

from __future__ import annotations

import math

import pytest

from nnpy.training.best_epoch import Best


@pytest.mark.parametrize(
    ("monitor", "mode", "values", "beaten"),
    [
        ("val_loss", "auto", [3, 2, 2, 2.5, 1], [True, True, False, False, True]),
        ("val_accuracy", "auto", [0.5, 0.7, 0.7, 0.6, 0.8], [True, True, False, False, True]),
        ("val_mean_squared_error", "auto", [3, 2, 4], [True, True, False]),
        ("val_mae", "auto", [3, 2, 4], [True, True, False]),
        ("val_mae", "max", [3, 2, 4], [True, False, True]),
        ("val_loss", "auto", [math.nan, 2, math.nan, 1], [True, True, False, True]),
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
