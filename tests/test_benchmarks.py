"""The goals of the comparison are judged by the figures that were measured."""

from __future__ import annotations

from benchmarks import goals


def figures(epoch: float, whole: float, memory: float = 900) -> dict[str, float]:
    return {"epoch": epoch, "whole": whole, "score_after": whole - 1.5, "memory": memory}


def test_each_goal_compares_the_figures_that_it_names() -> None:
    measured = {
        "mlp": {
            goals.ENGINE: figures(0.4, 6.0),
            goals.COMMAND: figures(0.4, 6.0),
            goals.FIT: figures(3.2, 30.0),
            goals.JAX: figures(0.9, 9.0),
            goals.FLOOR: figures(0.3, 1.0),
        },
        "lstm": {goals.ENGINE: figures(5.0, 35.0, 1000), goals.FIT: figures(8.0, 50.0)},
    }
    ratios = {(goal.model, goal.what): round(ratio, 2) for goal, ratio in goals.reached(measured)}
    assert ratios == {
        ("mlp", "an epoch beside `model.fit`"): 8.0,
        ("mlp", "an epoch beside its matrix products"): 0.75,
        ("mlp", "whole command beside the article's script"): 5.0,
        ("mlp", "test score beside Keras on JAX"): 2.0,
        ("mlp", "whole command beside Keras on JAX"): 1.5,
        ("mlp", "peak memory beside `model.fit`"): 1.0,
        ("lstm", "an epoch beside `model.fit`"): 1.6,
        ("lstm", "peak memory beside `model.fit`"): 0.9,
    }
    rows = goals.table(measured).splitlines()[2:]
    verdicts = [row.split(" | ")[-1].rstrip(" |") for row in rows]
    assert verdicts == [
        *("not reached", "reached", "reached", "reached", "reached", "not reached"),
        *("reached", "not reached"),
    ]
