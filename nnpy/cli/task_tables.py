"""The scores of numbers, labels, two classes and reconstructions as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnpy.cli import tables


def of_scores(scores: Mapping[str, Any]) -> list[str]:
    """The tables of what `EvaluationResult.scores` tells, beyond those of classes."""
    found = []
    if "numbers" in scores:
        found.append(_numbers(scores["numbers"]))
    if "labels" in scores:
        found.append(_labels(scores))
    if scores.get("ranking"):
        found.append(_ranking(scores["ranking"]))
    if "without" in scores:
        rows = [
            ["mean squared error", _short(scores["mse"]["value"]), _ends(scores["mse"])],
            ["mean absolute error", _short(scores["mae"]["value"]), _ends(scores["mae"])],
            ["squared error of the mean example", _short(scores["without"]), ""],
        ]
        found.append(tables.table(["reconstruction", "", "95 % interval"], rows, numeric=(1,)))
    return found


def _numbers(numbers: list[Mapping[str, Any]]) -> str:
    rows = []
    for each in numbers:
        for name, key in (("MAE", "mae"), ("RMSE", "rmse"), ("R²", "r2")):
            if each[key] is not None:
                value = each[key]
                rows.append([each["name"], name, _short(value["value"]), _ends(value)])
        rows.append([each["name"], "RMSE of answering with the mean", _short(each["spread"]), ""])
    return tables.table(["number", "", "", "95 % interval"], rows, numeric=(2,))


def _labels(scores: Mapping[str, Any]) -> str:
    rows = []
    for each in scores["labels"]:
        cells = [each["precision"], each["recall"], each["f1"]]
        known = [each["average_precision"], each["auc"]]
        rows.append(
            [
                each["name"],
                *(f"{value:.3f}" for value in cells),
                *("–" if value is None else f"{value:.3f}" for value in known),
                f"{each['support']:,}",
            ]
        )
    head = ["label", "precision", "recall", "F1", "average precision", "ROC area", "support"]
    mean, exact = scores["mean_average_precision"], scores["exact"]
    told = "" if mean is None else f"\nmean average precision {mean:.4f}"
    told += f"\nall labels right {exact['value']:.4f} ({_ends(exact)})"
    return tables.table(head, rows, numeric=range(1, 7)) + told


def _ranking(ranking: Mapping[str, Any]) -> str:
    rows = [
        [name, "–" if ranking[key] is None else f"{ranking[key]:.4f}"]
        for name, key in (
            ("area under the ROC curve", "auc"),
            ("average precision", "average_precision"),
            ("best F1", "best_f1"),
            ("from the probability", "threshold"),
        )
    ]
    return tables.table([f"yes: {ranking['name']}", ""], rows, numeric=(1,))


def _short(value: float) -> str:
    return f"{value:.5g}"


def _ends(estimate: Mapping[str, float]) -> str:
    return f"{estimate['low']:.5g} to {estimate['high']:.5g}"
