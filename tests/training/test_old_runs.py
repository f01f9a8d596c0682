"""Runs made by the first layout of nnpy (commit 42f331e) live on: resumed, measured, compared.

`support/old_runs` holds two runs of one config: `finished`, and `killed`, whose process was
killed by SIGKILL in its fourth epoch. Both name the data folder `data` beside them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nnpy import api
from nnpy.runs.folder import Run
from nnpy.safety import model_files
from tests.support.datasets import tiny_fashion_mnist

RUNS = Path(__file__).parents[1] / "support" / "old_runs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    tiny_fashion_mnist(folder / "data", n_train=200, n_test=40)
    for name in ("finished", "killed"):
        shutil.copytree(RUNS / name, folder / name)
    return folder


@pytest.fixture
def finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(folder)
    return Run.open("finished")


@pytest.fixture(scope="module")
def resumed(folder: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return Run((folder / api.resume("killed").folder).absolute())


def numbers(run: Run) -> list[list[float]]:
    return [[value for key, value in row.items() if key != "seconds"] for row in run.metrics()]


def test_a_killed_run_ends_as_the_one_that_was_never_killed(finished: Run, resumed: Run):
    assert resumed.status() == "finished"
    np.testing.assert_allclose(numbers(resumed), numbers(finished), rtol=1e-5)
    for path in ("best_path", "last_path"):
        ours, theirs = (
            model_files.open_model(getattr(run, path)).get_weights() for run in (resumed, finished)
        )
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def test_a_finished_run_is_measured_as_before(finished: Run):
    evaluated = api.evaluate(finished)
    assert evaluated["metrics"] == pytest.approx(finished.summary()["test"], rel=1e-5)


def test_its_page_is_made_anew(finished: Run):
    page = api.report(finished).read_text(encoding="utf-8")
    assert "45.0" in page


def test_old_and_resumed_are_compared(finished: Run, resumed: Run):
    comparison = api.compare([finished, resumed])
    [pair] = comparison.pairs
    assert pair.test.only_first == pair.test.only_second == 0  # the same answers


def test_it_is_reproduced_from_its_folder(finished: Run):
    reproduction = api.reproduce(finished, run_dir="again")
    differing = [each for each in reproduction.numbers if each.before != pytest.approx(each.now)]
    assert not differing
