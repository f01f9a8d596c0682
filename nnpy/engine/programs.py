"""Functions → compiled programs. Importing this module imports TensorFlow."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from nnpy.engine.data_windows import map_arrays


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    """The function as a program of an execution mode: "xla", "graph" or "eager"."""
    if mode == "eager":
        return function
    program = tf.function(function, autograph=False, jit_compile=mode == "xla")
    return program if mode == "xla" else _OfAnyLength(program)


class _OfAnyLength:
    """A `tf.function` of data that is traced once for splits of every number of examples.

    Validation and test set share their graph. XLA wants to know each length, and gets it.
    """

    def __init__(self, function: Any) -> None:
        self._function = function

    def trace(self, data: Any, order: Any, *steps: Any) -> Any:
        """The program of such arguments, traced where it is not yet."""
        # The rows of one step keep their number, by which a batch is cut; a whole order does not.
        order_spec = _longer(order) if steps else tf.TensorSpec(order.shape, order.dtype)
        specs = [tf.TensorSpec(step.shape, step.dtype) for step in steps]
        return self._function.get_concrete_function(map_arrays(_longer, data), order_spec, *specs)

    def __call__(self, data: Any, order: Any, *steps: Any) -> Any:
        return self.trace(data, order, *steps)(data, order, *steps)


def _longer(tensor: Any) -> tf.TensorSpec:
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)


def is_for_xla(program: Any) -> bool:
    """Whether XLA compiles the whole of a program that `compiled` gave."""
    return isinstance(program, tf.types.experimental.PolymorphicFunction)


def call_and_trace(program: Any, arguments: Sequence[Any], later: Mapping[Any, Any]) -> None:
    """The first call of a program that XLA compiles, for which it needs no Python.

    Meanwhile a thread traces the programs that come next, given with their arguments: those for
    any length, since XLA's own are for one. What cannot be traced complains when it is called.
    """
    program.get_concrete_function(*arguments)

    def trace() -> None:
        for each, its in later.items():
            if isinstance(each, _OfAnyLength):
                with contextlib.suppress(Exception):
                    each.trace(*its)

    thread = threading.Thread(target=trace)
    thread.start()
    try:
        program(*arguments)
    finally:
        thread.join()


def first_line(error: Exception) -> str:
    """What an error of TensorFlow says, without its traceback."""
    return str(getattr(error, "message", error)).strip().splitlines()[0]


def looped(step: Callable[[Any, Any], Any], size: int) -> Callable[..., None]:
    """A loop of steps over full batches of `size`: `loop(data, order, start, stop)`."""

    def loop(data: Any, order: Any, start: Any, stop: Any) -> None:
        def body(i: Any) -> tuple[Any]:
            step(data, tf.ensure_shape(tf.slice(order, [i * size], [size]), [size]))
            return (i + 1,)

        tf.while_loop(lambda i: i < stop, body, (start,), parallel_iterations=1)

    return loop


def mapped_loop(step: Callable[[Any, Any], Any], size: int) -> Callable[..., Any]:
    """A loop that keeps what each step gives: outputs of shape (steps, batch, ...)."""

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
