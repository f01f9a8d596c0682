"""Which training examples are held out for validation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from nnpy.data.dataset import DataInfo, Dataset, Split
from nnpy.data.files import mapped
from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np


def count(examples: int, split: float) -> int:
    """How many of the training examples are held out."""
    return examples - math.floor(examples * (1.0 - split))


def held_out(
    labels: np.ndarray, split: float, *, stratify: bool = True, seed: int | None = 0
) -> np.ndarray:
    """The rows (int64, ascending) that are held out: a share `split` of `labels` (n, ...).

    They are drawn by `seed`; with None they are the last ones, as `model.fit(validation_split=…)`
    has it. With `stratify` each class gives its share, where labels are class numbers; what
    rounding leaves over goes to the classes with the largest remainders.
    """
    import numpy as np

    n, wanted = len(labels), count(len(labels), split)
    order = np.arange(n)
    if seed is None:
        order = order[::-1]
    else:
        np.random.default_rng(seed).shuffle(order)
    if not stratify or labels.ndim != 1 or labels.dtype.kind not in "biu":
        return np.sort(order[:wanted])
    classes, class_of = np.unique(labels, return_inverse=True)
    sizes = np.bincount(class_of, minlength=len(classes))
    shares, remainders = np.divmod(wanted * sizes.astype(np.int64), n)
    left = wanted - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:left]] += 1
    by_class = order[np.argsort(class_of[order], kind="stable")]
    begins = np.cumsum(sizes) - sizes
    rank = np.arange(n) - begins[class_of[by_class]]  # within its class, in the drawn order
    return np.sort(by_class[rank < shares[class_of[by_class]]])


def hold_out(
    dataset: Dataset, split: float, *, stratify: bool = True, seed: int | None = 0
) -> Dataset:
    """`dataset` with a share `split` of its training examples as validation (see `held_out`).

    Both parts keep the stored order. 0 holds nothing out. Raises DataError when a part would be
    empty.
    """
    import numpy as np

    if not 0 <= split < 1:
        raise DataError(
            f"data.validation.split is {split}: expected a fraction of the training set, "
            "at least 0 and less than 1"
        )
    if split == 0:
        return replace(dataset, validation=None)
    whole = dataset.train
    wanted = count(len(whole), split)
    if wanted in (0, len(whole)):
        left = "no examples for validation" if wanted == 0 else "no examples to train on"
        raise DataError(
            f"data.validation.split: {split} of {len(whole)} training examples leaves {left}; "
            "choose another fraction, or 0 for no validation"
        )
    held = held_out(whole.y, split, stratify=stratify, seed=seed)
    kept = np.delete(np.arange(len(whole)), held)
    train, validation = (
        Split(mapped.select(whole.x, rows), whole.y[rows]) for rows in (kept, held)
    )
    note = _absent(dataset.info, train, validation)
    notes = (*dataset.notes, note) if note else dataset.notes
    return replace(dataset, train=train, validation=validation, notes=notes)


def _absent(info: DataInfo, train: Split, validation: Split) -> str:
    """A word on classes that are held out as a whole."""
    import numpy as np

    if train.y.ndim != 1 or train.y.dtype.kind not in "biu":
        return ""
    absent = np.setdiff1d(validation.y, train.y)
    if not len(absent):
        return ""
    names = [info.classes[each] if each < len(info.classes) else str(each) for each in absent]
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return (
        f"no example of {shown} is left to train on: all are held out; "
        "data.validation: {stratify: true} holds out the same share of each class"
    )
