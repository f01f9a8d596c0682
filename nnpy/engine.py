"""An epoch as one compiled program.

`model.fit` spends most of a small model's time between the steps: a batch is fetched, a
function called, a callback asked, thousands of times an epoch. Here the data lie on the
device as they are stored, and a compiled loop takes the steps: it gathers a batch, prepares
it and calls the model's own public `train_step`, so that everything Keras does in a step
(class weights, clipping, accumulation, loss scaling, EMA, schedules) is Keras's own doing.

The loop runs in chunks of about half a second of work, so that a progress bar moves and an
interrupt is answered. Where the cuts fall depends on the clock; the numbers do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

MODES = ("xla", "graph", "eager")
CHUNK_SECONDS = 0.5

OnChunk = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Execution:
    """How the steps are run, and why so."""

    mode: str
    reason: str


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order of `n` examples in an epoch (int32): a pure function of its arguments."""
    return np.random.default_rng((seed, epoch)).permutation(n).astype(np.int32)


class Engine:
    """Trains, evaluates and predicts with a compiled, built Keras model.

    Args:
        model: A `keras.Model`, built and compiled.
        prepare: `(x, y) -> (x, y)`, a stored batch to what the model takes; traced by
            TensorFlow. `y` is None in `predict`.
        batch_size: Examples a step; the last step of an epoch takes what is left.
        seed: With the epoch's number, gives the order of the examples.
        execution: "auto", "xla", "graph" or "eager".
        class_weight: `{class: weight}` of the loss in training, as in `Model.fit`.
        shuffle: Whether the examples are taken in a new order each epoch.
    """

    def __init__(
        self,
        model: keras.Model,
        prepare: Callable[[Any, Any], tuple[Any, Any]],
        *,
        batch_size: int,
        seed: int,
        execution: str = "auto",
        class_weight: Mapping[int, float] | None = None,
        shuffle: bool = True,
    ) -> None:
        self.model = model
        self.execution = choose(model, execution)
        self._prepare = prepare
        self._batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle
        self._class_weight = _class_weight_table(class_weight)
        self._resident: dict[int, tuple[Any, Any]] = {}
        self._pace: dict[str, float] = {}  # seconds a step, by the kind of step
        if model.optimizer is not None and not model.optimizer.built:
            # Built in the first trace, a LossScaleOptimizer would freeze its first scale in it.
            model.optimizer.build(model.trainable_variables)
        self._train = self._loop(self._train_step)
        self._test = self._loop(self._test_step)

    # -- the three uses ------------------------------------------------------------------

    def train_epoch(
        self, split: Any, epoch: int, *, first_step: int = 0, on_chunk: OnChunk | None = None
    ) -> dict[str, float]:
        """Train for one epoch (counted from 0); the loss and metrics over the whole of it.

        `first_step` continues an epoch that was left after that many steps; the metrics then
        go on from the state in which the model's metric variables are. `on_chunk(step, steps,
        logs)` is called between chunks; an exception raised there leaves the epoch with the
        model in the state after `step` steps.
        """
        data = self._on_device(split)
        n = _length(split)
        order = permutation(self._seed, epoch, n) if self._shuffle else np.arange(n, dtype=np.int32)
        if first_step == 0:
            self.model.reset_metrics()
        return self._run("train", self._train, data, order, first_step, on_chunk)

    def evaluate(self, split: Any, *, on_chunk: OnChunk | None = None) -> dict[str, float]:
        """The loss and metrics on a split, as `model.evaluate` gives them."""
        data = self._on_device(split)
        order = np.arange(_length(split), dtype=np.int32)
        self.model.reset_metrics()
        return self._run("test", self._test, data, order, 0, on_chunk)

    def predict(self, split: Any, *, on_chunk: OnChunk | None = None) -> Any:
        """The model's outputs for a split, in its order, as `model.predict` gives them."""
        x = self._on_device(split)[0]
        n = _length(split)
        order = tf.range(n, dtype=tf.int32)
        steps = -(-n // self._batch_size)
        outputs = []
        began = time.perf_counter()
        for step in range(steps):
            indices = order[step * self._batch_size : (step + 1) * self._batch_size]
            outputs.append(self._predict_step(x, indices))
            if on_chunk and time.perf_counter() - began > CHUNK_SECONDS and step + 1 < steps:
                on_chunk(step + 1, steps, {})
                began = time.perf_counter()
        if on_chunk:
            on_chunk(steps, steps, {})
        return _map(lambda *parts: np.concatenate(parts), *outputs)

    # -- one step ------------------------------------------------------------------------

    def _batch(self, data: Any, indices: Any) -> tuple[Any, Any, Any]:
        x, y, sample_weight = _map(lambda a: tf.gather(a, indices), data)
        x, y = self._prepare(x, y)
        return x, y, sample_weight

    def _train_step(self, data: Any, indices: Any) -> None:
        x, y, sample_weight = self._batch(data, indices)
        if self._class_weight is not None:
            weight = _weight_of_class(y, self._class_weight)
            sample_weight = weight if sample_weight is None else sample_weight * weight
        self.model.train_step((x, y, sample_weight))

    def _test_step(self, data: Any, indices: Any) -> None:
        self.model.test_step(self._batch(data, indices))

    def _predict_step(self, x: Any, indices: Any) -> Any:
        if not hasattr(self, "_predict_function"):

            def predict(x: Any, indices: Any) -> Any:
                x = _map(lambda a: tf.gather(a, indices), x)
                return self.model.predict_step(self._prepare(x, None)[0])

            self._predict_function = self._compiled(predict)
        return _map(np.asarray, self._predict_function(x, indices))

    # -- many steps ----------------------------------------------------------------------

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if self.execution.mode == "eager":
            return function
        return tf.function(function, autograph=False, jit_compile=self.execution.mode == "xla")

    def _loop(self, step: Callable[[Any, Any], None]) -> tuple[Callable[..., Any], ...]:
        """`(full, last)`: run full batches `start` to `stop`, and one batch of any size."""
        size = self._batch_size

        def full(data: Any, order: Any, start: Any, stop: Any) -> None:
            def body(i: Any) -> tuple[Any]:
                indices = tf.slice(order, [i * size], [size])
                step(data, tf.ensure_shape(indices, [size]))
                return (i + 1,)

            tf.while_loop(lambda i: i < stop, body, (start,), parallel_iterations=1)

        return self._compiled(full), self._compiled(step)

    def _run(
        self,
        kind: str,
        loop: tuple[Callable[..., Any], ...],
        data: Any,
        order: np.ndarray,
        first_step: int,
        on_chunk: OnChunk | None,
    ) -> dict[str, float]:
        full, last = loop
        size = self._batch_size
        whole, rest = divmod(len(order), size)
        steps = whole + bool(rest)
        order_on_device = tf.constant(order)
        for start, stop in self._chunks(kind, first_step, whole):
            full(data, order_on_device, tf.constant(start), tf.constant(stop))
            logs = self._logs()  # waits for the device
            if on_chunk:
                on_chunk(stop, steps, logs)
        if rest and first_step <= whole:
            last(data, order_on_device[whole * size :])
            if on_chunk:
                on_chunk(steps, steps, self._logs())
        return self._logs()

    def _chunks(self, kind: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut the steps from `start` to `end` so that each piece takes about half a second."""
        while start < end:
            pace = self._pace.get(kind)
            # The first step compiles and says nothing of the pace; then grow by powers of 8.
            length = 1 if pace is None else max(1, int(CHUNK_SECONDS / max(pace, 1e-9)))
            stop = min(end, start + length)
            began = time.perf_counter()
            yield start, stop
            seconds = (time.perf_counter() - began) / (stop - start)
            # A measurement of few steps is mostly overhead: let it lengthen the next only so far.
            self._pace[kind] = CHUNK_SECONDS / 16 if pace is None else max(seconds, pace / 8)
            start = stop

    def _logs(self) -> dict[str, float]:
        return {
            name: float(np.asarray(value))
            for name, value in self.model.get_metrics_result().items()
        }

    def _on_device(self, split: Any) -> Any:
        """The split's arrays as tensors, made once: `(x, y, sample_weight or None)`."""
        key = id(split)
        if key not in self._resident:
            arrays = (split.x, split.y, getattr(split, "sample_weight", None))
            tensors = _map(tf.constant, arrays)
            self._resident[key] = (split, tensors)  # the split too, so that its id stays its own
        return self._resident[key][1]


def choose(model: keras.Model, wanted: str) -> Execution:
    """The mode for a model on the devices that are there, by the rules below."""
    if wanted in MODES:
        return Execution(wanted, "as the config asks")
    if not model_supports_xla(model):
        return Execution("graph", "a layer of the model has no XLA form")
    if tf.config.list_logical_devices("GPU"):
        return Execution("xla", "XLA fuses the small kernels of a step on a GPU")
    if any(_is_convolution(layer) for layer in _layers(model)):
        return Execution("graph", "XLA is slow at convolutions on a CPU")
    return Execution("xla", "no convolutions, so XLA's fused loop is fastest on a CPU")


def model_supports_xla(model: keras.Model) -> bool:
    """Whether every layer says that it can be compiled by XLA."""
    return all(getattr(layer, "supports_jit", True) for layer in _layers(model))


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _is_convolution(layer: keras.Layer) -> bool:
    return "Conv" in type(layer).__name__


def _class_weight_table(class_weight: Mapping[int, float] | None) -> np.ndarray | None:
    if class_weight is None:
        return None
    table = np.ones(max(class_weight) + 1, dtype="float32")
    for index, weight in class_weight.items():
        table[index] = weight
    return table


def _weight_of_class(y: Any, table: np.ndarray) -> Any:
    """The weight of each example (float32) by its class; 1 for a class that is not named."""
    if y.shape.rank > 1:
        y = tf.squeeze(y, -1) if y.shape[-1] == 1 else tf.argmax(y, -1)
    index = tf.cast(tf.round(y) if y.dtype.is_floating else y, tf.int32)
    known = index < len(table)
    weight = tf.gather(tf.constant(table), tf.where(known, index, 0))
    return tf.where(known, weight, 1.0)


def _length(split: Any) -> int:
    return len(keras.tree.flatten(split.x)[0])


def _map(function: Callable[..., Any], *trees: Any) -> Any:
    """`function` on each array of a structure; an absent one (None) stays absent."""
    return keras.tree.map_structure(function, *trees, none_is_leaf=False)
