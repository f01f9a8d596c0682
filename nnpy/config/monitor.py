"""The names of what a training measures, and which of them may choose the best epoch."""

from __future__ import annotations

from collections.abc import Sequence

from nnpy.catalog import catalog
from nnpy.catalog.naming import snake_case
from nnpy.config import measures
from nnpy.config.objects import KerasObject
from nnpy.config.settings import DataSettings, TrainingSettings


def metric_name(metric: KerasObject) -> str:
    """The name under which Keras logs a metric: the given one, or the one it goes by."""
    given = metric.arguments.get("name")
    if isinstance(given, str):
        return given
    if not metric.explicit:
        return metric.name
    entry = catalog.load().find("metric", metric.name)
    parameter = entry.parameter("name") if entry else None
    if parameter is not None and isinstance(parameter.default, str):
        return parameter.default
    return snake_case(metric.name)


def metric_columns(
    training: TrainingSettings, classes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The metrics that give several numbers, by the name they are logged under, and the rest of
    the name of each number ("f1_score" and "bag": the column "f1_score_bag")."""
    by_output = training.metrics if isinstance(training.metrics, dict) else {"": training.metrics}
    return {
        f"{output}_{metric_name(metric)}" if output else metric_name(metric): found
        for output, metrics in by_output.items()
        for metric in metrics
        if metric and (found := measures.columns(metric, classes))
    }


def monitors(
    settings: DataSettings, training: TrainingSettings, classes: Sequence[str] = ()
) -> list[str]:
    """What `monitor` may name: the loss and the metrics, and those of the validation."""
    names = ["loss"]
    if isinstance(training.loss, dict):
        names += [f"{output}_loss" for output in training.loss]
    if isinstance(training.metrics, dict):
        for output, metrics in training.metrics.items():
            names += [f"{output}_{metric_name(metric)}" for metric in metrics if metric]
    else:
        names += [metric_name(metric) for metric in training.metrics if metric]
    several = metric_columns(training, classes)
    names = [
        column
        for name in names
        for column in ([f"{name}_{each}" for each in several[name]] if name in several else [name])
    ]
    validation = [f"val_{name}" for name in names] if settings.validation_split else []
    return [*validation, *names]


def default_monitor(settings: DataSettings, training: TrainingSettings) -> str | None:
    """`val_accuracy`, else `val_loss`; None without a validation split."""
    known = monitors(settings, training)
    return next((name for name in ("val_accuracy", "val_loss") if name in known), None)
