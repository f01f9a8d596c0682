"""What Keras's own tests hand to its constructors, the config language takes.

The calls are read from the `*_test.py` files of the installed Keras: those whose arguments are
plain values, and that Keras takes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry
from nnpy.config.checker import Checker
from nnpy.config.yaml.nodes import from_plain
from tests.support.off_defaults import MODULES

SOURCE = Path(keras.__file__).parent / "src"

# What Keras takes and the language does not: `Class.argument` or argument, and why.
REFUSED = {
    "input_shape": "inputs are stated under `inputs:`",
    "LossScaleOptimizer": "takes the arguments of others at their defaults only",
    "InputLayer": "inputs are stated under `inputs:`",
    "decay": "Keras says that it is deprecated, and ignores it",
    "input_length": "Keras says that it is deprecated, and ignores it",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        not any((SOURCE / "layers").rglob("*_test.py")) or bool(catalog.load().note),
        reason="this Keras was installed without its tests, or has another catalog",
    ),
]


def calls(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of a class and its arguments, for each call with plain values."""
    for path in sorted((SOURCE / folder).rglob("*_test.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = {each.arg: each.value for each in node.keywords if each.arg}
            if "init_kwargs" in named and node.args:  # self.run_layer_test(layers.Dense, …)
                yield from plain(node.args[0], named["init_kwargs"])
            elif named and not node.args:
                keys: list[ast.expr | None] = [ast.Constant(each) for each in named]
                yield from plain(node.func, ast.Dict(keys, list(named.values())))


def plain(owner: ast.expr, arguments: ast.expr) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        values = ast.literal_eval(arguments)
    except (ValueError, TypeError):
        return
    if isinstance(values, dict):
        yield getattr(owner, "attr", getattr(owner, "id", "")), values


@pytest.mark.parametrize(
    ("folder", "kind", "least"),
    [
        ("layers", "layer", 400),
        ("optimizers", "optimizer", 40),
        ("losses", "loss", 50),
        ("metrics", "metric", 50),
        ("initializers", "initializer", 1),
        ("regularizers", "regularizer", 2),
        ("constraints", "constraint", 2),
    ],
)
def test_what_keras_takes_the_language_takes(folder, kind, least):
    known, tried, wrong = catalog.load(), 0, []
    for name, arguments in calls(folder):
        entry = known.find(kind, name)
        cls = getattr(MODULES[kind], name, None)
        if entry is None or not isinstance(cls, type) or _is_left_out(entry, arguments):
            continue
        try:
            cls(**arguments)
        except Exception:  # noqa: BLE001 – a test of what Keras refuses
            continue
        tried += 1
        checker = Checker(known)
        checker.object(from_plain({name: arguments}), (kind,), name)
        wrong += [f"{name} {arguments}: {each.message}" for each in checker.problems]
    assert not wrong
    assert tried >= least


def _is_left_out(entry: Entry, arguments: dict[str, Any]) -> bool:
    if {"thresholds", "num_thresholds"} <= arguments.keys():
        return True  # Keras drops the second without a word; nnpy asks for one of them
    return entry.name in REFUSED or any(key in REFUSED for key in arguments)
