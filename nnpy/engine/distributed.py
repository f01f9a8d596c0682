"""The engine on several devices, of one machine or of many: the same batches, divided.

The loop over a chunk's steps is around `strategy.run`, and both are in one compiled program: a
replica's function may not hold the loop itself, since what sums the gradients must stand in the
graph of the program. XLA cannot compile a sum over devices on a CPU, so the mode is graph.
Importing this imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnpy.data.files import mapped
from nnpy.devices.strategy import scope
from nnpy.engine import replicas, tracing
from nnpy.engine.copies import ReplicaCopies
from nnpy.engine.data_windows import (
    Window,
    arrays_of,
    bytes_of,
    give_back,
    map_arrays,
    one_ahead,
    steps_of_windows,
)
from nnpy.engine.engine import Engine, Prepare
from nnpy.engine.exchange import Exchange
from nnpy.engine.execution import Execution
from nnpy.engine.graph_rewrites import take_shortcuts
from nnpy.engine.introspection import fixed_batch_size
from nnpy.engine.shares import Share, order_of, share
from nnpy.errors import ModelError, UsageError


class DistributedEngine(Engine):
    """An `Engine` whose steps are shared by the replicas of a `tf.distribute.Strategy`.

    `batch_size` is that of all replicas together. The model, its optimizer and its metrics must
    have been made within `nnpy.devices.strategy.scope(strategy)`. `predict` works on the first
    device of this process alone, without the others. BatchNormalization takes its statistics
    from the rows of all replicas, but for the layers in `alone`.

    Raises ModelError for a model with a fixed batch size, UsageError for a batch that has fewer
    examples than there are replicas, or a mode that no strategy has.
    """

    def __init__(
        self,
        model: keras.Model,
        prepare: Prepare,
        *,
        strategy: Any,
        batch_size: int,
        alone: Sequence[Any] = (),
        execution: str = "auto",
        **settings: Any,
    ) -> None:
        self.strategy = strategy
        self.replicas: int = strategy.num_replicas_in_sync
        if fixed_batch_size(model) is not None:
            raise ModelError(
                "a model with a fixed batch size cannot share its batches between devices; "
                "leave out the input's batch_size"
            )
        if batch_size < self.replicas:
            raise UsageError(
                f"a batch of {batch_size} cannot be shared by {self.replicas} devices; "
                f"use --set training.batch_size={self.replicas} or more"
            )
        if execution not in ("auto", "graph"):
            raise UsageError(
                f"training.execution: {execution} is for one device; several need graph or auto"
            )
        self._alone = tuple(alone)
        with scope(strategy):  # where the optimizer makes its variables
            super().__init__(
                model, prepare, batch_size=batch_size, execution="graph", parts=1, **settings
            )
        self.execution = Execution("graph", f"shared by {self.replicas} devices")
        self._ids = self._local_ids()
        self._several_workers = len(self._ids) < self.replicas
        self._budget = -int(self.agree(-self._budget)[0])
        gather = self._gather if self._several_workers else None
        self.copies = ReplicaCopies(strategy, self.replicas, self._ids, gather)
        self.distribution = {"strategy": "mirrored", "replicas": self.replicas}
        if self._several_workers:
            workers = self.replicas // len(self._ids)
            self.distribution = {**self.distribution, "strategy": "workers", "workers": workers}
        self._shared: dict[int, tuple[Any, Any]] = {}
        self._exchange = Exchange()
        self._trained = (0.0, 0)  # seconds and steps, without the first, which compiles

    # -- what the replicas know of each other ------------------------------------------------

    def agree(self, *numbers: float) -> list[float]:
        """The largest of each number over all workers, who must all be at this place."""
        if not self._several_workers:
            return list(numbers)
        told = self._per_replica(lambda _: tf.constant([numbers], tf.float64))
        return [float(n) for n in np.max(self.strategy.gather(told, axis=0), axis=0)]

    def _gather(self, mine: list[bytes]) -> list[bytes]:
        """What each replica of this process gives, from all workers, who must all be here."""
        size = len(mine[0])
        whole = [np.frombuffer(each + bytes(-size % 4), np.int32) for each in mine]
        rows = zip(self._ids, whole, strict=True)
        given = {number: tf.constant(each[None]) for number, each in rows}
        told = np.asarray(self.strategy.gather(self._on_each(given.__getitem__), axis=0))
        return [row.tobytes()[:size] for row in told]

    def _learn_pace(self, kind: str, seconds: float, steps: int) -> None:
        if kind == "train" and kind in self._pace:
            self._trained = (self._trained[0] + seconds, self._trained[1] + steps)
        # Chunks must be of one length for all: the workers wait for each other in each step.
        super()._learn_pace(kind, self.agree(seconds)[0] if kind != "predict" else seconds, steps)

    def finish(self) -> None:
        """The end of a training; what it cost that its devices are several is measured."""
        super().finish()
        seconds, steps = self._trained
        if not int(self.agree(-steps)[0]):
            return  # nowhere, or at one of the workers, nothing was trained
        exchange, step = self._exchange.measured(self.strategy, self.agree), seconds / steps
        self.exchange = {
            "bytes_per_step": self._exchange.bytes,
            "seconds_per_step": exchange,
            "computing_seconds_per_step": max(0.0, step - exchange),
            "share": min(1.0, exchange / step),
        }

    def _local_ids(self) -> list[int]:
        """The numbers of this process's replicas among all."""
        ids: list[int] = []

        def take(context: Any) -> Any:
            ids.append(int(context.replica_id_in_sync_group))
            return tf.constant(0)

        self._per_replica(take)
        return ids

    def _per_replica(self, make: Callable[[Any], Any]) -> Any:
        return self.strategy.experimental_distribute_values_from_function(make)

    # -- programs ----------------------------------------------------------------------------

    def _call_loop(self, kind: str, window: Window, start: int, stop: int) -> None:
        first, end = (tf.constant(i - window.origin) for i in (start, stop))
        self._function(f"{kind} loop")(window.data, window.order, first, end)

    def _call_rest(self, kind: str, window: Window) -> None:
        self._function(f"{kind} {window.rest}")(
            window.data, window.order, tf.constant(window.end - window.origin)
        )

    def _function(self, name: str) -> Callable[..., Any]:
        """A loop ("train loop"), or the step of a partial batch of so many rows ("test 7")."""
        kind, _, form = name.partition(" ")
        if kind == "predict":
            return super()._function(name)
        if name not in self._functions:
            run = self._loop(kind) if form == "loop" else self._once(kind, int(form))
            noted = name == "train loop"
            traced = self._traced(run, kind, "graph, noted" if noted else "graph")
            self._functions[name] = tf.function(traced, autograph=False)
        return self._functions[name]

    def _traced(self, function: Callable[..., Any], kind: str, mode: str) -> Callable[..., Any]:
        if kind == "predict":
            return super()._traced(function, kind, mode)

        def trace(*args: Any) -> Any:
            with tracing.patches() as patches:
                replicas.work_alone(patches, self.model, self._alone)
                if mode == "graph, noted":
                    self._exchange.note(patches, self._ids[0])
                if kind == "train":
                    take_shortcuts(patches, self.model)
                return function(*args)

        return trace

    def _loop(self, kind: str) -> Callable[..., None]:
        def loop(data: Any, order: Any, start: Any, stop: Any) -> None:
            def body(i: Any) -> tuple[Any]:
                self.strategy.run(self._replica_step, (kind, self._batch_size, data, order, i))
                return (i + 1,)

            tf.while_loop(lambda i: i < stop, body, (start,), parallel_iterations=1)

        return loop

    def _once(self, kind: str, rows: int) -> Callable[..., None]:
        def once(data: Any, order: Any, step: Any) -> None:
            self.strategy.run(self._replica_step, (kind, rows, data, order, step))

        return once

    def _replica_step(self, kind: str, rows: int, data: Any, order: Any, step: Any) -> None:
        """One replica's share of a batch of `rows`, whose number in the window is `step`."""
        number = replicas.id_here()
        full, mine = self._share(self._batch_size, number), self._share(rows, number)
        count = mine.end - mine.begin
        begin = step * (full.end - full.begin)
        taken = tf.ensure_shape(tf.slice(order, [begin], [count]), [count])
        with replicas.taking(mine), replicas.metrics_kept(self.model, mine.counts):
            self._step(kind)(data, taken)
        if kind == "train":
            replicas.average(replicas.own_states(self.model, self._alone))

    def _share(self, rows: int, replica: int) -> Share:
        return share(rows, replica, self.replicas)

    def _make_metrics(self, window: Window) -> None:
        """The metrics' and the loss's variables, which no program may make when it is traced."""

        def once(data: Any, order: Any) -> None:
            self.strategy.run(lambda d, o: self._test_step(d, o[:1]), (data, order))

        with scope(self.strategy):
            tf.function(once, autograph=False)(window.data, window.order)
        self.model.reset_metrics()

    # -- data --------------------------------------------------------------------------------

    def _course_windows(
        self, split: Any, order: np.ndarray, first: int, end: int
    ) -> Iterator[Window]:
        orders = {i: order_of(order, self._batch_size, i, self.replicas) for i in self._ids}
        whole, rest = divmod(len(order), self._batch_size)
        end, rest = (whole, rest) if end > whole else (end, 0)
        arrays = arrays_of(split)
        if bytes_of(arrays) * len(self._ids) > self._budget:
            self._shared.clear()
            give_back()
            return self._streamed(arrays, orders, first, end, rest)
        return iter([self._resident(split, orders, first, end, rest)])

    def _resident(
        self, split: Any, orders: dict[int, np.ndarray], first: int, end: int, rest: int
    ) -> Window:
        """The whole split on each device."""
        kept = self._shared.pop(id(split), None)
        if kept is None:
            arrays = arrays_of(split)
            free = self._budget - len(self._ids) * bytes_of(arrays)
            while self._shared and len(self._ids) * self._shared_bytes() > free:
                del self._shared[next(iter(self._shared))]
            give_back()
            host = map_arrays(mapped.whole, arrays)
            kept = (split, self._on_each(lambda _: map_arrays(tf.constant, host)))
        self._shared[id(split)] = kept
        return Window(kept[1], self._on_each(lambda i: tf.constant(orders[i])), 0, first, end, rest)

    def _shared_bytes(self) -> int:
        return sum(bytes_of(arrays_of(split)) for split, _ in self._shared.values())

    def _streamed(
        self, arrays: Any, orders: dict[int, np.ndarray], first: int, end: int, rest: int
    ) -> Iterator[Window]:
        """Windows that hold, on each device, no more than the rows that its replica takes."""
        sizes = {i: _count(self._share(self._batch_size, i)) for i in orders}
        largest = _count(self._share(self._batch_size, 0))
        steps = steps_of_windows(arrays, max(1, end) * largest, largest, self._budget // len(sizes))
        # A partial batch of fewer rows than replicas is taken whole by each.
        rows = {i: steps * size + self.replicas for i, size in sizes.items()}
        own_orders = self._on_each(lambda i: tf.range(rows[i], dtype=tf.int32))
        gathered = {
            i: map_arrays(lambda a, n=n: np.empty((n, *a.shape[1:]), a.dtype), arrays)
            for i, n in rows.items()
        }

        def load(start: int) -> dict[int, Any]:
            loaded = {}
            for i, size in sizes.items():
                wanted = np.resize(orders[i][start * size :][: rows[i]], rows[i])
                loaded[i] = map_arrays(
                    lambda a, out, w=wanted: mapped.rows(a, w, out).copy(), arrays, gathered[i]
                )
            return loaded

        starts = range(first, end + bool(rest), steps)
        for start, loaded, is_last in one_ahead(load, starts):
            data = self._on_each(partial(_constants, loaded))
            yield Window(data, own_orders, start, start, min(start + steps, end), rest * is_last)
            del data, loaded

    def _on_each(self, make: Callable[[int], Any]) -> Any:
        """What `make` gives for each replica of this process, on its device."""
        return self._per_replica(lambda context: make(int(context.replica_id_in_sync_group)))


def _constants(arrays: dict[int, Any], replica: int) -> Any:
    return map_arrays(tf.constant, arrays[replica])


def _count(share: Share) -> int:
    return share.end - share.begin
