"""The variables of a training as each replica has them, read and written bit for bit.

Weights and what the optimizer keeps are equal on all replicas; what a replica counts by itself,
the metrics of its rows say, is its own. Importing this imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Gather = Callable[[list[bytes]], list[bytes]]


class Copies:
    """The copies of one device: a single one of each variable."""

    count = 1  # of all workers together

    def read(self, variables: Sequence[Any]) -> list[list[np.ndarray]]:
        """The values of `tf.Variable`s, by replica."""
        return [[np.asarray(variable.numpy()) for variable in variables]]

    def write(self, variables: Sequence[Any], values: Sequence[Sequence[np.ndarray]]) -> None:
        """Gives each replica its values; those of another number of replicas are put together."""
        [mine] = values if len(values) == 1 else [_together(variables, values)]
        for variable, value in zip(variables, mine, strict=True):
            variable.assign(value)


class ReplicaCopies(Copies):
    """The copies of the replicas of a strategy.

    Args:
        strategy: The `tf.distribute.Strategy` in whose scope the variables were made.
        count: The replicas of all workers.
        local: The numbers among them of those of this process.
        gather: The bytes of each of this process's replicas → those of all, where there are
            several processes, which must all call it at the same moment.
    """

    def __init__(
        self, strategy: Any, count: int, local: Sequence[int], gather: Gather | None = None
    ) -> None:
        self._strategy, self.count, self._local, self._gather = strategy, count, local, gather

    def read(self, variables: Sequence[Any]) -> list[list[np.ndarray]]:
        mine = [
            [np.asarray(self._of(variable)[place].numpy()) for variable in variables]
            for place in range(len(self._local))
        ]
        if self._gather is None or not variables:
            return mine
        kinds = [(value.dtype, value.shape, value.nbytes) for value in mine[0]]
        packed = self._gather([b"".join(each.tobytes() for each in values) for values in mine])
        return [_unpacked(each, kinds) for each in packed]

    def write(self, variables: Sequence[Any], values: Sequence[Sequence[np.ndarray]]) -> None:
        if len(values) != self.count:
            put = _together(variables, values)
            nothing = [
                np.zeros_like(value) if _is_sum(variable) else value
                for variable, value in zip(variables, put, strict=True)
            ]
            values = [put, *[nothing] * (self.count - 1)]
        for place, number in enumerate(self._local):
            for variable, value in zip(variables, values[number], strict=True):
                self._of(variable)[place].assign(value)

    def _of(self, variable: Any) -> Sequence[Any]:
        """A variable's copies on the replicas of this process; one made elsewhere has one."""
        here: Sequence[Any] = self._strategy.experimental_local_results(variable)
        return here if len(here) == len(self._local) else [*here] * len(self._local)


def _together(variables: Sequence[Any], values: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """What several replicas have counted, as one that has counted it all."""
    return [
        np.sum(each, axis=0, dtype=each[0].dtype) if _is_sum(variable) else each[0]
        for variable, *each in zip(variables, *values, strict=True)
    ]


def _is_sum(variable: Any) -> bool:
    # On one device TensorFlow does not keep how a variable is to be put together; Keras's metrics
    # count sums, of numbers.
    kind = getattr(variable, "aggregation", tf.VariableAggregation.NONE)
    return kind in (tf.VariableAggregation.SUM, tf.VariableAggregation.NONE)


def _unpacked(content: bytes, kinds: Sequence[tuple[Any, Any, int]]) -> list[np.ndarray]:
    values, begin = [], 0
    for dtype, shape, size in kinds:
        part = np.frombuffer(content[begin : begin + size], dtype)
        values.append(part.reshape(shape))
        begin += size
    return values
