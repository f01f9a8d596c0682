"""The page of a sweep."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from nnpy.report.figures import search
from nnpy.report.sweep import SweepContents, render

EVIL = "<script>alert(1)</script>"
SEARCH = {
    "training.optimizer.learning_rate": {"float": [1e-4, 1e-1], "log": True},
    "model.1.Dense.units": {"choices": [8, 16, {"a": EVIL}]},
    "training.batch_size": {"int": [8, 64], "step": 8},
}


def trial(number: int, state: str, value: float | None, **more: Any) -> dict[str, Any]:
    choices = SEARCH["model.1.Dense.units"]["choices"]
    return {
        "number": number,
        "state": state,
        "value": value,
        "values": {
            "training.optimizer.learning_rate": 10 ** -(1 + number % 3),
            "model.1.Dense.units": choices[number % 3],
            "training.batch_size": 8 + 8 * (number % 4),
        },
        "epochs": 3,
        "best_epoch": 2,
        "seconds": 1.5,
        "runs": [],
    } | more


def told(trials: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    done = [each for each in trials if each["state"] == "complete"]
    states = ("complete", "pruned", "failed", "running")
    return {
        "sweep": f"sweeps/{EVIL}",
        "objective": "val_accuracy",
        "mode": "max",
        "planned": 20,
        "counts": {state: sum(each["state"] == state for each in trials) for state in states},
        "search": SEARCH,
        "best": max(done, key=lambda each: each["value"]) if done else None,
        "best_config": None,
        "test": {},
        "comparison": {},
        "trials": trials,
    } | more


@pytest.fixture(scope="module")
def page() -> str:
    trials = [trial(number, "complete", 0.5 + number / 100) for number in range(6)]
    trials += [
        trial(6, "pruned", 0.4),
        trial(7, "failed", None, reason=f"no memory {EVIL}"),
        trial(8, "running", None, values={}),
    ]
    test = {
        "both_right": 80,
        "only_first": 12,
        "only_second": 3,
        "both_wrong": 5,
        "p_value": 0.035,
    }
    facts = told(trials, test={"accuracy": 0.6}, comparison={**test, "examples": 100})
    shares = {"training.batch_size": 0.7, "model.1.Dense.units": 0.3}
    links = {5: "trials/0005/report.html", 7: 'trials/"><b>/'}
    return render(SweepContents(facts, shares, f"# {EVIL}\nmodel: [Flatten]\n", links))


def test_it_says_what_is_best_and_whether_by_chance(page):
    assert 'value="0.55"' in page
    assert "trial 5 is better, by more than chance (p = 0.035)" in page
    assert "6 complete, 1 pruned, 1 failed, 1 running of 20" in page
    assert page.count("<svg") == 6
    assert "model: [Flatten]" in page


def test_trials_lead_to_their_runs(page):
    assert '<a href="trials/0005/report.html">5</a>' in page


def test_nothing_of_foreign_text_is_obeyed(page):
    assert "<script" not in page and "<b>/" not in page
    assert "no memory &lt;script&gt;" in page
    assert not re.search(r'href="(?!data:,|trials/|#)[^"]', page)


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [trial(0, "failed", None)],
        [trial(0, "running", None, values={})],
        [trial(0, "complete", 0.5)],
        [trial(number, "complete", 0.5) for number in range(4)],
        [trial(number, "complete", 0.5, each=[0.4, 0.6]) for number in range(2)],
    ],
    ids=["nothing", "failed", "running", "one", "equal", "seeds"],
)
def test_every_stage_of_a_sweep_has_a_page(trials):
    assert "All trials" in render(SweepContents(told(trials), {}, "", {}))


def test_a_figure_names_the_choices_between_the_ends_and_whole_trials() -> None:
    choices = ["relu", "gelu", {"LeakyReLU": {"negative_slope": 0.1}}]
    trials = [
        {"number": n, "state": "complete", "value": 1.0, "values": {"a": choices[n]}}
        for n in range(3)
    ]
    drawn = search.parallel(trials, {"a": {"choices": choices}}, "val_loss", "min")
    texts = [each.get_text() for each in drawn.axes[0].texts]
    assert texts[:2] == ["relu", "LeakyReLU negativ…"] and "gelu" in texts
    axes = search.history(trials, "val_loss", "min").axes[0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_the_process_that_is_started_never_loads_tensorflow() -> None:
    program = """
import sys
from nnpy.report import comparison, sweep
from nnpy.workflows.sweep import sweep
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
