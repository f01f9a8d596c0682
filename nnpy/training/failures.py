"""What can go wrong in the middle of a training, said so that people know what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nnpy.errors import DeviceError, NnpyError, RunError


class NotFinite(RunError):
    """The loss or a metric has become NaN or infinite; `event` says which, where."""

    def __init__(self, event: str, advice: str) -> None:
        super().__init__(f"{event}. {advice}")
        self.event = event


def check_finite(logs: Mapping[str, float], epoch: int, first: int, last: int) -> None:
    """Raise `NotFinite` if a number in `logs` is none; `epoch` counts from 0.

    The running mean over an epoch stays NaN once a batch has made it so: with a look after each
    chunk, it happened between the steps `first` and `last` (counted from 1, both included).
    """
    wrong = [name for name, value in logs.items() if not math.isfinite(value)]
    if not wrong:
        return
    name = "loss" if "loss" in wrong else wrong[0]
    steps = f"step {last}" if first == last else f"steps {first} to {last}"
    raise NotFinite(
        f"the {name} became {logs[name]} in epoch {epoch + 1}, {steps}",
        "Usually the learning rate is too high (try a tenth: "
        "--set training.optimizer.….learning_rate=…); clipnorm=1 on the optimizer, a scaled "
        "input, or float32 instead of float16 may also help. training.on_nan: restore goes back "
        "to the best state with half the rate",
    )


def translate_error(error: BaseException, batch_size: int) -> NnpyError | None:
    """An error of TensorFlow in words for people, or None if it is not one of those known here."""
    text = str(error)
    kind = type(error).__name__
    memory = (
        isinstance(error, MemoryError)
        or kind == "ResourceExhaustedError"
        or "RESOURCE_EXHAUSTED" in text
        or "out of memory" in text.lower()
    )
    if not memory:
        return None
    smaller = max(1, batch_size // 2)
    advice = (
        f"try --set training.batch_size={smaller}"
        if smaller < batch_size
        else "a batch is already a single example: use a smaller model"
    )
    return DeviceError(f"out of memory with batch size {batch_size}; {advice}")
