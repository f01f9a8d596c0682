"""Errors of a compiled step: TensorFlow tells where Python made the operation that failed.

    Graph execution error:
    Detected at node while/compile_loss/far/Gather defined at (most recent call last):
      File "/…/keras/src/trainers/trainer.py", line 526, in compute_metrics
      File "own.py", line 5, in far

No object of Keras is left then: the place in the config is found by the names in this text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.naming import snake_case
from nnpy.config.config import Config
from nnpy.config.objects import KerasObject
from nnpy.config.yaml.nodes import Mark

if TYPE_CHECKING:
    from nnpy.config.user_code import CodeFile

_PACKAGE = str(Path(__file__).parents[1])
_FRAME = re.compile(r'File "([^"\n]+)", line (\d+), in (\S+)')

Place = tuple[Mark | None, str]


def is_one(error: BaseException) -> bool:
    """Whether it arose in a compiled step."""
    return str(error).lstrip().startswith("Graph execution error")


def place_in(text: str, config: Config) -> Place | None:
    """Where the config names what the failed operation is a part of; None for nnpy's own."""
    frames = _FRAME.findall(text)
    if not frames or frames[-1][0].startswith(_PACKAGE):
        return None
    training = config.training
    metrics = (training.metrics, training.weighted_metrics)
    layers = [step.layer for step in config.model.steps]
    functions = [function for _, _, function in frames]
    for file, line, function in reversed(frames):
        own = _definition(file, int(line), config)
        if own:
            found = by_name(own, metrics, training.loss, training.optimizer, layers)
        else:
            found = by_name(function, metrics) if "compute_metrics" in functions else None
        if found is not None:
            return found
    if "compute_metrics" in functions:
        return by_name("", metrics, or_first=True)
    if "apply" in functions:
        return training.optimizer.mark, training.optimizer.path or "training.optimizer"
    scope = re.search(r"compile_loss/(\w+)/", text)
    return by_name(scope[1] if scope else "", training.loss, or_first=True)


def by_name(name: str, *within: Any, or_first: bool = False) -> Place | None:
    """The place of the object that bears the name, in Keras's way of writing it; else the first."""
    objects = [*_objects(within)]
    for each in objects:
        if name in (each.name, snake_case(each.name), each.arguments.get("name")):
            return each.mark, each.path
    return (objects[0].mark, objects[0].path) if or_first and objects else None


def _objects(value: Any) -> Iterator[KerasObject]:
    if isinstance(value, KerasObject):
        yield value
    for each in value.values() if isinstance(value, dict) else ():
        yield from _objects(each)
    for each in value if isinstance(value, list | tuple) else ():
        yield from _objects(each)


def own_line(text: str, config: Config) -> str:
    """The last line of the user's own code on the way: ` (layers.py, line 7)`."""
    lines = [(_own(file, config), line) for file, line, _ in _FRAME.findall(text)]
    found = [f" ({code.name}, line {line})" for code, line in lines if code]
    return found[-1] if found else ""


def _own(file: str, config: Config) -> CodeFile | None:
    return next((each for each in config.code if file in (str(each.path), each.name)), None)


def _definition(file: str, line: int, config: Config) -> str:
    """The function or class of the user's own file that a line is in, or nothing."""
    code = _own(file, config)
    for node in ast.parse(code.text).body if code else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (
            node.lineno <= line <= (node.end_lineno or line)
        ):
            return node.name
    return ""
