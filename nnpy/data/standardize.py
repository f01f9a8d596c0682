"""Target numbers as a network learns them: around 0, about 1 wide. Learnt from training rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnpy.data.dataset import DataInfo, Dataset
from nnpy.data.targets import Target, Task
from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np

_SAME = 1e-12  # of a value, the deviation below which rounding alone may have made it


def with_scales(dataset: Dataset) -> Dataset:
    """The data set whose targets of numbers know center and spread of the training rows.

    Sums are float64. Raises DataError for a number that is none in any split.
    """
    if not any(each.task is Task.NUMBERS for each in dataset.info.targets):
        return dataset
    for name, split in dataset.splits().items():
        for target in dataset.info.targets:
            if target.task is Task.NUMBERS:
                _check(name, target, of_target(split.y, target))
    targets = tuple(
        _scaled(each, of_target(dataset.train.y, each)) if each.task is Task.NUMBERS else each
        for each in dataset.info.targets
    )
    return replace(dataset, info=replace(dataset.info, targets=targets))


def of_target(y: Any, target: Target) -> Any:
    """What is stored for one target: an array, or the one of its name."""
    return y[target.name] if isinstance(y, dict) else y


def with_targets_of(info: DataInfo, targets: tuple[Target, ...]) -> DataInfo:
    """The facts of data for a model that was trained on `targets`: its scales, not their own.

    Without any it is a model of elsewhere, which knows no scales: it answers in the data's units.
    """
    if not targets:
        plain = tuple(replace(each, center=(), spread=()) for each in info.targets)
        return replace(info, targets=plain)
    known = {each.name: each for each in targets}
    found = []
    for each in info.targets:
        before = known.get(each.name)
        same = before is not None and before.task == each.task
        if before is not None and same and len(before.classes) == len(each.classes):
            each = replace(each, center=before.center, spread=before.spread)
        found.append(each)
    return replace(info, targets=tuple(found))


def _columns(y: np.ndarray) -> np.ndarray:
    return y.reshape(len(y), -1)


def _check(split: str, target: Target, y: np.ndarray) -> None:
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(_columns(np.asarray(y, np.float64))).all(axis=1))
    if len(bad):
        name = f" {target.name}" if target.name else ""
        raise DataError(
            f"the target{name} is not a number in {len(bad):,} examples of the {split} set "
            f"(the first is number {int(bad[0])}): leave them out, or mend them"
        )


def _scaled(target: Target, y: np.ndarray) -> Target:
    import numpy as np

    values = _columns(np.asarray(y, np.float64))
    center = values.mean(axis=0)
    spread = np.sqrt(((values - center) ** 2).mean(axis=0))
    largest = np.abs(values).max(axis=0, initial=0)
    spread = np.where(spread <= _SAME * largest, 1.0, spread)
    spread = np.where(spread > 0, spread, 1.0)
    return replace(target, center=tuple(center.tolist()), spread=tuple(spread.tolist()))
