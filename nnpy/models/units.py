"""Metrics of numbers in the user's units, though the model learns them standardized.

Importing this module imports Keras.
"""

from __future__ import annotations

from typing import Any

import keras

from nnpy.data import Preprocessing
from nnpy.data.preprocessing import Answer


def measure_in_units(model: keras.Model, preprocessing: Preprocessing) -> None:
    """Makes the model's metrics compare numbers in the user's units; its loss stays as it is.

    `compute_metrics` is Keras's own place for that. It is set on the object, so that the saved
    model is none of a class of ours.
    """
    answers, outputs = preprocessing.answers, preprocessing.outputs
    if not any(each.center for each in answers):
        return
    original = type(model).compute_metrics.__get__(model)

    def in_units(tree: Any) -> Any:
        if outputs is None:
            return answers[0].in_units(tree)
        if isinstance(outputs, int):
            return [one.in_units(each) for one, each in zip(_all(outputs), tree, strict=True)]
        by_name = dict(zip(outputs, _all(len(outputs)), strict=True))
        return {name: by_name[name].in_units(each) for name, each in tree.items()}

    def _all(count: int) -> tuple[Answer, ...]:
        return answers if len(answers) > 1 else answers * count

    def compute_metrics(x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return original(x, in_units(y), in_units(y_pred), sample_weight)

    model.compute_metrics = compute_metrics
