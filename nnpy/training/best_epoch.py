"""Which epoch of a training is the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnpy.errors import ConfigError, Problem

if TYPE_CHECKING:
    import numpy as np


class Best:
    """The best value of what is monitored so far, and the weights that had it.

    Of epochs with the same value, the one with the least `val_loss` is the best.

    Args:
        monitor: What is compared ("val_accuracy"); None where there is no validation split: then
            the last epoch is the best.
        mode: "min" or "max"; without `monitor` anything.
        breaks_ties: Whether `val_loss` is looked at; in runs of an older nnpy the first one of
            epochs with the same value was the best.
    """

    def __init__(self, monitor: str | None, mode: str, breaks_ties: bool = True) -> None:
        if monitor is not None and mode not in ("min", "max"):
            raise ValueError(f"mode must be min or max, not {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.value: float | None = None
        # The val_loss of that epoch, where ties are broken by it.
        self.loss: float | None = math.inf if breaks_ties else None
        self.weights: Sequence[np.ndarray] | None = None

    def check_measured(self, logs: Mapping[str, float]) -> None:
        """Raises ConfigError where what is monitored is not among the logs of a validated epoch.

        A metric of the user's own may turn out to log under another name.
        """
        if self.monitor is not None and self.monitor not in logs:
            message = f"there is no metric named '{self.monitor}'; known: {', '.join(logs)}"
            raise ConfigError([Problem(message, "training.monitor")])

    def is_beaten(self, logs: Mapping[str, float]) -> bool:
        """Whether this epoch improves on the best so far, which it then is.

        An epoch in which nothing was validated is never the best.
        """
        if self.monitor is None:
            return True
        if self.monitor not in logs:
            return False
        value, loss = logs[self.monitor], logs.get("val_loss", math.inf)
        if self.value is not None and not math.isnan(self.value):
            better = value > self.value if self.mode == "max" else value < self.value
            tie = value == self.value and self.loss is not None and loss < self.loss
            if not better and not tie:
                return False
        self.value = value
        self.loss = None if self.loss is None else loss
        return True
