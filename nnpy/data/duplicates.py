"""The same example in several places, by a digest of what the model sees.

Examples of the training set that are in the test set too make its score better than it is;
the same example with two labels can be learnt by no one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nnpy.data.targets import Task

if TYPE_CHECKING:
    from nnpy.data.dataset import Dataset

Digests = Sequence[bytes]
Labels = Sequence[object]  # of each example, to be compared
LIMIT = 1 << 28  # bytes that a training looks at for the sake of a note
_SOME = 300_000  # examples


@dataclass(frozen=True)
class Same:
    """How many examples are in several places."""

    test: int = 0  # of the test set, in the training set too
    validation: int = 0
    train: int = 0  # of the training set, the same as another of its own
    contradictions: int = 0  # different examples that have several labels there

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def found(digests: Mapping[str, Digests], labels: Mapping[str, Labels]) -> Same:
    """What is there several times in splits ("train", "validation", "test")."""
    train = {*digests["train"]}
    held = {
        split: sum(digest in train for digest in digests[split])
        for split in ("test", "validation")
        if split in digests
    }
    again = len(digests["train"]) - len(train)
    return Same(**held, train=again, contradictions=_contradictions(digests, labels))


def notes(
    digests: Mapping[str, Digests], labels: Mapping[str, Labels], names: Mapping[str, list[str]]
) -> list[str]:
    """What there is to tell of splits, a line each.

    `names` are the classes of each example, in words; without them no classes are told.
    """
    same = found(digests, labels)
    train, told = {*digests["train"]}, []
    for split in ("test", "validation"):
        count = getattr(same, split)
        if not count:
            continue
        which = ""
        if names:
            rows = [i for i, digest in enumerate(digests[split]) if digest in train]
            which = f": {_counted([names[split][i] for i in rows])}"
        told.append(
            f"{count:,} of {len(digests[split]):,} {split} examples {_are(count)} in the training "
            f"set too{which}"
        )
    return [*told, *notes_of_train(same)]


def notes_of_train(same: Same) -> list[str]:
    """The same for what is in the training set several times."""
    told = []
    if same.train:
        are = f"example{'s'[: same.train != 1]} {_are(same.train)}"
        told.append(f"{same.train:,} training {are} the same as another one")
    if count := same.contradictions:
        told.append(
            f"{count:,} example{'s'[: count != 1]} {_are(count)} in the training set with "
            "different labels: nothing can learn both"
        )
    return told


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def of_dataset(dataset: Dataset) -> Same | None:
    """What is there several times in a data set; None where one example says too little."""
    digests, labels = _digested(dataset)
    return found(digests, labels) if digests else None


def notes_of(dataset: Dataset) -> list[str]:
    """What a training tells of it; nothing of data that would take long to look at."""
    size, count = 0, 0
    for split in dataset.splits().values():
        arrays = [*split.x.values()] if isinstance(split.x, Mapping) else [split.x]
        size += sum(each.nbytes for each in arrays)
        count += len(split)
    if size > LIMIT or count > _SOME:
        return []
    digests, labels = _digested(dataset)
    if not digests:
        return []
    targets, names = dataset.info.targets, {}
    if len(targets) == 1 and targets[0].task is Task.CLASSES and targets[0].classes:
        classes = targets[0].classes
        names = {
            name: [classes[int(each)] for each in split.y.reshape(-1)]
            for name, split in dataset.splits().items()
        }
    return notes(digests, labels, names)


def _digested(dataset: Dataset) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    splits = dataset.splits()
    like = dataset.train.x
    digests = {name: _digests(split.x, like) for name, split in splits.items()}
    known = dataset.info.targets[0].task not in (Task.UNKNOWN, Task.RECONSTRUCTION)
    labels = {
        name: _digests(split.y, dataset.train.y) if known else [b""] * len(split)
        for name, split in splits.items()
    }
    return digests, labels


def _digests(tree: Any, like: Any) -> list[bytes]:
    """A digest of each row of an array, or of several by name; numbers as `like` stores them."""
    import numpy as np

    arrays = [*tree.values()] if isinstance(tree, Mapping) else [tree]
    types = [each.dtype for each in (like.values() if isinstance(like, Mapping) else [like])]
    rows: list[bytes] = []
    for index in range(len(arrays[0])):
        parts = [
            np.ascontiguousarray(array[index], dtype).tobytes()
            for array, dtype in zip(arrays, types, strict=True)
        ]
        rows.append(hashlib.sha256(b"".join(parts)).digest())
    return rows


def _contradictions(digests: Mapping[str, Digests], labels: Mapping[str, Labels]) -> int:
    """How many different examples have more than one label."""
    seen: dict[bytes, object] = {}
    two = set()
    for digest, label in zip(digests["train"], labels["train"], strict=True):
        if seen.setdefault(digest, label) != label:
            two.add(digest)
    return len(two)


def _counted(names: list[str]) -> str:
    number = Counter(names).most_common()
    told = ", ".join(f"{name} {n:,}" for name, n in number[:5])
    return f"{told}, …" if len(number) > 5 else told
