"""An epoch as one compiled program.

`model.fit` spends most of a small model's time between the steps: a batch is fetched, a
function called, a callback asked, thousands of times an epoch. Here the data lie on the
device as they are stored, and a compiled loop takes the steps: it gathers a batch, prepares
it and calls the model's own public `train_step`, so that everything Keras does in a step
(clipping, accumulation, loss scaling, EMA, schedules, metrics) is Keras's own doing.

The loop runs in chunks of about half a second of work, so that a progress bar moves and an
interrupt is answered. Where the cuts fall depends on the clock; the numbers do not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.data.files import mapped
from nnpy.engine import batch_parts as parts_of
from nnpy.engine.batch_parts import in_parts
from nnpy.engine.data_windows import (
    Window,
    arrays_of,
    bytes_of,
    default_budget,
    give_back,
    length,
    map_arrays,
    permutation,
    resident,
    streamed,
)
from nnpy.engine.execution import Execution, choose
from nnpy.engine.graph_rewrites import shortcuts
from nnpy.engine.introspection import on_gpu
from nnpy.engine.programs import _compiled, _first_line
from nnpy.engine.xla_random import as_tensorflow_draws
from nnpy.errors import ModelError

CHUNK_SECONDS = 0.5

Prepare = Callable[[Any, Any], tuple[Any, Any]]
OnChunk = Callable[[int, int, dict[str, float]], None]


class Engine:
    """Trains, evaluates and predicts with a compiled, built Keras model.

    A split has `x` and `y`, and may have `sample_weight`: NumPy arrays, or lists or dicts of
    them for several inputs or outputs, as stored. `on_chunk(step, steps, logs)` is called
    between chunks; an exception raised there leaves the work there, with the model in the
    state after `step` steps.

    Args:
        model: A `keras.Model`, built and compiled.
        prepare: `(x, y) -> (x, y)`, a stored batch to what the model takes; traced by
            TensorFlow.
        batch_size: Examples a step; the last step of an epoch takes what is left.
        seed: With the epoch's number, gives the order of the examples.
        execution: "auto" (see `choice`), "xla", "graph" or "eager".
        class_weight: `{class: weight}` of the loss in training, as in `Model.fit`.
        shuffle: Whether the examples are taken in a new order each epoch.
        memory_budget: Bytes of data that may lie on the device, of all splits together; a
            larger split streams through it. By default a share of the free memory.
        parts: In how many parts a batch is worked on in graph mode; by default as many as
            `parts.count` finds good.
        columns: What the numbers of a metric that gives several are called: "f1_score" becomes
            "f1_score_bag" and so on. By default they are counted.
    """

    def __init__(
        self,
        model: keras.Model,
        prepare: Prepare,
        *,
        batch_size: int,
        seed: int,
        execution: str = "auto",
        class_weight: Mapping[int, float] | None = None,
        shuffle: bool = True,
        memory_budget: int | None = None,
        parts: int | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.model = model
        self.execution: Execution = choose(model, execution)
        self._may_change = execution == "auto"
        self.parts = parts_of.count(model, batch_size) if parts is None else parts
        self._prepare = prepare
        self._columns = columns or {}
        self._batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle
        self._class_weight = _class_weight_table(class_weight)
        self._budget = default_budget() if memory_budget is None else memory_budget
        self._on_device: dict[int, tuple[Any, Any]] = {}
        self._pace: dict[str, float] = {}  # seconds a step, by the kind of step
        self._functions: dict[str, Callable[..., Any]] = {}
        if model.optimizer is not None and not model.optimizer.built:
            # Built in the first trace, a LossScaleOptimizer would freeze its first scale in it.
            model.optimizer.build(model.trainable_variables)

    # -- the three uses ------------------------------------------------------------------

    def train_epoch(
        self, split: Any, epoch: int, *, first_step: int = 0, on_chunk: OnChunk | None = None
    ) -> dict[str, float]:
        """Train for one epoch (counted from 0); the loss and metrics over the whole of it.

        `first_step` continues an epoch that was left after that many steps: the metrics then
        go on from the state in which the model's metric variables are.
        """
        n = length(split)
        order = permutation(self._seed, epoch, n) if self._shuffle else np.arange(n, dtype=np.int32)
        if first_step == 0:
            self.model.reset_metrics()
        return self._run("train", split, order, first_step, on_chunk)

    def evaluate(self, split: Any, *, on_chunk: OnChunk | None = None) -> dict[str, float]:
        """The loss and metrics on a split, as `model.evaluate` gives them."""
        self.model.reset_metrics()
        order = np.arange(length(split), dtype=np.int32)
        return self._run("test", split, order, 0, on_chunk)

    def predict(self, split: Any, *, on_chunk: OnChunk | None = None) -> Any:
        """The model's outputs for a split, in its order, as `model.predict` gives them."""
        n, size = length(split), self._batch_size
        steps = -(-n // size)
        outputs = []
        for window in self._windows(split, np.arange(n, dtype=np.int32), 0):
            step, end = window.first, window.end + bool(window.rest)
            while step < end:
                began = time.perf_counter()
                stop = min(window.end, step + self._chunk_length("predict"))
                if stop - step > 1 and self._mode("predict") == "graph":
                    outputs.append(self._predict_many(window, step, stop))
                else:
                    stop = step + 1
                    rows = window.order[(step - window.origin) * size :]
                    rows = rows[: size if step < window.end else window.rest]
                    batch = self._function("predict")(window.data, rows)
                    outputs.append(map_arrays(np.asarray, batch))
                self._learn_pace("predict", time.perf_counter() - began, stop - step)
                step = stop
                if on_chunk:
                    on_chunk(step, steps, {})
        return map_arrays(lambda *parts: np.concatenate(parts), *outputs)

    def _predict_many(self, window: Window, start: int, stop: int) -> Any:
        """The outputs of steps `start` to `stop`, all of full batches that lie in `window`."""
        first, end = (tf.constant(i - window.origin) for i in (start, stop))
        stacked = self._function("predict loop")(window.data, window.order, first, end)
        return map_arrays(lambda a: np.asarray(a).reshape(-1, *a.shape[2:]), stacked)

    def finish(self) -> None:
        """End a training as `model.fit` does: with `use_ema`, the averages become the weights."""
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

    # -- one step ------------------------------------------------------------------------

    def _batch(self, data: Any, rows: Any) -> tuple[Any, Any, Any]:
        x, y, sample_weight = map_arrays(lambda a: tf.gather(a, rows), data)
        x, y = self._prepare(x, y)
        return x, y, sample_weight

    def _train_step(self, data: Any, rows: Any) -> None:
        x, y, sample_weight = self._batch(data, rows)
        if self._class_weight is not None:
            weight = _weight_of_class(y, self._class_weight)
            sample_weight = weight if sample_weight is None else sample_weight * weight
        self.model.train_step((x, y, sample_weight))

    def _test_step(self, data: Any, rows: Any) -> None:
        self.model.test_step(self._batch(data, rows))

    def _predict_step(self, data: Any, rows: Any) -> Any:
        return self.model.predict_step((self._batch(data, rows)[0],))

    # -- many steps ----------------------------------------------------------------------

    def _run(
        self, kind: str, split: Any, order: np.ndarray, first_step: int, on_chunk: OnChunk | None
    ) -> dict[str, float]:
        steps = -(-len(order) // self._batch_size)
        for window in self._windows(split, order, first_step):
            step = window.first
            while step < window.end:
                stop = min(window.end, step + self._chunk_length(kind))
                began = time.perf_counter()
                self._call_loop(kind, window, step, stop)
                logs = self._logs()  # waits for the device
                self._learn_pace(kind, time.perf_counter() - began, stop - step)
                step = stop
                if on_chunk:
                    on_chunk(step, steps, logs)
            if window.rest and first_step < steps:
                rows = window.order[(window.end - window.origin) * self._batch_size :]
                self._function(kind)(window.data, rows[: window.rest])
                if on_chunk:
                    on_chunk(steps, steps, self._logs())
        return self._logs()

    def _call_loop(self, kind: str, window: Window, start: int, stop: int) -> None:
        """Take steps `start` to `stop`, all of full batches that lie in `window`."""
        first, end = (tf.constant(i - window.origin) for i in (start, stop))
        try:
            self._function(f"{kind} loop")(window.data, window.order, first, end)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            # XLA refuses a program before any of it runs, so that nothing has changed yet.
            if self._mode(kind) != "xla" or kind in self._pace:
                raise
            reason = f"XLA cannot compile this model: {_first_line(error)}"
            if not self._may_change:
                raise ModelError(f"{reason}; use training.execution: graph or auto") from error
            self.execution = Execution("graph", reason)
            self._functions.clear()
            self._call_loop(kind, window, start, stop)

    def _mode(self, kind: str) -> str:
        # A CPU's forward pass gains less from XLA in a training than its compilation takes.
        if self.execution.mode == "xla" and kind != "train" and not on_gpu():
            return "graph"
        return self.execution.mode

    def _function(self, name: str) -> Callable[..., Any]:
        """One step ("train", "test", "predict") or a loop ("train loop", "test loop")."""
        if name not in self._functions:
            kind, _, loop = name.partition(" ")
            step = {
                "train": self._train_step,
                "test": self._test_step,
                "predict": self._predict_step,
            }[kind]
            mode = self._mode(kind)
            function = step
            if loop:
                function = self._mapped(step) if kind == "predict" else self._looped(step)
            if mode == "xla" and not loop and not on_gpu():
                mode = "graph"  # one step an epoch is not worth a compilation
            self._functions[name] = _compiled(self._traced(function, kind, mode), mode)
        return self._functions[name]

    def _traced(self, function: Callable[..., Any], kind: str, mode: str) -> Callable[..., Any]:
        def trace(*args: Any) -> Any:
            with contextlib.ExitStack() as stack:
                if mode == "xla":
                    stack.enter_context(as_tensorflow_draws())
                if mode == "graph":
                    stack.enter_context(in_parts(self.model, self._batch_size, self.parts))
                if mode == "graph" and kind == "train":
                    stack.enter_context(shortcuts(self.model))
                return function(*args)

        return trace

    def _looped(self, step: Callable[[Any, Any], Any]) -> Callable[..., None]:
        size = self._batch_size

        def loop(data: Any, order: Any, start: Any, stop: Any) -> None:
            def body(i: Any) -> tuple[Any]:
                step(data, tf.ensure_shape(tf.slice(order, [i * size], [size]), [size]))
                return (i + 1,)

            tf.while_loop(lambda i: i < stop, body, (start,), parallel_iterations=1)

        return loop

    def _mapped(self, step: Callable[[Any, Any], Any]) -> Callable[..., Any]:
        """A loop that keeps what each step gives: outputs of shape (steps, batch, ...)."""
        size = self._batch_size

        def loop(data: Any, order: Any, start: Any, stop: Any) -> Any:
            def one(i: Any) -> Any:
                return step(data, tf.ensure_shape(tf.slice(order, [i * size], [size]), [size]))

            one_step = tf.function(one, autograph=False)
            form = one_step.get_concrete_function(tf.TensorSpec((), tf.int32)).structured_outputs
            return tf.map_fn(
                one_step,
                tf.range(start, stop),
                fn_output_signature=map_arrays(lambda t: tf.TensorSpec(t.shape, t.dtype), form),
                parallel_iterations=1,
            )

        return loop

    # -- chunks, windows, results ----------------------------------------------------------

    def _chunk_length(self, kind: str) -> int:
        if kind == "predict" and kind not in self._pace:
            self._pace[kind] = self._pace.get("test", CHUNK_SECONDS / 8)
        pace = self._pace.get(kind)
        # The first step compiles and says nothing of the pace: take one, then a few.
        return 1 if pace is None else max(1, int(CHUNK_SECONDS / pace))

    def _learn_pace(self, kind: str, seconds: float, steps: int) -> None:
        before = self._pace.get(kind)
        if before is None:
            self._pace[kind] = CHUNK_SECONDS / 8
        else:
            # What few steps took is mostly overhead; it may lengthen the next chunk 16 times.
            self._pace[kind] = max(seconds / steps, before / 16)

    def _windows(self, split: Any, order: np.ndarray, first: int) -> Iterator[Window]:
        arrays = arrays_of(split)
        size = bytes_of(arrays)
        if size > self._budget:
            self._on_device.clear()
            give_back()
            return streamed(arrays, order, self._batch_size, first, self._budget)
        # The split is kept too, so that its id stays its own. The last one used comes last.
        kept = self._on_device.pop(id(split), None)
        if kept is None:
            while self._on_device and size + self._resident_bytes() > self._budget:
                del self._on_device[next(iter(self._on_device))]
            give_back()
            kept = (split, map_arrays(lambda a: tf.constant(mapped.whole(a)), arrays))
        self._on_device[id(split)] = kept
        return resident(kept[1], order, self._batch_size, first)

    def _resident_bytes(self) -> int:
        return sum(bytes_of(arrays_of(split)) for split, _ in self._on_device.values())

    def _logs(self) -> dict[str, float]:
        logs: dict[str, float] = {}
        for name, value in self.model.get_metrics_result().items():
            numbers = np.asarray(value)
            if numbers.ndim == 0:
                logs[name] = float(numbers)
                continue
            # A score for each class, or for each threshold.
            names = self._columns.get(name, ())
            for i, number in enumerate(numbers.ravel()):
                part = names[i] if len(names) == numbers.size else i
                logs[f"{name}_{part}"] = float(number)
        return logs


def _class_weight_table(class_weight: Mapping[int, float] | None) -> np.ndarray | None:
    if not class_weight:
        return None
    table = np.ones(max(class_weight) + 1, dtype="float32")
    for index, weight in class_weight.items():
        table[index] = weight
    return table


def _weight_of_class(y: Any, table: np.ndarray) -> Any:
    """The weight of each example (float32) by its class; 1 for a class that is not named."""
    y = keras.tree.flatten(y)[0]  # several outputs share their labels
    if y.shape.rank > 1:
        y = tf.squeeze(y, -1) if y.shape[-1] == 1 else tf.argmax(y, -1)
    index = tf.cast(tf.round(y) if y.dtype.is_floating else y, tf.int32)
    known = index < len(table)
    return tf.where(known, tf.gather(tf.constant(table), tf.where(known, index, 0)), 1.0)
