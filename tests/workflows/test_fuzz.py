"""Losses, metrics, labels and callbacks in any combination: refused or trained, never a fault."""

from __future__ import annotations

import random

import pytest

from tests.support import fuzz_training


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [10, pytest.param(300, marks=pytest.mark.slow)])
def test_any_combination_is_refused_or_trains(count, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from nnpy.workflows import report

    for name in ("draw", "report"):  # `outcome` leaves the page out; afterwards it is back
        monkeypatch.setattr(report.Reporter, name, getattr(report.Reporter, name))
    folders = fuzz_training.data(tmp_path)
    told = []
    for number in range(count):
        config = fuzz_training.draw(random.Random(f"2-{number}"), folders)
        told.append(fuzz_training.outcome(config, tmp_path / f"run-{number}"))
    assert {*told} >= {"refused", "trained"}
    assert [each for each in told if each.startswith("told late")] == []
