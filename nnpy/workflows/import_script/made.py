"""The Sequential and functional models that a script makes, compiled or not."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import keras

from nnpy.models.to_config.layers import is_network
from nnpy.workflows.import_script.script import Script

_MOST = 50


class Made(NamedTuple):
    """A model, and the lines of the script that led to it, the innermost first."""

    model: Any
    lines: list[int]


def functional() -> type:
    """The class of functional models; Keras has no public name for it."""
    from keras.src.models.functional import Functional

    found: type = Functional
    return found


def note(found: list[Made], model: Any, script: Script) -> None:
    """Adds a model that is being made by a line of the script."""
    lines = []
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename == str(script.path):
            lines.append(frame.f_lineno)
        elif not lines and frame.f_globals.get("__name__") == keras.Sequential.__module__:
            return  # what a Sequential makes for itself
        frame = frame.f_back
    if lines and len(found) < _MOST:
        found.append(Made(model, lines))


def outermost(found: Iterable[Made], script: Script) -> Iterator[tuple[Any, int, str]]:
    """Each model to which the script gave a name and that is part of no other; line and name."""
    named = [
        (each.model, each.lines[0], name)
        for each in found
        if (name := _name(each, script)) and _is_whole(each.model)
    ]
    inside = {id(part) for model, _, _ in named for part in _parts(model)}
    yield from (each for each in named if id(each[0]) not in inside)


def _is_whole(model: Any) -> bool:
    try:
        return is_network(model) and bool(model.layers)
    except (AttributeError, ValueError):  # its constructor has failed
        return False


def _parts(model: Any) -> Iterator[Any]:
    for each in model.layers:
        yield each
        if isinstance(each, keras.Model):
            yield from _parts(each)


def _name(made: Made, script: Script) -> str:
    """What the script calls a model: the variable that one of the lines gives its value."""
    assigned = (ast.Assign, ast.AnnAssign)
    every = [each for each in ast.walk(script.tree) if isinstance(each, assigned)]
    for line in made.lines:
        inside = [each for each in every if each.lineno <= line <= (each.end_lineno or line)]
        if inside:
            last = max(inside, key=lambda each: (each.lineno, each.col_offset))
            target = last.targets[0] if isinstance(last, ast.Assign) else last.target
            return target.id if isinstance(target, ast.Name) else ""
    return ""
