"""The table of runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnpy.errors import UsageError
from nnpy.runs import listing


def make(root: Path, name: str, started: str, **summary) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("model: [Flatten]\n")
    (folder / "environment.json").write_text(json.dumps({"started": started}))
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_rows(tmp_path):
    make(tmp_path, "b", "2026-01-02T00:00:00+00:00", status="finished", test={"loss": 0.5})
    make(tmp_path, "a", "2026-01-03T00:00:00+00:00", status="running", epochs=3)
    make(tmp_path, "c", "2026-01-01T00:00:00+00:00", status="failed", parameters={"total": 7})
    (make(tmp_path, "d", "2026") / "summary.json").write_text("{oh")
    (tmp_path / "no run").mkdir()
    found = listing.rows(tmp_path)
    # A run that says it runs, but whose process is gone, was interrupted.
    assert [(Path(each["run"]).name, each["status"]) for each in found] == [
        ("d", "unreadable"),
        ("c", "failed"),
        ("b", "finished"),
        ("a", "interrupted"),
    ]
    assert found[1]["parameters"] == 7
    assert found[2]["test_loss"] == 0.5
    assert listing.columns(found)[-1] == "seconds"


def test_epochs_of_a_run_that_wrote_no_summary_of_them(tmp_path):
    folder = make(tmp_path, "killed", "2026", status="running", epochs=0)
    (folder / "metrics.csv").write_text("epoch,seconds,loss\n1,0.5,0.7\n2,0.5,0.6\n")
    make(tmp_path, "none", "2027", status="running", epochs=0)
    make(tmp_path, "old", "2028", status="finished", epochs=4)
    assert [each["epochs"] for each in listing.rows(tmp_path)] == [2, 0, 4]


def test_order(tmp_path):
    for name, loss in (("a", 0.5), ("b", 0.1), ("c", None), ("d", 0.3)):
        make(tmp_path, name, "2026", test={} if loss is None else {"loss": loss})
    rows = listing.rows(tmp_path)

    def order(by: str, **how) -> str:
        return "".join(Path(each["run"]).name for each in listing.ordered(rows, by, **how))

    assert order("test_loss") == "bdac"
    assert order("test_loss", reverse=True) == "adbc"  # what has no value stays last
    assert order("run", reverse=True) == "dcba"
    with pytest.raises(UsageError, match="did you mean 'test_loss'"):
        listing.ordered(rows, "tset_loss")
    with pytest.raises(UsageError, match="no such folder"):
        listing.rows(tmp_path / "x")
