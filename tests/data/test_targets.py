"""The task of a model's output: by its shape and the data's classes."""

from __future__ import annotations

import pytest

from nnpy.data import DataInfo
from nnpy.data.targets import Task, task_of


def info(classes: int) -> DataInfo:
    names = tuple(map(str, range(classes)))
    return DataInfo("some", (28, 28), "uint8", names, train=9, test=9, scale=1.0)


@pytest.mark.parametrize(
    ("classes", "shape", "task"),
    [
        (10, (None, 10), Task.CLASSES),
        (10, (None, 9), Task.UNKNOWN),
        (10, (None, 1), Task.UNKNOWN),
        (10, (None, 4, 10), Task.UNKNOWN),
        (2, (None, 2), Task.CLASSES),
        (2, (None, 1), Task.CLASSES),
        (2, (None,), Task.CLASSES),
        (1, (None, 1), Task.UNKNOWN),
        (0, (None, 1), Task.UNKNOWN),
    ],
)
def test_the_task_is_decided_by_shape_and_classes(classes, shape, task):
    assert task_of(info(classes), shape) is task
