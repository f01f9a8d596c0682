"""What the devices exchange in a step, and how long that takes on its own.

While a step of training is traced, everything that goes through `all_reduce` is noted: gradients,
and what synchronized BatchNormalization asks for, forwards and backwards. After the training the
same exchange, with tensors of the same shapes and nothing else, is run and timed. So waiting for
a slower device counts as computing, and what TensorFlow does of both at once counts twice.
Importing this imports TensorFlow.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nnpy.engine import replicas
from nnpy.engine.tracing import Patches

_SECONDS = 0.1  # that one measurement shall take, where a single exchange does not take longer
_MOST = 200  # exchanges in one measurement
_TIMES = 5


class Exchange:
    """The exchanges of one step of training, in their order."""

    def __init__(self) -> None:
        self._calls: list[tuple[Any, list[tuple[tuple[int, ...], tf.DType]]]] = []

    def note(self, patches: Patches, replica: int) -> None:
        """From now on what is traced is noted, as that replica sees it."""
        self._calls.clear()
        all_reduce = tf.distribute.ReplicaContext.all_reduce

        def noting(context: Any, op: Any, value: Any, options: Any = None) -> Any:
            if replicas.id_here() == replica:
                self._calls.append((op, _shapes(value)))
            return all_reduce(context, op, value, options)

        patches.replace(tf.distribute.ReplicaContext, "all_reduce", noting)

    @property
    def bytes(self) -> int:
        """What each device gives in a step."""
        return sum(
            math.prod(shape) * dtype.size for _, shapes in self._calls for shape, dtype in shapes
        )

    def measured(self, strategy: Any, agree: Callable[..., list[float]]) -> float:
        """Seconds of one step's exchange: the median of five measurements, the slowest worker's.

        All workers must be at this place. `agree` gives the largest of a number over them.
        """
        if not self.bytes:
            return 0.0
        rounds = self._program(strategy)
        rounds(1)  # which compiles, and makes the connections
        count = int(min(_MOST, max(1, _SECONDS / agree(_timed(rounds, 1))[0])))
        return statistics.median(agree(_timed(rounds, count) / count)[0] for _ in range(_TIMES))

    def _program(self, strategy: Any) -> Callable[[int], None]:
        def once(number: Any) -> Any:
            context = tf.distribute.get_replica_context()
            ends = []
            for op, shapes in self._calls:
                # Of the number of the round, or TensorFlow would do it once for all.
                given = [tf.fill(shape, tf.cast(number, dtype)) for shape, dtype in shapes]
                ends += [tf.reshape(each, [-1])[:1] for each in context.all_reduce(op, given)]
            return tf.add_n([tf.reduce_sum(tf.cast(each, tf.float32)) for each in ends])

        @tf.function(autograph=False)
        def rounds(count: Any) -> Any:
            def body(number: Any, total: Any) -> Any:
                of_each = strategy.run(once, (number,))
                here = strategy.experimental_local_results(of_each)
                return number + 1, total + tf.add_n(list(here))

            begin = (tf.constant(0), tf.constant(0.0))
            return tf.while_loop(lambda i, _: i < count, body, begin, parallel_iterations=1)[1]

        return lambda count: rounds(tf.constant(count)).numpy()


def _shapes(value: Any) -> list[tuple[tuple[int, ...], tf.DType]]:
    """Those of the tensors; of a sparse gradient, those of its rows."""
    tensors = [
        each.values if isinstance(each, tf.IndexedSlices) else each
        for each in (value if isinstance(value, list | tuple) else [value])
    ]
    return [(tuple(n or 1 for n in each.shape), each.dtype) for each in tensors]


def _timed(rounds: Callable[[int], None], count: int) -> float:
    began = time.perf_counter()
    rounds(count)
    return time.perf_counter() - began
