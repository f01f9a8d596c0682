"""Which epoch of a training is the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Best:
    """The best value of what is monitored so far, and the weights that had it.

    Args:
        monitor: What is compared ("val_accuracy"); None where there is no validation split: then
            the last epoch is the best.
        mode: "min", "max" or "auto", which goes by the name.
    """

    def __init__(self, monitor: str | None, mode: str = "auto") -> None:
        self.monitor = monitor
        self.mode = _mode(monitor, mode)
        self.value: float | None = None
        self.weights: Sequence[np.ndarray] | None = None

    def is_beaten(self, logs: Mapping[str, float]) -> bool:
        """Whether an epoch is better than all before it, whose value is kept then."""
        if self.monitor is None:
            return True
        value = logs[self.monitor]
        if self.value is not None and not math.isnan(self.value):
            better = value > self.value if self.mode == "max" else value < self.value
            if not better:
                return False
        self.value = value
        return True


def _mode(monitor: str | None, wanted: str) -> str:
    """ "min" or "max": as asked, else by the name of what is monitored."""
    if wanted != "auto" or monitor is None:
        return wanted
    name = monitor.removeprefix("val_")
    errors = ("loss", "error", "entropy", "divergence", "hinge", "poisson", "perplexity")
    if any(word in name for word in errors) or name in ("mse", "mae", "mape", "msle", "kld"):
        return "min"
    return "max"
