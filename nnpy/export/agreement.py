"""Whether an exported file gives the model's answers: compared on real examples, by NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnpy.export.formats import FLOAT16, INT8, INT8_WEIGHTS, NONE

COMPARED = 100  # examples whose outputs are compared; the score is of all

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Bounds:
    """How much may be lost: of the outputs' range, of the answers, and of the score."""

    difference: float  # the largest, as a share of the largest output
    spread: float  # the root mean square of the differences, as a share of the outputs' spread
    same: float  # the share of examples whose likeliest class must be the same
    score: float  # of an accuracy; of any other score a share of it


# Float32 differs by rounding alone, some 1e-6; weights of 8 bits by what they cannot say.
BOUNDS = {
    NONE: Bounds(1e-4, 1e-4, 0.99, 0.002),
    FLOAT16: Bounds(0.02, 0.02, 0.97, 0.01),
    INT8_WEIGHTS: Bounds(0.5, 0.25, 0.9, 0.01),
    INT8: Bounds(0.6, 0.3, 0.85, 0.01),
}


@dataclass(frozen=True)
class Agreement:
    """How near an exported file is to its model; `reasons` says why it is not near enough."""

    examples: int  # whose outputs were compared
    difference: float  # the largest of any output
    same: float | None  # the share of the same answers, where these are classes
    score: str  # what the score is: accuracy, loss, …; "" where there is none
    before: float | None
    after: float | None
    scored: int  # examples that the score is of
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {**asdict(self), "agrees": not self.reasons, "reasons": list(self.reasons)}


def spaced(count: int, most: int = COMPARED) -> np.ndarray:
    """The places of at most so many of `count` examples, evenly spaced."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(most, count)).astype(np.int64))


def compare(
    before: Arrays,
    after: Arrays,
    bounds: Bounds,
    *,
    classes: str | None = None,
    score: tuple[str, float, float] | None = None,
    scored: int = 0,
) -> Agreement:
    """Holds the outputs (n, …) of a file, by name, against those of its model.

    `classes` is the name of the output that answers with classes. `score` is what the score is
    called, and its value before and after; higher is better for `accuracy`, lower for the rest.
    """
    reasons: list[str] = []
    largest = 0.0
    missing = [name for name in before if name not in after]
    extra = [name for name in after if name not in before]
    if missing or extra:
        reasons.append(f"its outputs are {sorted(after)}, the model's {sorted(before)}")
    for name in before:
        if name in missing:
            continue
        one, other = (np.asarray(each[name], np.float64) for each in (before, after))
        if one.shape != other.shape:
            reasons.append(
                f"'{name}' has the shape {list(other.shape)} instead of {list(one.shape)}"
            )
            continue
        if not np.isfinite(other).all() and np.isfinite(one).all():
            reasons.append(f"'{name}' is not a number")
            largest = float("inf")
            continue
        apart = np.abs(np.nan_to_num(one - other))
        largest = max(largest, float(apart.max(initial=0)))
        reasons += _too_far(name, one, apart, bounds)
    same = None
    if classes is not None and classes in after:
        one, other = before[classes], after[classes]
        if one.shape == other.shape:
            same = float((_answers(one) == _answers(other)).mean())
            # Of few examples one may lie on the border.
            if same < bounds.same and (1 - same) * len(one) > 1.5:
                reasons.append(f"only {100 * same:.1f} % of the answers are the same")
    name, was, now = score or ("", None, None)
    if was is not None and now is not None:
        reasons += _worse(name, was, now, bounds, scored)
    examples = len(next(iter(before.values())))
    return Agreement(examples, largest, same, name, was, now, scored, tuple(reasons))


def _too_far(name: str, one: np.ndarray, apart: np.ndarray, bounds: Bounds) -> list[str]:
    scale = float(np.abs(np.nan_to_num(one)).max(initial=0)) or 1.0
    found = float(apart.max(initial=0)) / scale
    if found > bounds.difference:
        return [f"'{name}' differs by {found:.2g} of its largest value"]
    spread = float(np.std(one - one.mean(axis=0, keepdims=True))) or scale
    mean = float(np.sqrt(np.mean(apart**2))) if apart.size else 0.0
    if mean > bounds.spread * spread and mean > 1e-6 * scale:
        return [f"'{name}' differs by {mean / spread:.2g} of its spread"]
    return []


def _answers(values: np.ndarray) -> np.ndarray:
    """The class that an output answers with; of one column, on which side of the middle it is."""
    values = np.asarray(values, np.float64).reshape(len(values), -1)
    if values.shape[1] > 1:
        return values.argmax(axis=1)
    middle = 0.5 if values.min(initial=0) >= 0 and values.max(initial=0) <= 1 else 0.0
    return (values[:, 0] > middle).astype(np.int64)


def _worse(name: str, was: float, now: float, bounds: Bounds, scored: int) -> list[str]:
    if name == "accuracy":
        # One example more or less is chance.
        lost, allowed = was - now, max(bounds.score, 1.5 / max(scored, 1))
    else:
        lost, allowed = now - was, max(abs(was), 1e-3) * max(5 * bounds.score, 0.01)
    if np.isfinite(now) and lost <= allowed:
        return []
    return [f"its {name} is {now:.4f} instead of {was:.4f}"]
