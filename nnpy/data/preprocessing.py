"""How a stored batch becomes what the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnpy.data.targets import Task


@dataclass(frozen=True)
class Answer:
    """What one output of a model is compared with.

    `source` is the name of the stored target, "" where there is only one. Classes become int32
    numbers, or one-hot rows with `one_hot`; labels float32; numbers float32, less `center` and
    divided by `spread`; a reconstruction the model's own input. `shape` (without the batch axis)
    is that of the output, which numbers and reconstructions are brought to.
    """

    task: Task = Task.CLASSES
    source: str = ""
    one_hot: int | None = None
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    shape: tuple[int, ...] | None = None

    def __call__(self, x: Any, y: Any) -> Any:
        import tensorflow as tf

        if self.task is Task.RECONSTRUCTION:
            while isinstance(x, list | tuple):
                x = x[0]
            return self._shaped(x)
        if isinstance(y, dict):
            y = y[self.source]
        if self.task in (Task.CLASSES, Task.UNKNOWN):
            y = tf.cast(y, tf.int32)
            return y if self.one_hot is None else tf.one_hot(y, self.one_hot, dtype=tf.float32)
        if self.task is Task.LABELS:
            return tf.cast(y, tf.float32)
        if self.center:  # in the precision in which they are stored
            y = y if y.dtype.is_floating else tf.cast(y, tf.float64)
            center, spread = (tf.constant(each, y.dtype) for each in (self.center, self.spread))
            flat = (tf.reshape(y, [-1, len(self.center)]) - center) / spread
            y = tf.reshape(flat, tf.shape(y))
        return self._shaped(tf.cast(y, tf.float32))

    def _shaped(self, y: Any) -> Any:
        import tensorflow as tf

        if self.shape is None or tuple(y.shape[1:]) == self.shape:
            return y
        return tf.reshape(y, [-1, *self.shape])

    def in_units(self, values: Any) -> Any:
        """Numbers of the model, or of what it is compared with, in the user's units."""
        if not self.center:
            return values
        import tensorflow as tf

        center, spread = (tf.constant(each, tf.float32) for each in (self.center, self.spread))
        flat = tf.cast(tf.reshape(values, [-1, len(self.center)]), tf.float32) * spread + center
        return tf.reshape(flat, tf.shape(values))


@dataclass(frozen=True)
class Preprocessing:
    """Turns a stored batch into what a model takes; traceable in a tf.function and by XLA.

    `x` (batch, *shape) of any number type becomes float32 `x * scale`, with a trailing axis of 1
    when `channel_axis` is set. Of several inputs by name it becomes a list in the order of
    `inputs_of`: the name, the scale and whether an axis is added, of each. `answers` say what
    each output is compared with; without any, `y` (batch,) of any integer type becomes int32, or
    a float32 (batch, one_hot) when `one_hot` gives the number of classes. With `outputs` there
    are several: a dict by their names, or a list of so many; `y` is the same for each, unless
    `answers` tell them apart.
    """

    scale: float = 1.0
    channel_axis: bool = False
    one_hot: int | None = None
    outputs: tuple[str, ...] | int | None = None
    inputs_of: tuple[tuple[str, float, bool], ...] = ()
    answers: tuple[Answer, ...] = ()

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        x = self.inputs(x)
        answers: Sequence[Answer] = self.answers or (Answer(one_hot=self.one_hot),)
        if self.outputs is None:
            return x, answers[0](x, _tensors(y))
        count = self.outputs if isinstance(self.outputs, int) else len(self.outputs)
        if len(answers) == 1:
            ready = [answers[0](x, _tensors(y))] * count
        else:
            ready = [each(x, _tensors(y)) for each in answers]
        if isinstance(self.outputs, int):
            return x, ready
        return x, dict(zip(self.outputs, ready, strict=True))

    def inputs(self, x: Any) -> Any:
        """The model's input alone: of examples whose answers nobody knows."""
        if not self.inputs_of:
            if isinstance(x, dict) and len(x) == 1:
                x = next(iter(x.values()))
            return _input(x, self.scale, self.channel_axis)
        found = [_input(x[name], scale, axis) for name, scale, axis in self.inputs_of]
        return found if len(found) > 1 else found[0]


def _tensors(y: Any) -> Any:
    import tensorflow as tf

    if isinstance(y, dict):
        return {name: tf.convert_to_tensor(each) for name, each in y.items()}
    return tf.convert_to_tensor(y)


def _input(x: Any, scale: float, channel_axis: bool) -> Any:
    import tensorflow as tf

    x = tf.cast(x, tf.float32)
    if scale != 1.0:
        x = x * tf.constant(scale, tf.float32)
    return x[..., tf.newaxis] if channel_axis else x
