"""Where the time of a training went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds spent in each phase of a training, those before a resume included."""

    def __init__(self, began: float | None = None) -> None:
        self.began = time.perf_counter() if began is None else began
        self.seconds: dict[str, float] = {}
        self._running: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._running[name] = time.perf_counter()
        try:
            yield
        finally:
            began = self._running.pop(name)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def add(self, earlier: dict[str, float]) -> None:
        """Counts the seconds of the processes before this one too."""
        for name, value in earlier.items():
            if name == "total":
                self.began -= value
            else:
                self.seconds[name] = self.seconds.get(name, 0.0) + value

    def as_dict(self) -> dict[str, float]:
        now = time.perf_counter()
        seconds = self.seconds | {"total": now - self.began}
        for name, began in self._running.items():
            seconds[name] = seconds.get(name, 0.0) + now - began
        return {name: round(value, 3) for name, value in seconds.items()}
