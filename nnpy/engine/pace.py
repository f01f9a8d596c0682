"""How many steps are taken at once, so that a signal is answered and progress is seen."""

from __future__ import annotations

CHUNK_SECONDS = 0.5


class Pace:
    """Seconds a step, by the kind of step ("train", "test", "predict"), as they were seen."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def __contains__(self, kind: str) -> bool:
        return kind in self._seconds

    def chunk_length(self, kind: str) -> int:
        """The steps that take about `CHUNK_SECONDS`, at least one."""
        if kind == "predict" and kind not in self._seconds:
            self._seconds[kind] = self._seconds.get("test", CHUNK_SECONDS / 8)
        seconds = self._seconds.get(kind)
        # The first step compiles and says nothing of the pace: take one, then a few.
        return 1 if seconds is None else max(1, int(CHUNK_SECONDS / seconds))

    def learn(self, kind: str, seconds: float, steps: int) -> None:
        before = self._seconds.get(kind)
        if before is None:
            self._seconds[kind] = CHUNK_SECONDS / 8
        else:
            # What few steps took is mostly overhead; it may lengthen the next chunk 16 times.
            self._seconds[kind] = max(seconds / steps, before / 16)
