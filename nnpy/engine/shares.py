"""Which rows of a global batch each replica takes: the same batches as on one device, divided.

A batch of `n` rows on `R` replicas gives each `n // R` or one more. Fewer rows than replicas,
which only the end of an epoch has, are not divided: each replica takes them all, and one counts
them. Nothing is padded, so that what looks at a batch as a whole (BatchNormalization, metrics
without weights, activity regularizers) sees no row that is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Share:
    """A replica's rows of a global batch: `begin` to `end` of `rows`, on `replicas` replicas."""

    begin: int
    end: int
    rows: int
    replicas: int
    counts: bool = True  # whether its metrics are those of the batch

    @property
    def factor(self) -> float:
        """What this replica's loss, a mean over its rows, is worth beside the others'."""
        if self.rows < self.replicas:
            return 1.0
        return (self.end - self.begin) * self.replicas / self.rows


def share(rows: int, replica: int, replicas: int) -> Share:
    """What one of the replicas takes of a batch of so many rows."""
    if rows < replicas:
        return Share(0, rows, rows, replicas, replica == 0)
    each, more = divmod(rows, replicas)
    begin = replica * each + min(replica, more)
    return Share(begin, begin + each + (replica < more), rows, replicas)


def order_of(order: np.ndarray, size: int, replica: int, replicas: int) -> np.ndarray:
    """The rows that a replica takes of an epoch's `order`, batch after batch of `size`."""
    whole, rest = divmod(len(order), size)
    full, last = share(size, replica, replicas), share(rest, replica, replicas)
    batches = order[: whole * size].reshape(whole, size)[:, full.begin : full.end]
    return np.concatenate([batches.ravel(), order[whole * size :][last.begin : last.end]])
