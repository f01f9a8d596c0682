"""Every public object of Keras, all its arguments off their defaults: a config makes the same.

What `nnpy` makes of the config is held against what Keras itself makes of the same arguments.
`tests.support.off_defaults` lists what is left out, and why.
"""

from __future__ import annotations

import keras
import pytest

from nnpy.catalog import catalog
from nnpy.catalog.entries import Entry
from nnpy.config.checker import Checker
from nnpy.config.load import load_config
from nnpy.config.yaml.nodes import from_plain
from nnpy.models.instantiate import instantiate
from tests.support import off_defaults

CATALOG = catalog.load()

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        keras.__version__ != CATALOG.keras_version or bool(CATALOG.note),
        reason="the catalog is of another Keras",
    ),
]


def entries(*kinds: str) -> list:
    return [
        pytest.param(CATALOG.find(kind, name), id=f"{kind}-{name}")
        for kind in kinds
        for name in CATALOG.names(kind)
        if name not in off_defaults.EXCEPTIONS
    ]


def compare(entry: Entry, arguments: dict, own) -> None:
    expected = off_defaults.config_of(off_defaults.made(entry.kind, entry.name, arguments))
    assert off_defaults.config_of(own) == expected


def as_layer(entry: Entry, arguments: dict):
    """The layer that a model of a config holds."""
    tensors = {each.name: "a" for each in entry.call if each.required}
    source = ["a", "b"] if len(tensors) < 2 and entry.call[0].types == ("list",) else "a"
    step = {entry.name: {**arguments, "from": source if len(tensors) < 2 else tensors}}
    size = {"batch_size": 32} if arguments.get("stateful") else {}
    inputs = {name: {"shape": [4, 4, 3], **size} for name in ("a", "b")}
    joined = {"Concatenate": {"from": ["given", "b"]}}
    network = load_config(
        {"model": {"inputs": inputs, "layers": [step, joined]}}, to_train=False
    ).model
    return instantiate(network.steps[0].layer)


@pytest.mark.parametrize("entry", entries("layer"))
def test_a_layer(entry):
    for arguments in off_defaults.cases(entry):
        if entry.name.endswith("Cell") or entry.name == "StackedRNNCells":
            step = {"RNN": {"cell": {entry.name: arguments}}}
            network = load_config({"model": [step, "Flatten"]}).model
            own = instantiate(network.steps[0].layer).cell
        else:
            own = as_layer(entry, arguments)
        compare(entry, arguments, own)


@pytest.mark.parametrize(
    "entry",
    entries("optimizer", "schedule", "loss", "metric", "initializer", "regularizer", "constraint")
    + entries("callback", "quantizer"),
)
def test_any_other_object(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some callbacks make files
    for arguments in off_defaults.cases(entry):
        checker = Checker(CATALOG)
        checked = checker.object(from_plain({entry.name: arguments}), (entry.kind,), "here")
        assert not checker.problems
        compare(entry, arguments, instantiate(checked))


def test_the_exceptions_are_still_there_and_few():
    names = {name for kind in off_defaults.MODULES for name in CATALOG.names(kind)}
    assert off_defaults.EXCEPTIONS.keys() <= names
    assert len(off_defaults.EXCEPTIONS) < 12 and len(off_defaults.LEFT_OUT) < 12
    assert all(off_defaults.EXCEPTIONS.values()) and all(off_defaults.LEFT_OUT.values())


@pytest.mark.parametrize("kind", ["optimizer", "regularizer", "initializer", "constraint"])
def test_every_bare_name_makes_the_object(kind):
    module = {"optimizer": keras.optimizers, "regularizer": keras.regularizers}
    module |= {"initializer": keras.initializers, "constraint": keras.constraints}
    for name in CATALOG.names(kind):
        entry = CATALOG.find(kind, name)
        if name in off_defaults.EXCEPTIONS or any(each.required for each in entry.parameters):
            continue
        for each in (entry.name, *entry.aliases):
            checker = Checker(CATALOG)
            checked = checker.object(from_plain(each), (kind,), "here")
            made = module[kind].get(instantiate(checked))
            assert type(made).__name__ == entry.name
