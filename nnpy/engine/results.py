"""What Keras's metrics give → numbers by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def numbers_of(
    results: Mapping[str, Any], columns: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """A number for each metric; for each class or threshold of one that gives several.

    `columns` names those: "f1_score" becomes "f1_score_bag" and so on. By default they are counted.
    A metric of the user's own that gives several by name is logged by these names, as in Keras.
    """
    found: dict[str, float] = {}
    for name, value in results.items():
        if isinstance(value, Mapping):
            found |= numbers_of(value, columns)
            continue
        numbers = np.asarray(value)
        if numbers.ndim == 0:
            found[name] = float(numbers)
            continue
        names = columns.get(name, ())
        for i, number in enumerate(numbers.ravel()):
            part = names[i] if len(names) == numbers.size else i
            found[f"{name}_{part}"] = float(number)
    return found
