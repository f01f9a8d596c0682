"""What summary.json says of the exchange between devices, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def exchange_words(summary: Mapping[str, Any]) -> str:
    """How a step's time was split between computing and exchanging; "" where nothing was."""
    told = summary.get("exchange") or {}
    names = ("bytes_per_step", "seconds_per_step", "computing_seconds_per_step", "share")
    if not all(isinstance(told.get(name), int | float) for name in names):
        return ""
    size, seconds, computing, share = (told[name] for name in names)
    step = 1000 * (seconds + computing)
    return (
        f"{1000 * seconds:.2f} of a step's {step:.2f} ms ({share:.0%}), "
        f"{size / 1e6:.2f} MB from each device"
    )
