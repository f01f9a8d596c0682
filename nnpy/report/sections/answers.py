"""The section of the page about answers that are no classes: numbers, labels, the input itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnpy.report import figures
from nnpy.report.contents import Contents, suffix
from nnpy.report.formatting import interval
from nnpy.report.html import Number, Table, figure_image
from nnpy.text import plain

if TYPE_CHECKING:
    from nnpy.evaluation.results import EvaluationResult


def answers_section(contents: Contents, drawings: bool) -> dict[str, Any] | None:
    """The facts of sections/answers.html."""
    found = contents.evaluation
    if found is None or not found.examples:
        return None
    parts = [part for each in found.answers if (part := _part(contents, each, drawings))]
    return {"split": found.split, "parts": parts} if parts else None


def _part(contents: Contents, found: EvaluationResult, drawings: bool) -> dict[str, Any] | None:
    name = suffix(found)
    title, table, note, wanted = "", None, "", []
    if found.numbers is not None:
        title, table = "Numbers", _numbers(found)
        note = "In the units of the data. R² is 1 for answers without error, 0 for the mean."
        wanted = [
            (f"predicted{name}", "Predicted against true numbers"),
            (f"residuals{name}", "Errors: predicted less true"),
        ]
    elif found.labels is not None:
        title, table, note = "Labels", _labels(found), _all_labels(found)
        wanted = [(f"labels{name}", "Average precision by label")]
        wanted += [(f"ranking{name}", "ROC and precision-recall by label")]
    elif found.ranking is not None:
        two = found.ranking
        title = f"Yes or no: {plain(two.name, 60)}"
        note = (
            f"F1 is highest ({two.best_f1:.3f}) where {plain(two.name, 60)} is answered from a "
            f"probability of {two.threshold:.3f} on; {100 * two.share:.1f}\u202f% of the examples "
            "are of that class."
        )
        wanted = [(f"ranking{name}", "ROC and precision-recall")]
    elif found.reconstruction is not None:
        title, table = "The input and the answer", _reconstruction(found)
        note = "Errors of the values as the model takes them, from the best picture to the worst."
        wanted = [(f"pairs{name}", "Above the input, below the answer")]
    if not title:
        return None
    drawn: list[Any] = []
    for key, words in wanted if drawings else ():
        if key in contents.drawings:
            if key.startswith("pairs"):
                drawn.append(figure_image(contents.drawings[key], words))
            else:
                drawn.append(figures.inline_svg(contents.drawings[key], key, words))
    if found.output:
        title = f"{title} of {plain(found.output, 60)}"
    return {"title": title, "table": table, "note": note, "figures": drawn}


def _numbers(found: EvaluationResult) -> Table:
    assert found.numbers is not None
    rows = []
    for each in found.numbers.numbers:
        for name, value in (("MAE", each.mae), ("RMSE", each.rmse), ("R²", each.r2)):
            if value is not None:
                ends = f"{value.low:.4g} to {value.high:.4g}"
                rows.append((plain(each.name, 60), name, Number(value.value, ".4g"), ends))
        rows.append((plain(each.name, 60), "RMSE of the mean", Number(each.spread, ".4g"), "–"))
    return Table(("number", "measure", "value", "95\u202f% interval"), rows, numeric=(2,))


def _labels(found: EvaluationResult) -> Table:
    assert found.labels is not None
    rows = [
        (
            plain(score.name, 60),
            f"{score.precision:.3f}",
            f"{score.recall:.3f}",
            f"{score.f1:.3f}",
            "–" if rank.average_precision is None else f"{rank.average_precision:.3f}",
            "–" if rank.auc is None else f"{rank.auc:.3f}",
            f"{score.support:,}",
        )
        for score, rank in zip(found.labels.labels, found.labels.rankings, strict=True)
    ]
    head = ("label", "precision", "recall", "F1", "average precision", "ROC area", "examples")
    return Table(head, rows, numeric=range(1, 7), tall=len(rows) > 30)


def _all_labels(found: EvaluationResult) -> str:
    assert found.labels is not None
    mean = found.labels.mean_average_precision
    told = f"The mean average precision is {mean:.3f}. " if mean is not None else ""
    return (
        f"{told}All labels of an example are right for {interval(found.labels.exact)} of the "
        "examples. A label is said from a probability of 0.5 on."
    )


def _reconstruction(found: EvaluationResult) -> Table:
    assert found.reconstruction is not None
    known = found.reconstruction
    rows = [
        ("mean squared error", Number(known.mse.value, ".4g"), _ends(known.mse)),
        ("mean absolute error", Number(known.mae.value, ".4g"), _ends(known.mae)),
        ("squared error of the mean example", Number(known.without, ".4g"), "–"),
    ]
    return Table(("measure", "value", "95\u202f% interval"), rows, numeric=(1,))


def _ends(estimate: Any) -> str:
    return f"{estimate.low:.4g} to {estimate.high:.4g}"
