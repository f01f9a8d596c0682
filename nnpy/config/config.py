"""The checked config: what to do, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnpy.config.arrays import with_files
from nnpy.config.network.graph import Network
from nnpy.config.settings import DataSettings, TrainingSettings
from nnpy.config.yaml.dump import dump
from nnpy.config.yaml.nodes import Node

if TYPE_CHECKING:
    from nnpy.config.sweep.check import SweepPlan
    from nnpy.config.user_code import CodeFile


@dataclass(frozen=True)
class Config:
    """What to do. `resolved` is the whole of it as plain data, defaults filled in.

    `code` are the user's own Python files as they were read; `notes` what the user should
    know though it is no mistake; `tree` is `resolved` with the origin of each value;
    `trust_code` lets code be run that came with a run of someone else; `breaks_ties` is false for
    runs of an older nnpy, in which the first of equally good epochs was the best; `sweep` is what
    `nnpy sweep` does with it, and no part of `resolved`.
    """

    name: str
    data: DataSettings
    model: Network
    training: TrainingSettings
    resolved: dict[str, Any]
    code: tuple[CodeFile, ...] = ()
    notes: tuple[str, ...] = ()
    tree: Node = field(default_factory=lambda: Node({}), repr=False, compare=False)
    trust_code: bool = False
    breaks_ties: bool = True
    sweep: SweepPlan | None = field(default=None, repr=False, compare=False)

    def to_yaml(
        self, code_folder: str | None = None, array_files: Mapping[str, str] | None = None
    ) -> str:
        """The resolved config, trainable as it is.

        `code_folder` is where, relative to the file, copies of the `code` files will lie, and
        `array_files` names the copies of files of arrays; else they are named as they were.
        """
        resolved = with_files(self.resolved, array_files or {})
        if self.code and code_folder is not None:
            resolved = {**resolved, "code": [f"{code_folder}/{file.name}" for file in self.code]}
        return dump(resolved)
