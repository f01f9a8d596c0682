"""What is worth a second look before a training: each in a line that says what would help.

Nothing here is an error: such data can be trained on, and may even be meant so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnpy.data import duplicates
from nnpy.data.dataset import Dataset
from nnpy.data.duplicates import Same
from nnpy.data.standardize import of_target
from nnpy.data.targets import Target, Task

_FEW = 10  # examples of a class
_UNEVEN = 5  # times as many of one class as of another
_SMALL = 100  # examples to train on
_WIDE = 30.0  # numbers beyond which a network learns badly unless they are scaled
_FAR = 10.0  # deviations from the mean
_SHOWN = 5
_EXACT = 2**24  # up to which float32 has all whole numbers
_TOKENS = 1_000_000  # words of a vocabulary
# What files have for nothing, where a column has no other number like it.
_NOTHING = {-99, -999, -9999, -99999, 999, 9999, 99999, 999999}
_TELLS = 0.999  # of the correlation of a column with the target
_ROWS = 20_000  # that a single column is held against the target by

Facts = Mapping[str, Any]


def of(dataset: Dataset, facts: Facts, same: Same | None) -> list[str]:
    """The lines for a data set, of which `facts` are known (`look.py`)."""
    return [
        *_sizes(facts),
        *_duplicates(facts, same),
        *(line for each in facts["inputs"] for line in _input(each, facts)),
        *(line for each in facts["targets"] for line in _target(each, facts)),
        *(line for each in facts["columns"] for line in _column(each)),
        *_telling(dataset, facts),
    ]


def _sizes(facts: Facts) -> Iterator[str]:
    splits = facts["splits"]
    if splits["train"] < _SMALL:
        yield f"only {splits['train']:,} examples to train on: scores will differ much by chance"
    if "test" in splits and splits["test"] < _SMALL // 2:
        yield (
            f"only {splits['test']:,} examples for the test: the interval of each score in "
            "`nnpy evaluate` says how little that proves"
        )


def _duplicates(facts: Facts, same: Same | None) -> Iterator[str]:
    if same is None:
        return
    for split, count in (("test", same.test), ("validation", same.validation)):
        if count:
            yield (
                f"{count:,} of {facts['splits'][split]:,} {split} examples "
                f"{'is' if count == 1 else 'are'} in the training set too: no test of what is new"
            )
    yield from duplicates.notes_of_train(same)


def _input(told: Facts, facts: Facts) -> Iterator[str]:
    name = f"input {told['name']}" if told["name"] else "the input"
    low, high = told["min"], told["max"]
    size = int(np.prod(told["shape"])) or 1
    if low == high:
        yield f"{name} is always {low:g}: there is nothing to learn from"
        return
    if facts["source"] == "table":  # standardized column by column, the constant ones left out
        return
    whole = told["dtype"].startswith(("int", "uint"))
    tokens = whole and len(told["shape"]) == 1 and low >= 0 and high < _TOKENS
    if whole and max(-low, high) > _EXACT:
        yield f"{name} has whole numbers beyond {_EXACT:,}, which float32 rounds"
    if not tokens and told["constant"] > (0 if len(told["shape"]) == 1 else size // 2):
        yield (
            f"{told['constant']:,} of the {size:,} numbers of {name} are the same in all training "
            "examples"
        )
    if told["dtype"] == "uint8" and told["scale"] != 1 and high <= 1:
        yield (
            f"{name} has bytes from {low:g} to {high:g}, which are divided by 255: say "
            "data: {rescale: 1}"
        )
    if told["scale"] == 1 and not tokens and max(abs(low), abs(high)) > _WIDE:
        yield (
            f"{name} goes from {low:g} to {high:g}: begin the model with "
            "Normalization: {adapt: true}, or set data.rescale"
        )
    for split, other in told["splits"].items():
        width = high - low
        if other["max"] > high + 2 * width or other["min"] < low - 2 * width:
            yield (
                f"{name} goes from {low:g} to {high:g} in the training set, but from "
                f"{other['min']:g} to {other['max']:g} in the {split} set"
            )
        elif (other["max"] - other["min"]) * _FAR < width:
            yield (
                f"{name} goes from {low:g} to {high:g} in the training set, but only from "
                f"{other['min']:g} to {other['max']:g} in the {split} set: is one of them scaled?"
            )
        elif facts["splits"][split] >= _SMALL // 2 and abs(other["mean"] - told["mean"]) > max(
            told["deviation"], 1e-12
        ):
            yield (
                f"{name} is {told['mean']:g} on the mean in the training set, but "
                f"{other['mean']:g} in the {split} set"
            )


def _target(told: Facts, facts: Facts) -> Iterator[str]:
    name = f"target {told['name']}" if told["name"] else "the target"
    classes = told.get("classes", [])
    if classes:
        few = [each for each in classes if 0 < each["train"] < _FEW]
        if few:
            shown = ", ".join(f"{each['name']} {each['train']}" for each in few[:_SHOWN])
            more = ", …" if len(few) > _SHOWN else ""
            yield f"fewer than {_FEW} training examples of {shown}{more}"
        none = [each["name"] for each in classes if not each["train"]]
        if none:
            yield f"no training example of {_listed(none)}: it can never be answered"
        for split in ("validation", "test"):
            missing = [
                each["name"]
                for each in classes
                if split in each and each["train"] and not each[split]
            ]
            if missing:
                yield f"no {split} example of {_listed(missing)}: its score there says nothing"
    if told["task"] == Task.CLASSES and classes:
        counts = sorted((each["train"], each["name"]) for each in classes if each["train"])
        if counts and counts[-1][0] > _UNEVEN * counts[0][0]:
            share = counts[-1][0] / sum(count for count, _ in counts)
            yield (
                f"classes are uneven: {counts[-1][1]} has {counts[-1][0]:,} training examples, "
                f"{counts[0][1]} {counts[0][0]:,}. Answering {counts[-1][1]} always is right in "
                f"{share:.0%}; training: {{class_weight: balanced}} makes all classes count the "
                "same"
            )
    if told["task"] == Task.LABELS:
        total = facts["splits"]["train"]
        always = [each["name"] for each in classes if each["train"] == total]
        if always:
            yield f"every training example has the label {_listed(always)}"
    for each in told.get("numbers", []):
        of = f"target {each['name']}" if each["name"] else name
        if each["min"] == each["max"]:
            yield f"{of} is always {each['min']:g} in the training set"
        elif each["deviation"]:
            far = max(each["max"] - each["mean"], each["mean"] - each["min"]) / each["deviation"]
            if far > _FAR:
                yield (
                    f"{of} goes from {each['min']:g} to {each['max']:g}, {far:.0f} deviations "
                    f"from its mean of {each['mean']:g}: a mistake, or learn its logarithm"
                )


def _column(told: Facts) -> Iterator[str]:
    """Numbers of a table that may stand for nothing."""
    if told["used"] != "input" or not told.get("deviation"):
        return
    for key in ("min", "max"):
        value, mean, deviation = told[key], told["mean"], told["deviation"]
        if value in _NOTHING and abs(value - mean) > 2 * deviation:
            yield (
                f"column {told['name']} has {value:g}: if that stands for nothing, say "
                f"missing: [{value:g}]"
            )


def _telling(dataset: Dataset, facts: Facts) -> Iterator[str]:
    """Columns of a table that alone tell the target: often they are known only afterwards."""
    x, targets = dataset.train.x, dataset.info.targets
    places = _places(dataset)
    if not places or isinstance(x, Mapping) or len(targets) != 1:
        return
    x = np.asarray(x[:_ROWS], np.float64)
    y = np.asarray(of_target(dataset.train.y, targets[0]))[:_ROWS]
    if len(x) < _SMALL // 2:
        return
    found = [place for i, place in enumerate(places) if _tells(x[:, i], y, targets[0])]
    if found:
        yield (
            f"the target follows from {_listed(found)} alone: is that known when an answer is "
            "wanted? If not, say ignore"
        )


def _places(dataset: Dataset) -> Sequence[str]:
    from nnpy.data.table.record import Record

    learnt = dataset.preprocessing
    return Record.from_dict(learnt).places if learnt.get("source") == "table" else ()


def _tells(column: np.ndarray, y: np.ndarray, target: Target) -> bool:
    """Whether the target is a straight line of a column, or its classes part it by one limit."""
    if column.std() == 0:
        return False
    if target.task is Task.NUMBERS and y.shape[-1] == 1:
        values = y.reshape(-1).astype(np.float64)
        return values.std() > 0 and abs(float(np.corrcoef(column, values)[0, 1])) > _TELLS
    if target.task is Task.CLASSES and len(target.classes) == 2 and {*y.tolist()} == {0, 1}:
        one, two = column[y == 0], column[y == 1]
        return bool(one.max() < two.min() or two.max() < one.min())
    return False


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
