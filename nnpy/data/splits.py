"""Which examples are held out for validation and for the test."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnpy.data.dataset import DataInfo, Dataset, HeldOut, Split, map_tree
from nnpy.data.files import mapped
from nnpy.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

WAYS = ("stratify", "random", "group", "time", "column", "hash")
USUAL = 0.1  # for validation, of a source that has a test set
WITHOUT_SPLITS = 0.15  # for validation and for the test, of a source that has neither
# What a column that says where each row belongs may call the two held-out parts.
_WORDS = {
    "validation": ("validation", "val", "valid", "dev", "1"),
    "test": ("test", "testing", "eval", "evaluation", "2"),
}
_TRAIN = ("train", "training", "0")


@dataclass(frozen=True)
class SplitRule:
    """How a part is held out: the share `split` of what the source gives for training.

    `by`: stratify (each class gives its share), random, group (the rows of a group stay
    together), time (the latest rows), column (a column says it), hash (by a digest of a column's
    text, so that a row stays where it is when others come). The last four need a `column`. With
    `seed` None the last rows are taken, as `model.fit(validation_split=…)` has it.
    """

    split: float = 0.0
    by: str = "stratify"
    seed: int | None = 0
    column: str | None = None

    @property
    def counts(self) -> bool:
        """Whether the number of examples follows from the share alone."""
        return self.by in ("stratify", "random", "time")


def count(examples: int, split: float) -> int:
    """How many of the training examples are held out."""
    return examples - math.floor(examples * (1.0 - split))


def shares(
    info: DataInfo | None, validation: float | None, test: float | None
) -> tuple[float, float]:
    """The shares that are held out for validation and test, where None leaves it to the data."""
    split = info is None or info.is_split
    if test is None:
        test = 0.0 if split else WITHOUT_SPLITS
    if validation is None:
        own = info is not None and info.validation > 0
        validation = 0.0 if own else USUAL if split else WITHOUT_SPLITS
    return validation, test


def held_out(
    labels: np.ndarray, split: float, *, stratify: bool = True, seed: int | None = 0
) -> np.ndarray:
    """The rows (int64, ascending) that are held out: a share `split` of `labels` (n, ...)."""
    return _drawn(labels, count(len(labels), split), stratify=stratify, seed=seed)


def _drawn(labels: np.ndarray, wanted: int, *, stratify: bool, seed: int | None) -> np.ndarray:
    """`wanted` rows (int64, ascending), drawn by `seed`; with None the last ones.

    With `stratify` each class gives its share, where labels are class numbers; what rounding
    leaves over goes to the classes with the largest remainders.
    """
    import numpy as np

    n = len(labels)
    order = np.arange(n)
    if seed is None:
        order = order[::-1]
    else:
        np.random.default_rng(seed).shuffle(order)
    if not stratify or not _has_classes(labels):
        return np.sort(order[:wanted])
    classes, class_of = np.unique(labels, return_inverse=True)
    sizes = np.bincount(class_of, minlength=len(classes))
    parts, remainders = np.divmod(wanted * sizes.astype(np.int64), n)
    left = wanted - int(parts.sum())
    parts[np.argsort(-remainders, kind="stable")[:left]] += 1
    by_class = order[np.argsort(class_of[order], kind="stable")]
    begins = np.cumsum(sizes) - sizes
    rank = np.arange(n) - begins[class_of[by_class]]  # within its class, in the drawn order
    return np.sort(by_class[rank < parts[class_of[by_class]]])


def hold_out(dataset: Dataset, validation: SplitRule, test: SplitRule | None = None) -> Dataset:
    """`dataset` with shares of its training examples as validation and test.

    Both are shares of what the source gives for training; all parts keep the stored order. 0
    holds nothing out. The source's `finish` is called last. Raises DataError when a part would
    be empty, or the source brings that part itself.
    """
    import numpy as np

    whole = dataset.train
    rules = {"test": test or SplitRule(0.0), "validation": validation}
    rest, held = np.arange(len(whole)), {}
    for part, rule in rules.items():
        if not 0 <= rule.split < 1:
            raise DataError(
                f"data.{part}.split is {rule.split}: expected a fraction of the training set, "
                "at least 0 and less than 1"
            )
        if rule.split == 0 and rule.by != "column":
            continue
        if getattr(dataset, part) is not None:
            raise DataError(
                f"data.{part}.split: {dataset.info.name} brings its own {part} set; leave it out"
            )
        rows = _rows(part, rule, dataset, rest)
        _check_sizes(part, rule, len(rows), len(rest), len(whole))
        held[part], rest = rows, np.setdiff1d(rest, rows, assume_unique=True)
    if held:
        made: dict[str, Any] = {part: _taken(whole, rows) for part, rows in held.items()}
        record = HeldOut(held.get("validation"), held.get("test"), _digest(held))
        dataset = replace(dataset, train=_taken(whole, rest), held_out=record, **made)
    notes = [_told(held, rules, whole)] if "test" in held else []
    notes += [note for part in held if (note := _absent(dataset, part))]
    dataset = replace(dataset, notes=(*dataset.notes, *notes))
    return dataset.finish(dataset) if dataset.finish else dataset


def _rows(part: str, rule: SplitRule, dataset: Dataset, rest: np.ndarray) -> np.ndarray:
    """The rows of `rest` that a rule holds out."""
    import numpy as np

    whole = dataset.train
    wanted = count(len(whole), rule.split)
    if rule.by in ("stratify", "random"):
        labels = _labels(whole.y)[rest]
        if wanted >= len(rest):
            return rest
        return rest[_drawn(labels, wanted, stratify=rule.by == "stratify", seed=rule.seed)]
    column = _column(part, rule, whole)[rest]
    if rule.by == "time":
        order = np.argsort(column, kind="stable")
        return np.sort(rest[order[len(rest) - wanted :]])
    if rule.by == "column":
        return rest[_said(part, column)]
    if rule.by == "hash":
        share = rule.split * len(whole) / max(1, len(rest))
        numbers = [_number(f"{part} {value}") for value in column.tolist()]
        return rest[np.asarray(numbers) < share]
    groups, group_of, sizes = np.unique(column, return_inverse=True, return_counts=True)
    order = np.arange(len(groups))
    np.random.default_rng(rule.seed or 0).shuffle(order)
    # As many groups as come nearest to the share; at least one, and never all.
    reached = np.cumsum(sizes[order])
    most = int(np.argmin(np.abs(reached - wanted))) + 1
    chosen = order[: max(1, min(most, len(groups) - 1))]
    return rest[np.isin(group_of, chosen)]


def _labels(y: Any) -> np.ndarray:
    """What the examples are stratified by: the first of several targets that is one of classes."""
    arrays: list[Any] = []
    map_tree(arrays.append, y)
    return next((each for each in arrays if _has_classes(each)), arrays[0])


def _has_classes(labels: np.ndarray) -> bool:
    return labels.ndim == 1 and labels.dtype.kind in "biuUO"


def _column(part: str, rule: SplitRule, split: Split) -> np.ndarray:
    where = f"data.{part}: {{by: {rule.by}"
    known = ", ".join(split.columns) or "none: this source has no columns to split by"
    if rule.column is None:
        raise DataError(f"{where}}} needs a column; known: {known}")
    if rule.column not in split.columns:
        hint = did_you_mean(rule.column, split.columns) or f"; known: {known}"
        raise DataError(f"{where}, column: {rule.column}}}: there is no such column{hint}")
    return split.columns[rule.column]


def _said(part: str, column: np.ndarray) -> np.ndarray:
    """Which rows a column gives to a part; Raises DataError for a word that says nothing."""
    import numpy as np

    words = np.asarray([_word(value) for value in column.tolist()])
    known = {*_TRAIN, *_WORDS["validation"], *_WORDS["test"], "true", "false"}
    unknown = sorted({*words.tolist()} - known)
    if unknown:
        raise DataError(
            f"data.{part}: the column holds {unknown[0]!r}: expected train, validation or test, "
            "or 0, 1, 2"
        )
    wanted = (*_WORDS[part], *(("true",) if part == "validation" else ()))
    return np.isin(words, wanted)


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower()


def _number(text: str) -> float:
    """A number in [0, 1) that a text has for good."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def _check_sizes(part: str, rule: SplitRule, held: int, rest: int, whole: int) -> None:
    if held not in (0, rest):
        return
    purpose = "validation" if part == "validation" else "the test"
    left = f"no examples for {purpose}" if held == 0 else "no examples to train on"
    of = f"{rule.split} of " if rule.by != "column" else "of "
    raise DataError(
        f"data.{part}.split: {of}{whole} training examples leaves {left}; choose another "
        f"fraction, or 0 for no {part}"
    )


def _taken(split: Split, rows: np.ndarray) -> Split:
    return split.map(lambda array: mapped.select(array, rows))


def _digest(held: dict[str, np.ndarray]) -> str:
    """SHA-256 over the held-out rows of both parts."""
    digest = hashlib.sha256()
    for part, rows in sorted(held.items()):
        digest.update(f"{part} {len(rows)} ".encode() + rows.astype("<i8").tobytes())
    return digest.hexdigest()


def _told(held: dict[str, np.ndarray], rules: dict[str, SplitRule], split: Split) -> str:
    """`1,258 examples to train on, 270 …`: the splits of a source that has none itself."""
    numbers, whole = {part: len(rows) for part, rows in held.items()}, len(split)
    train = whole - sum(numbers.values())
    parts = [f"{number:,} for {_PURPOSES[part]}" for part, number in numbers.items()]
    ways = {rules[part].by for part in held}
    if not _has_classes(_labels(split.y)):
        ways = {"random" if way == "stratify" else way for way in ways}
    how = {"stratify": "each class by its share", "random": "at random"}
    way = how.get(next(iter(ways)), "") if len(ways) == 1 else ""
    return (
        f"the {whole:,} examples are split: {train:,} to train on, {' and '.join(parts)}"
        f"{f', {way}' if way else ''} (data.validation, data.test)"
    )


_PURPOSES = {"validation": "validation", "test": "the test"}


def _absent(dataset: Dataset, part: str) -> str:
    """A word on classes that are held out as a whole."""
    import numpy as np

    train, held, classes = dataset.train.y, getattr(dataset, part).y, dataset.info.classes
    if not isinstance(train, np.ndarray) or train.ndim != 1 or train.dtype.kind not in "biu":
        return ""
    absent = np.setdiff1d(held, train)
    if not len(absent):
        return ""
    names = [classes[each] if each < len(classes) else str(each) for each in absent]
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return (
        f"no example of {shown} is left to train on: all are held out; "
        f"data.{part}: {{stratify: true}} holds out the same share of each class"
    )
