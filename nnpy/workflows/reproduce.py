"""Two runs of one config, number by number. No NumPy, no TensorFlow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nnpy.runs.folder import Run


@dataclass(frozen=True)
class Number:
    """A number that both runs should have."""

    name: str  # "epoch 3 val_loss", "test accuracy"
    before: float | None
    now: float | None

    @property
    def equal(self) -> bool:
        both_nan = self.before != self.before and self.now != self.now
        return self.before is not None and (self.before == self.now or both_nan)


@dataclass(frozen=True)
class Reproduction:
    """What a second training from a run folder alone gave."""

    run: str
    again: str
    numbers: tuple[Number, ...]
    surroundings: tuple[tuple[str, Any, Any], ...]  # what of versions, devices, data differs

    @property
    def equal(self) -> bool:
        return bool(self.numbers) and all(number.equal for number in self.numbers)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for `--json`."""
        return {
            "run": self.run,
            "again": self.again,
            "equal": self.equal,
            "numbers": [asdict(number) | {"equal": number.equal} for number in self.numbers],
            "differs": [
                {"what": what, "before": before, "now": now}
                for what, before, now in self.surroundings
            ],
        }


def compare_runs(run: Run, again: Run) -> Reproduction:
    """Compares all that a training measures, and what it was made with."""
    numbers = []
    first, second = run.metrics(), again.metrics()
    for i in range(max(len(first), len(second))):
        then = first[i] if i < len(first) else {}
        now = second[i] if i < len(second) else {}
        numbers += [
            Number(f"epoch {i + 1} {name}", then.get(name), now.get(name))
            for name in dict.fromkeys([*then, *now])
            if name not in ("epoch", "seconds")
        ]
    before, after = run.summary(), again.summary()
    for part in ("validation", "test"):
        then, now = before.get(part) or {}, after.get(part) or {}
        numbers += [
            Number(f"{part} {name}", then.get(name), now.get(name))
            for name in dict.fromkeys([*then, *now])
        ]
    numbers.append(Number("best epoch", before.get("best_epoch"), after.get("best_epoch")))
    return Reproduction(str(run), str(again), tuple(numbers), tuple(_surroundings(run, again)))


def _surroundings(run: Run, again: Run) -> list[tuple[str, Any, Any]]:
    before, now = run.environment(), again.environment()
    found: list[tuple[str, Any, Any]] = []
    for part in ("versions", "devices", "data"):
        then, here = before.get(part) or {}, now.get(part) or {}
        found += [
            (f"{part}: {key}", then.get(key), here.get(key))
            for key in dict.fromkeys([*then, *here])
            if then.get(key) != here.get(key)
        ]
    then, here = run.summary().get("execution"), again.summary().get("execution")
    if (then or {}).get("mode") != (here or {}).get("mode"):
        found.append(("execution", (then or {}).get("mode"), (here or {}).get("mode")))
    return found
