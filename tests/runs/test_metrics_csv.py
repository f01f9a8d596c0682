"""metrics.csv: every epoch once, in its order, whatever happened in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnpy.runs.metrics_csv import Table


def row(epoch: int, seconds: float = 1.0, loss: float = 0.5) -> dict[str, float]:
    return {"epoch": epoch, "seconds": seconds, "loss": loss}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.csv"


def test_rows_and_their_digits(path: Path) -> None:
    table = Table(path)
    table.add(row(1, 1.23456, 0.1))
    table.add(row(2, 2, 1 / 3))
    assert path.read_text() == "epoch,seconds,loss\n1,1.235,0.1\n2,2.000,0.33333334\n"


def test_an_epoch_that_is_done_again_leaves_its_row(path: Path) -> None:
    for each in (row(1), row(2)):
        Table(path).add(each)
    before = path.read_text()
    table = Table(path, [row(1)])  # the state knows only the first
    table.add(row(2, seconds=9.0))
    assert path.read_text() == before
    assert not table.rewritten
    table.add(row(3))
    assert path.read_text() == before + "3,1.000,0.5\n"


def test_rows_that_were_lost_come_back(path: Path) -> None:
    path.write_text("epoch,seconds,loss\n1,1.000,0.5\n2,1.0")
    Table(path, [row(1), row(2), row(3)])
    assert path.read_text() == "epoch,seconds,loss\n1,1.000,0.5\n2,1.000,0.5\n3,1.000,0.5\n"


def test_another_result_takes_the_place_of_what_did_not_happen(path: Path) -> None:
    Table(path, [row(1), row(2), row(3)])
    table = Table(path, [row(1)])
    table.add(row(2, loss=0.25))
    assert table.rewritten
    assert path.read_text() == "epoch,seconds,loss\n1,1.000,0.5\n2,1.000,0.25\n"
