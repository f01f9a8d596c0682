"""What a step of training does with a prepared batch. Importing this imports TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.engine.augmentation import Augmentation
from nnpy.engine.class_weights import weight_of_class


class TrainingStep:
    """Augments the batch, weights its examples, and calls the model's own `train_step`.

    Where XLA is not to compile the augmentation (`splits`), a step that is traced for XLA is a
    graph in which XLA compiles what comes after it.
    """

    def __init__(
        self,
        model: keras.Model,
        augmentation: Augmentation | None,
        class_weight: np.ndarray | None,
    ) -> None:
        self._model, self._augmentation, self._class_weight = model, augmentation, class_weight
        self._apart = False

    @property
    def splits(self) -> str:
        """Why the augmentation is kept out of XLA's program; nothing where it is not."""
        return self._augmentation.slow if self._augmentation else ""

    def trace_for(self, mode: str) -> None:
        """What is traced from now on is for this execution mode."""
        self._apart = mode == "xla" and bool(self.splits)

    def __call__(self, x: Any, y: Any, sample_weight: Any) -> None:
        if self._augmentation is not None:
            x, y = self._augmentation(x, y)
        learn = self._learn
        if self._apart:
            learn = tf.function(learn, autograph=False, jit_compile=True)
        learn(x, y, sample_weight)

    def _learn(self, x: Any, y: Any, sample_weight: Any) -> None:
        if self._class_weight is not None:
            weight = self._weight(y)
            sample_weight = weight if sample_weight is None else sample_weight * weight
        self._model.train_step((x, y, sample_weight))

    def _weight(self, y: Any) -> Any:
        assert self._class_weight is not None
        if self._augmentation is None or not self._augmentation.mixes:
            return weight_of_class(y, self._class_weight)
        # A mixed example weighs what its classes do, each by its share.
        table = weight_of_class(tf.range(y.shape[-1]), self._class_weight)
        return tf.linalg.matvec(y, table)
