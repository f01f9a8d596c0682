"""What nnpy is to reach beside others, and whether it does: the last table of `run.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ENGINE, COMMAND = "nnpy's engine", "nnpy train, with all it keeps"
FIT, TUNED = "model.fit, defaults (the article)", "model.fit, tuned"
JAX, TORCH, FLOOR = "Keras on JAX", "PyTorch loop", "matrix products alone"

Figures = Mapping[str, Mapping[str, float]]  # by contestant: epoch, whole, memory, score_after


@dataclass(frozen=True)
class Goal:
    """`theirs` over `ours`, of one figure each, is to be at least `least`."""

    model: str
    what: str
    theirs: tuple[str, str]  # contestant, figure
    ours: tuple[str, str]
    least: float


GOALS = [
    Goal("mlp", "an epoch beside `model.fit`", (FIT, "epoch"), (ENGINE, "epoch"), 10),
    # "at most 1.5 times the floor", written as all the others
    Goal(
        "mlp", "an epoch beside its matrix products", (FLOOR, "epoch"), (ENGINE, "epoch"), 1 / 1.5
    ),
    Goal("mlp", "whole command beside the article's script", (FIT, "whole"), (COMMAND, "whole"), 5),
    Goal("mlp", "test score beside Keras on JAX", (JAX, "whole"), (COMMAND, "score_after"), 1.5),
    Goal("mlp", "whole command beside Keras on JAX", (JAX, "whole"), (COMMAND, "whole"), 1.1),
    *(
        Goal(model, f"an epoch beside {name}", (their, "epoch"), (ENGINE, "epoch"), least)
        for model, name, their, least in (
            ("cnn", "`model.fit`", FIT, 2),
            ("cnn", "a PyTorch loop", TORCH, 2),
            ("cnn_bn", "`model.fit`", FIT, 2),
            ("cnn_bn", "a PyTorch loop", TORCH, 2),
            ("lstm", "`model.fit`", FIT, 2),
            ("lstm", "a PyTorch loop", TORCH, 1.2),
            ("resnet", "`model.fit`, both with augmentation", FIT, 1.7),
        )
    ),
    *(
        Goal(model, "peak memory beside `model.fit`", (FIT, "memory"), (ENGINE, "memory"), 1)
        for model in ("mlp", "cnn", "cnn_bn", "lstm", "resnet")
    ),
]


def reached(measured: Mapping[str, Figures]) -> list[tuple[Goal, float]]:
    """Each goal of which both sides were measured, with its ratio."""
    found = []
    for goal in GOALS:
        figures = measured.get(goal.model, {})
        theirs = figures.get(goal.theirs[0], {}).get(goal.theirs[1])
        ours = figures.get(goal.ours[0], {}).get(goal.ours[1])
        if theirs and ours:
            found.append((goal, theirs / ours))
    return found


def table(measured: Mapping[str, Figures]) -> str:
    """The goals as a Markdown table."""
    lines = ["| network | | at least | measured | |", "|---|---|---|---|---|"]
    for goal, ratio in reached(measured):
        word = "reached" if ratio >= goal.least else "not reached"
        lines.append(
            f"| {goal.model} | {goal.what} | {goal.least:.2g} × | {ratio:.2f} × | {word} |"
        )
    return "\n".join(lines)
