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

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.data.files import mapped
from nnpy.engine import batch_parts as parts_of
from nnpy.engine import metric_variables, programs, tracing
from nnpy.engine.augmentation import Augmentation
from nnpy.engine.class_weights import class_weight_table
from nnpy.engine.copies import Copies
from nnpy.engine.course import Course, OnChunk, OnStep, Part, parts_of_epoch
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
from nnpy.engine.graph_rewrites import take_shortcuts
from nnpy.engine.introspection import fixed_batch_size, on_gpu, reset_states
from nnpy.engine.pace import Pace
from nnpy.engine.results import numbers_of
from nnpy.engine.training_step import TrainingStep
from nnpy.engine.xla_random import draw_as_tensorflow
from nnpy.errors import DataError, ModelError

Prepare = Callable[[Any, Any], tuple[Any, Any]]


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
        batch_size: Examples a step; the last step of an epoch takes what is left. A model whose
            inputs have a fixed batch size takes that: what is left is dropped in training,
            refused in `evaluate` and filled up in `predict`.
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
        steps_per_epoch: How many steps an epoch of training has; by default one pass.
        augmentation: What changes the examples of a training step, and of no other.
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
        steps_per_epoch: int | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.model = model
        self.augmentation = augmentation
        self._learn = TrainingStep(model, augmentation, class_weight_table(class_weight))
        self.execution: Execution = choose(model, execution, self._learn.splits)
        self._may_change = execution == "auto"
        self.fixed_batch = fixed_batch_size(model) is not None
        self._batch_size = batch_size = fixed_batch_size(model) or batch_size
        self.parts = parts_of.count(model, batch_size) if parts is None else parts
        self._prepare = prepare
        self._columns = columns or {}
        self._steps_per_epoch = steps_per_epoch
        self._seed = seed
        self._shuffle = shuffle
        self._budget = default_budget() if memory_budget is None else memory_budget
        self._on_device: dict[int, tuple[Any, Any]] = {}
        self._pace = Pace()
        self._functions: dict[str, Callable[..., Any]] = {}
        self._has_metrics = self.execution.mode == "eager"  # which traces nothing
        self.copies = Copies()
        self.distribution: dict[str, Any] = {"strategy": "none", "replicas": 1}
        self.exchange: dict[str, Any] = {}  # what it costs that the devices are several
        if model.optimizer is not None and not model.optimizer.built:
            # Built in the first trace, a LossScaleOptimizer would freeze its first scale in it.
            model.optimizer.build(model.trainable_variables)

    def agree(self, *numbers: float) -> list[float]:
        """The largest of each number over all workers, who must all be at this place."""
        return list(numbers)

    # -- the three uses ------------------------------------------------------------------

    def train_epoch(
        self,
        split: Any,
        epoch: int,
        *,
        first_step: int = 0,
        on_chunk: OnChunk | None = None,
        on_step: OnStep | None = None,
    ) -> dict[str, float]:
        """Train for one epoch (counted from 0); the loss and metrics over the whole of it.

        `first_step` continues an epoch that was left after that many steps: the metrics then
        go on from the state in which the model's metric variables are. Where `on_step` is given,
        the work stops after each step to call it, and ends where it says so.
        """
        n = length(split)
        if first_step == 0:
            self.model.reset_metrics()
        for part in parts_of_epoch(self.steps_in(n), self._steps_per_epoch, epoch):
            if part.first + part.count <= first_step:
                continue
            order = np.arange(n, dtype=np.int32)
            if self._shuffle:
                order = permutation(self._seed, part.number, n)
            skipped = max(0, first_step - part.first)
            course = Course("train", part, skipped, self.epoch_steps(split), on_chunk, on_step)
            if self._run(split, order, course):
                break
        return self.logs()

    def evaluate(
        self,
        split: Any,
        *,
        keep_states: bool = False,
        on_chunk: OnChunk | None = None,
        on_step: OnStep | None = None,
    ) -> dict[str, float]:
        """The loss and metrics on a split, as `model.evaluate` gives them.

        Stateful layers begin anew, or with `keep_states` go on from the states that they have,
        as in the validation of `model.fit`.
        """
        self.model.reset_metrics()
        if not keep_states:
            reset_states(self.model)
        n = length(split)
        if self.fixed_batch and n % self._batch_size:
            raise DataError(
                f"{n} examples cannot be divided into batches of {self._batch_size}, which is the "
                "fixed batch size of the model"
            )
        steps = self.steps_in(n)
        course = Course("test", Part(0, 0, 0, steps), 0, steps, on_chunk, on_step)
        self._run(split, np.arange(n, dtype=np.int32), course)
        return self.logs()

    def epoch_steps(self, split: Any) -> int:
        """Steps of an epoch of training on a split."""
        return self._steps_per_epoch or self.steps_in(length(split))

    def steps_in(self, n: int) -> int:
        """Steps of a pass over `n` examples; a model of a fixed batch takes full ones only."""
        return n // self._batch_size if self.fixed_batch else -(-n // self._batch_size)

    def predict(self, split: Any, *, on_chunk: OnChunk | None = None) -> Any:
        """The model's outputs for a split, in its order, as `model.predict` gives them."""
        n, size = length(split), self._batch_size
        steps = -(-n // size)
        order = np.arange(n, dtype=np.int32)
        if self.fixed_batch:  # what fills up the last batch is cut off again
            order = np.resize(order, steps * size)
        reset_states(self.model)
        outputs = []
        for window in self._windows(split, order, 0, steps):
            step, end = window.first, window.end + bool(window.rest)
            while step < end:
                began = time.perf_counter()
                stop = min(window.end, step + self._chunk_length("predict"))
                if stop - step > 1 and self._mode("predict") == "graph":
                    outputs.append(self._predict_many(window, step, stop))
                else:
                    stop = step + 1
                    batch = self._function("predict")(window.data, window.rows(step, size))
                    outputs.append(map_arrays(np.asarray, batch))
                self._learn_pace("predict", time.perf_counter() - began, stop - step)
                step = stop
                if on_chunk:
                    on_chunk(step, steps, {})
        return map_arrays(lambda *parts: np.concatenate(parts)[:n], *outputs)

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
        self._learn(*self._batch(data, rows))

    def _test_step(self, data: Any, rows: Any) -> None:
        self.model.test_step(self._batch(data, rows))

    def _predict_step(self, data: Any, rows: Any) -> Any:
        return self.model.predict_step((self._batch(data, rows)[0],))

    def _make_metrics(self, window: Window) -> None:
        """The variables of the metrics, for which each program would be traced twice."""
        metric_variables.make(self.model, *self._batch(window.data, window.order[:1]))

    # -- many steps ----------------------------------------------------------------------

    def _run(self, split: Any, order: np.ndarray, course: Course) -> bool:
        """Take the steps of a part of an epoch; whether the epoch is to end here."""
        kind, part = course.kind, course.part
        first, end = part.begin + course.skipped, part.begin + part.count
        for window in self._course_windows(split, order, first, end):
            if not self._has_metrics:
                self._make_metrics(window)
                self._has_metrics = True
            step = window.first
            while step < window.end:
                stop = min(window.end, step + self._chunk_length(kind))
                began = time.perf_counter()
                stopped_at, ends = self._chunk(course, window, step, stop)
                self._learn_pace(kind, time.perf_counter() - began, stopped_at - step)
                step = stopped_at
                self._tell(course, step)
                if ends:
                    return True
            if window.rest:
                course.begin(step)
                self._call_rest(kind, window)
                ends = course.end(step, self.logs)
                self._tell(course, step + 1)
                if ends:
                    return True
        return False

    def _chunk(self, course: Course, window: Window, step: int, stop: int) -> tuple[int, bool]:
        """Full batches from `step` on: the step reached, and whether the epoch ends there."""
        if course.on_step is None:
            self._call_loop(course.kind, window, step, stop)
            self.logs()  # waits for the device
            return stop, False
        ends = False
        while step < stop and not ends:
            course.begin(step)
            self._call_loop(course.kind, window, step, step + 1)
            ends = course.end(step, self.logs)
            step += 1
        return step, ends

    def _tell(self, course: Course, step: int) -> None:
        if course.on_chunk:
            course.on_chunk(course.of_epoch(step), course.steps, self.logs())

    def _call_loop(self, kind: str, window: Window, start: int, stop: int) -> None:
        """Take steps `start` to `stop`, all of full batches that lie in `window`."""
        first, end = (tf.constant(i - window.origin) for i in (start, stop))
        loop, taken = self._function(f"{kind} loop"), (window.data, window.order, first, end)
        try:
            if kind not in self._pace and programs.is_for_xla(loop):
                rest = (window.data, window.rows(window.end, self._batch_size))
                later = {"test loop": taken} | ({kind: rest} if window.rest else {})
                programs.call_and_trace(
                    loop, taken, {self._function(n): its for n, its in later.items()}
                )
            else:
                loop(*taken)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            # XLA refuses a program before any of it runs, so that nothing has changed yet.
            if self._mode(kind) != "xla" or kind in self._pace:
                raise
            reason = f"XLA cannot compile this model: {programs.first_line(error)}"
            if not self._may_change:
                raise ModelError(f"{reason}; use training.execution: graph or auto") from error
            self.execution = Execution("graph", reason)
            self._functions.clear()
            self._call_loop(kind, window, start, stop)

    def _call_rest(self, kind: str, window: Window) -> None:
        """Take the step of the partial batch at the end of `window`."""
        self._function(kind)(window.data, window.rows(window.end, self._batch_size))

    def _step(self, kind: str) -> Callable[..., Any]:
        by_kind = {"train": self._train_step, "test": self._test_step}
        return by_kind.get(kind, self._predict_step)

    def _mode(self, kind: str) -> str:
        # A CPU's forward pass gains less from XLA in a training than its compilation takes.
        if self.execution.mode == "xla" and kind != "train" and not on_gpu():
            return "graph"
        return self.execution.mode

    def _function(self, name: str) -> Callable[..., Any]:
        """One step ("train", "test", "predict") or a loop ("train loop", "test loop")."""
        if name not in self._functions:
            kind, _, loop = name.partition(" ")
            step = self._step(kind)
            mode = self._mode(kind)
            function = step
            if loop:
                many = programs.mapped_loop if kind == "predict" else programs.looped
                function = many(step, self._batch_size)
            if mode == "xla" and not loop and not on_gpu():
                mode = "graph"  # one step an epoch is not worth a compilation
            form = "graph" if mode == "xla" and kind == "train" and self._learn.splits else mode
            self._functions[name] = programs.compiled(self._traced(function, kind, mode), form)
        return self._functions[name]

    def _traced(self, function: Callable[..., Any], kind: str, mode: str) -> Callable[..., Any]:
        def trace(*args: Any) -> Any:
            with tracing.patches() as patches:
                self._learn.trace_for(mode)
                if mode == "xla":
                    draw_as_tensorflow(patches)
                if mode == "graph":
                    parts_of.split_batches(patches, self.model, self._batch_size, self.parts)
                if mode == "graph" and kind == "train":
                    take_shortcuts(patches, self.model)
                return function(*args)

        return trace

    # -- chunks, windows, results ----------------------------------------------------------

    def _chunk_length(self, kind: str) -> int:
        return self._pace.chunk_length(kind)

    def _learn_pace(self, kind: str, seconds: float, steps: int) -> None:
        self._pace.learn(kind, seconds, steps)

    def _windows(self, split: Any, order: np.ndarray, first: int, end: int) -> Iterator[Window]:
        arrays = arrays_of(split)
        size = bytes_of(arrays)
        if size > self._budget:
            self._on_device.clear()
            give_back()
            return streamed(arrays, order, self._batch_size, first, end, self._budget)
        # The split is kept too, so that its id stays its own. The last one used comes last.
        kept = self._on_device.pop(id(split), None)
        if kept is None:
            while self._on_device and size + self._resident_bytes() > self._budget:
                del self._on_device[next(iter(self._on_device))]
            give_back()
            kept = (split, map_arrays(lambda a: tf.constant(mapped.whole(a)), arrays))
        self._on_device[id(split)] = kept
        return resident(kept[1], order, self._batch_size, first, end)

    # Where training and evaluation take their data from; those of several devices do otherwise.
    _course_windows = _windows

    def _resident_bytes(self) -> int:
        return sum(bytes_of(arrays_of(split)) for split, _ in self._on_device.values())

    def logs(self) -> dict[str, float]:
        """The loss and metrics over the steps since they were reset."""
        return numbers_of(self.model.get_metrics_result(), self._columns)
