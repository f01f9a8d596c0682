"""`training.initial_weights`: the run or the model file whose weights a training begins with."""

from __future__ import annotations

from pathlib import Path

from nnpy.config import data_source
from nnpy.config.checker import Checker
from nnpy.config.network import applications
from nnpy.config.yaml.nodes import Node
from nnpy.runs.folder import Run

PATH = "training.initial_weights"


def check(training: Node | None, checker: Checker, *, of_run: bool) -> None:
    """Makes the path absolute, and reports one that leads to no model.

    A run needs the file no more once it is trained, so that its own config may name one that is
    gone (`of_run`).
    """
    node = training.value.get("initial_weights") if training and training.is_map else None
    if node is None or not isinstance(node.value, str) or not node.value:
        return
    data_source.find_path(node)
    if not of_run and (problem := problem_of(node.value)):
        checker.error(node, PATH, problem)


def file_of(told: str) -> Path:
    """The model file: itself, or a run's best checkpoint."""
    path = Path(told).expanduser()
    return Run(path).best_path if path.is_dir() else path


def problem_of(told: str) -> str:
    """Why no weights can be taken from there, or nothing."""
    path, file = Path(told).expanduser(), file_of(told)
    if not path.exists():
        return f"there is no file or run {path}"
    if path.is_dir() and not Run(path).is_run():
        return f"the folder {path} is no run"
    if not file.is_file():
        return f"the run {path} has no checkpoint yet"
    if not file.name.endswith(applications.FILES):
        return f"{file.name} is no file of weights: expected {', '.join(applications.FILES)}"
    return ""
