"""With `use_ema`, the optimizer's moving averages of the weights, in the model for a while.

Keras trains the raw weights, keeps the averages beside them, and makes them the model's only
when the training ends. What is worth knowing of such a model is how good the averages are: they
are validated, kept as the best epoch, and tested. Importing this module imports Keras.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def uses_averages(optimizer: Any) -> bool:
    """Whether an optimizer, or the one inside it, keeps moving averages of the weights."""
    while optimizer is not None:
        if getattr(optimizer, "use_ema", False):
            return True
        optimizer = getattr(optimizer, "inner_optimizer", None)
    return False


class Averages:
    """Puts the averages into a compiled, built model and takes them out again, bit for bit.

    Keras's own SwapEMAWeights swaps by adding and subtracting, which rounds; here the optimizer's
    slots stay as they are and the raw weights are kept aside.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self.kept = uses_averages(model.optimizer)

    def messages(self) -> list[str]:
        """What is to be said where there are averages."""
        if not self.kept:
            return []
        return [
            "use_ema: the averaged weights are validated, kept as best.keras and last.keras, "
            "and tested"
        ]

    @contextlib.contextmanager
    def in_model(self, wanted: bool = True) -> Iterator[None]:
        """Within it the model's weights are the averages, where the optimizer keeps some.

        With `wanted` False nothing changes, as for a model that holds them already.
        """
        # Before the first step there is nothing to average: the slots hold zeros.
        if not (self.kept and wanted and int(np.asarray(self._model.optimizer.iterations))):
            yield
            return
        variables = self._model.trainable_variables
        raw = [tf.identity(variable.value) for variable in variables]
        self._model.optimizer.finalize_variable_values(variables)
        try:
            yield
        finally:
            for variable, value in zip(variables, raw, strict=True):
                variable.assign(value)
