"""What the training rows say of a table: the record by which a raw row becomes a vector.

It is JSON beside the model, and all that `predict` and exports need: `encode.py` applies it by
NumPy alone. To the model a row is one vector: the numbers, each with a flag behind it where values
were missing; then the categories, one place for each value; last the codes of those categories
that have too many values for that, which the model embeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nnpy.data.table.column import NUMBER_FORM, Form, Kind
from nnpy.errors import DataError
from nnpy.storage import json_file
from nnpy.storage.json_file import number, one_of, record, sequence, text, whole

FORMAT = 1
CLASSES, LABELS, NUMBERS = TASKS = ("classes", "labels", "numbers")
MOST_CATEGORIES = 10_000  # of one column; the rest share the place of what was never seen
_MOST = 100_000  # columns and values that a record may have
_DECIMALS, _THOUSANDS = (".", ","), ("", ".", ",")


@dataclass(frozen=True)
class NumberFeature:
    """A column of numbers, or of dates as days: (value - mean) / deviation."""

    name: str
    form: Form
    mean: float
    deviation: float
    filled: float  # what stands for a missing value: the median, or the mean if none was missing
    flag: bool  # whether a second place says that the value was missing
    is_date: bool = False

    @property
    def width(self) -> int:
        return 2 if self.flag else 1

    @property
    def places(self) -> list[str]:
        """What each place of the vector is."""
        return [self.name, f"{self.name} is missing"][: self.width]


@dataclass(frozen=True)
class CategoryFeature:
    """A column of labels.

    `counts` is how many training rows each of `labels` has. Without `slot` a label that was never
    seen is the mean of the others (their shares of the training rows), so that every weight that
    it meets is trained; with it, it has the place of the labels that were too rare for one of
    their own. `missing` is how many training rows have no label, where these have a place.
    """

    name: str
    form: Form
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    missing: int = 0  # 0: a missing label is as one that was never seen
    slot: bool = False
    embedded: bool = False  # one place with the label's code: 0 unseen, 1, 2, …, last missing

    @property
    def size(self) -> int:
        """How many different things a row may have here."""
        return len(self.labels) + (self.missing > 0) + (self.slot or self.embedded)

    @property
    def width(self) -> int:
        return 1 if self.embedded else self.size

    @property
    def places(self) -> list[str]:
        if self.embedded:
            return [self.name]
        rest = ["is missing"] * (self.missing > 0) + ["is another"] * self.slot
        return [f"{self.name}={label}" for label in self.labels] + [
            f"{self.name} {each}" for each in rest
        ]


Feature = NumberFeature | CategoryFeature


@dataclass(frozen=True)
class TargetColumn:
    """A column that is to be answered, and how its cells are written."""

    name: str
    form: Form


@dataclass(frozen=True)
class Record:
    """How the rows of a table become the vectors that a model was trained with."""

    features: tuple[Feature, ...]  # in the order of the vector
    target: tuple[TargetColumn, ...]
    task: str  # one of TASKS, as nnpy.data.targets has them
    classes: tuple[str, ...]  # of the target: its classes, or the names of its columns
    ignored: Mapping[str, str] = field(default_factory=dict)  # column → why

    @cached_property
    def width(self) -> int:
        """The length of a row's vector."""
        return sum(each.width for each in self.features)

    @property
    def embedded(self) -> tuple[int, ...]:
        """The sizes of the vocabularies whose codes are the last places of the vector."""
        return tuple(
            each.size
            for each in self.features
            if isinstance(each, CategoryFeature) and each.embedded
        )

    @property
    def places(self) -> list[str]:
        """What each place of the vector is."""
        return [place for each in self.features for place in each.places]

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return {
            "format": FORMAT,
            "source": "table",
            "task": self.task,
            "classes": list(self.classes),
            "target": [
                {"name": each.name, **_form_dict(each.form, self.task == NUMBERS)}
                for each in self.target
            ],
            "features": [_feature_dict(each) for each in self.features],
            "ignored": dict(self.ignored),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Record:
        """The record that plain data say, from anywhere. Raises DataError for what is none."""
        try:
            json_file.plain(dict(told), "")
            _KIND(dict(told), "")
            if told["format"] != FORMAT:
                raise json_file.WrongKind("format", str(FORMAT), told["format"])
            features = tuple(_feature(each) for each in told["features"])
            names = [each.name for each in features]
            if len(set(names)) < len(names):
                raise ValueError("a column is there twice")
            return cls(
                features,
                tuple(
                    TargetColumn(each["name"], _form(each, told["task"] == NUMBERS))
                    for each in told["target"]
                ),
                told["task"],
                tuple(told["classes"]),
                dict(told.get("ignored", {})),
            )
        except (ValueError, KeyError, RecursionError) as error:
            raise DataError(
                f"the record of the table's preprocessing is damaged: {error}"
            ) from None


# -- JSON ------------------------------------------------------------------------------------------


def _true_or_false(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise json_file.WrongKind(place, "true or false", value)


_FORM = {
    "decimal": one_of(*_DECIMALS),
    "thousands": one_of(*_THOUSANDS),
    "missing_words": sequence(text),
    "lower": _true_or_false,
    "numeric": _true_or_false,
}
_FEATURE = record(
    {
        "name": text,
        "kind": one_of(Kind.NUMBER, Kind.DATE, Kind.CATEGORY),
        "mean": number,
        "deviation": number,
        "filled": number,
        "flag": _true_or_false,
        "labels": sequence(text, _MOST),
        "counts": sequence(whole, _MOST),
        "missing": whole,
        "slot": _true_or_false,
        "embedded": _true_or_false,
        **_FORM,
    },
    ("name", "kind"),
)
_KIND = record(
    {
        "format": whole,
        "task": one_of(*TASKS),
        "classes": sequence(text, _MOST),
        "target": sequence(record({"name": text, **_FORM}, ("name",)), _MOST),
        "features": sequence(_FEATURE, _MOST),
        "ignored": json_file.mapping(text, _MOST),
    },
    ("format", "task", "classes", "target", "features"),
)


def _form_dict(form: Form, is_number: bool) -> dict[str, Any]:
    """The form, what is usual left out."""
    told = {
        "decimal": form.decimal,
        "thousands": form.thousands,
        "missing_words": list(form.missing),
        "lower": form.lower,
        "numeric": form.numeric,
    }
    usual = {"decimal": ".", "thousands": "", "missing_words": _usual_words(is_number)}
    return {key: each for key, each in told.items() if each != usual.get(key, False)}


def _usual_words(is_number: bool) -> list[str]:
    return list((NUMBER_FORM if is_number else Form()).missing)


def _form(told: Mapping[str, Any], is_number: bool) -> Form:
    return Form(
        told.get("decimal", "."),
        told.get("thousands", ""),
        tuple(told.get("missing_words", _usual_words(is_number))),
        told.get("lower", False),
        told.get("numeric", False),
    )


def _feature_dict(feature: Feature) -> dict[str, Any]:
    if isinstance(feature, NumberFeature):
        kind = Kind.DATE if feature.is_date else Kind.NUMBER
        numbers = ("mean", "deviation", "filled", "flag")
        values = {name: getattr(feature, name) for name in numbers}
        return {"name": feature.name, "kind": str(kind), **values, **_form_dict(feature.form, True)}
    values = {
        name: list(each) if isinstance(each := getattr(feature, name), tuple) else each
        for name in ("labels", "counts", "missing", "slot", "embedded")
    }
    return {
        "name": feature.name,
        "kind": str(Kind.CATEGORY),
        **values,
        **_form_dict(feature.form, False),
    }


def _feature(told: Mapping[str, Any]) -> Feature:
    form, name = _form(told, told["kind"] != Kind.CATEGORY), told["name"]
    if told["kind"] == Kind.CATEGORY:
        labels, counts = tuple(told["labels"]), tuple(told["counts"])
        if len(counts) != len(labels) or len(set(labels)) < len(labels):
            raise ValueError(f"{name}: expected different labels, and a count for each")
        one_hot = CategoryFeature(
            name, form, labels, counts, told["missing"], told["slot"], told["embedded"]
        )
        if not one_hot.size or (not one_hot.slot and not sum(counts) + one_hot.missing):
            raise ValueError(f"{name}: it has no labels")
        return one_hot
    values = [float(told[key]) for key in ("mean", "deviation", "filled")]
    if not all(map(math.isfinite, values)) or values[1] <= 0:
        raise ValueError(f"{name}: expected finite numbers, and a deviation above 0")
    mean, deviation, filled = values
    is_date = told["kind"] == Kind.DATE
    return NumberFeature(name, form, mean, deviation, filled, told["flag"], is_date)
