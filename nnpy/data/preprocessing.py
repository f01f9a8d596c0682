"""How a stored batch becomes what the model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preprocessing:
    """Turns a stored batch into what a model takes; traceable in a tf.function and by XLA.

    `x` (batch, *shape) of any number type becomes float32 `x * scale`, with a trailing axis of 1
    when `channel_axis` is set. `y` (batch,) of any integer type becomes int32, or a float32
    (batch, one_hot) when `one_hot` gives the number of classes. With `outputs` each output of
    the model has the same labels: a dict by their names, or a list of so many.
    """

    scale: float = 1.0
    channel_axis: bool = False
    one_hot: int | None = None
    outputs: tuple[str, ...] | int | None = None

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        x = self.inputs(x)
        y = tf.cast(y, tf.int32)
        if self.one_hot is not None:
            y = tf.one_hot(y, self.one_hot, dtype=tf.float32)
        if isinstance(self.outputs, int):
            return x, [y] * self.outputs
        return x, (y if self.outputs is None else dict.fromkeys(self.outputs, y))

    def inputs(self, x: Any) -> Any:
        """The model's input alone: of examples whose answers nobody knows."""
        import tensorflow as tf

        x = tf.cast(x, tf.float32)
        if self.scale != 1.0:
            x = x * tf.constant(self.scale, tf.float32)
        return x[..., tf.newaxis] if self.channel_axis else x
