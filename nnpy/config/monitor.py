"""What a training measures, which way of it is better, and what chooses the best epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nnpy.catalog.catalog import Catalog
from nnpy.catalog.entries import SEVERAL
from nnpy.catalog.naming import snake_case
from nnpy.config import measures
from nnpy.config.objects import KerasObject
from nnpy.config.settings import DataSettings, TrainingSettings
from nnpy.config.soundness import Soundness
from nnpy.errors import did_you_mean


@dataclass(frozen=True)
class Measured:
    """The quantities that a training logs each epoch, and whether "min" or "max" is their best.

    The direction is "" where nobody knows it: of a function of the user's own, of a count.
    `complete` is False where a metric of the user's own may log under another name. A metric
    that gives several numbers has a column for each: `columns` has the rest of their names.
    `of_some_output` is True where the outputs, whose names stand in front, are not known.
    """

    directions: Mapping[str, str]
    complete: bool = True
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_some_output: bool = False

    def lacks(self, name: str) -> bool:
        """Whether nothing of that name is surely measured."""
        if name in self.directions or not self.complete:
            return False
        return not (
            self.of_some_output and any(name.endswith(f"_{known}") for known in self.directions)
        )

    @property
    def names(self) -> list[str]:
        return list(self.directions)


def measure(
    settings: DataSettings,
    training: TrainingSettings,
    catalog: Catalog,
    classes: Sequence[str] = (),
    sound: Soundness | None = None,
) -> Measured:
    """What `monitor` may name: of the validation first, where there is one.

    `classes` are the names of the data's classes, where they are known. What was not read as
    it was meant (`sound`) may be measured under any name, but for a misspelt one.
    """
    sound = sound or Soundness()
    directions = {"loss": "min"}
    wrong = [*sound.under("training.metrics"), *sound.under("training.weighted_metrics")]
    complete = all(sound.meant.get(each) or _is_named(each) for each in wrong)
    for meant in (sound.meant.get(each) for each in wrong):
        entry = catalog.find("metric", meant or "")
        directions |= {meant: entry.direction} if meant and entry else {}
    columns: dict[str, tuple[str, ...]] = {}
    if isinstance(training.loss, dict):
        directions |= {f"{output}_loss": "min" for output in training.loss}
    for output, weighted, metric in _metrics(training):
        name = metric_name(metric, catalog)
        if name is None:
            complete = False
            continue
        key = f"{output}_{name}" if output else name
        if key in directions and weighted:  # as Keras tells it from the one without weights
            key = f"{output}_weighted_{name}" if output else f"weighted_{name}"
        for number in range(1, len(directions) + 1):
            if key in directions:
                key = f"{key.removesuffix(f'_{number - 1}')}_{number}"
        columns[key] = measures.columns(metric, classes)
        parts = [f"{key}_{each}" for each in columns[key]] or [key]
        directions |= dict.fromkeys(parts, _direction(metric, catalog))
    validation = {f"val_{name}": way for name, way in directions.items()}
    validates = settings.validates or not sound("data.validation", "data.validation_split")
    measured = {**(validation if validates else {}), **directions}
    return Measured(measured, complete, {key: each for key, each in columns.items() if each})


def _is_named(wrong: str) -> bool:
    """Whether a mistake is within a metric and leaves the name by which it is logged."""
    return "]." in wrong and not wrong.endswith(".name")


def _metrics(training: TrainingSettings) -> Iterator[tuple[str, bool, KerasObject]]:
    """Each metric with its output ("" of the only one) and whether examples are weighted in it."""
    for weighted, given in ((False, training.metrics), (True, training.weighted_metrics)):
        by_output = given if isinstance(given, dict) else {"": given}
        for output, metrics in by_output.items():
            yield from ((output, weighted, each) for each in metrics or () if each)


def metric_name(metric: KerasObject, catalog: Catalog) -> str | None:
    """The name under which Keras logs a metric; None where only its own code knows."""
    given = metric.arguments.get("name")
    entry = catalog.find("metric", metric.name)
    if entry is not None and entry.logs_as == SEVERAL:
        return None
    if isinstance(given, str):
        return given
    if not metric.explicit:
        return metric.name
    if entry is None:
        return snake_case(metric.name)
    if entry.is_function:
        return metric.name
    if entry.logs_as is not None:
        return entry.logs_as or None
    parameter = entry.parameter("name")
    if parameter is not None and isinstance(parameter.default, str):
        return parameter.default
    return snake_case(metric.name)


def _direction(metric: KerasObject, catalog: Catalog) -> str:
    entry = catalog.find("metric", metric.name)
    return entry.direction if entry else ""


def monitor_problem(training: TrainingSettings, measured: Measured) -> str:
    """Why `training.monitor` cannot choose the best epoch, or nothing."""
    name = str(training.monitor)
    if measured.lacks(name):
        return unknown_quantity(name, measured)
    if training.monitor_mode == "auto" and not measured.directions.get(name):
        return (
            f"whether a lower or higher '{name}' is better is unknown: add monitor_mode: min or max"
        )
    return ""


def unknown_quantity(name: str, measured: Measured) -> str:
    """`there is no metric named 'val_acc'; did you mean 'val_accuracy'?`"""
    known = measured.names
    hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
    return f"there is no metric named '{name}'{hint}"
