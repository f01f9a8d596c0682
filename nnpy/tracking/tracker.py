"""What a tracker is: a place that is told of a run. A new one is a class like this in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nnpy.runs.folder import Run


@dataclass(frozen=True)
class Group:
    """What several runs have in common: a sweep, or a training with several seeds.

    `key` names it among all groups; `lock` is a file beside the runs, so that two processes do
    not make it twice.
    """

    title: str
    key: str
    lock: Path


@dataclass(frozen=True)
class Facts:
    """What is known of a run when it begins.

    `identity` is the run's own, the same after a resume; `parameters` is the resolved config,
    flat: "training.epochs" → "3". `tags` are versions, device, commit and the like.
    """

    run: Run
    name: str
    identity: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    group: Group | None = None


@dataclass(frozen=True)
class Ending:
    """What came of a run: `status` as in summary.json, scores by name, files to keep."""

    status: str
    scores: Mapping[str, float]
    files: Sequence[tuple[Path, str]] = ()  # with the folder there, "" at the top
    model: Path | None = None  # the best one, a .keras file
    versions: Mapping[str, str] = field(default_factory=dict)


class Tracker(Protocol):
    """Made with its arguments in the config. Any exception means: away, to be tried again.

    All is called in one thread, in this order: `open`, `rows` any number of times, `end`. What has
    been told once is not told again, but for what an exception has interrupted.
    """

    def open(self, facts: Facts, id: str) -> str:
        """Begins what stands for the run there, or goes on with `id`; returns its id."""
        ...

    def rows(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Tells of epochs: rows of metrics.csv, each with its `epoch`."""
        ...

    def end(self, ending: Ending) -> None:
        """Tells what came of the run."""
        ...


def flat(tree: Any, path: str = "") -> dict[str, str]:
    """The leaves of plain data by their paths: `model.1.Dense.units` → "64"."""
    if isinstance(tree, Mapping) and tree:
        pairs = tree.items()
    elif isinstance(tree, list | tuple) and tree:
        pairs = enumerate(tree)  # type: ignore[assignment]
    else:
        text = "null" if tree is None else str(tree).lower() if isinstance(tree, bool) else tree
        return {path: str(text)}
    found: dict[str, str] = {}
    for key, each in pairs:
        found |= flat(each, f"{path}.{key}" if path else str(key))
    return found
