"""An object of Keras, all arguments off their defaults → YAML → the same object.

The other way round, config → object, is `tests/models/test_every_object.py`, whose values and
exceptions hold here too.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy.catalog import catalog
from nnpy.config.checker import Checker
from nnpy.config.load import load_config
from nnpy.config.yaml.dump import dump
from nnpy.config.yaml.parse import parse
from nnpy.models.instantiate import instantiate
from nnpy.models.to_config import document
from nnpy.models.to_config.arguments import arguments_of
from nnpy.models.to_config.compare import differences, outputs_differ
from nnpy.models.to_config.context import Arrays
from nnpy.models.to_config.network import new_context
from nnpy.safety import model_files
from nnpy.workflows.session import build_model
from tests.support import off_defaults
from tests.support.op_calls import CALLS, WITHOUT

CATALOG = catalog.load()

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        keras.__version__ != CATALOG.keras_version or bool(CATALOG.note),
        reason="the catalog is of another Keras",
    ),
]

# What is left out beside the exceptions of `off_defaults`, with the reason.
NOT_BACK = {
    "ELU": "Keras cannot save one with an activity_regularizer",
    "Identity": "Keras cannot save one with an activity_regularizer",
}
# Layers whose outputs are not compared, with the reason.
NOT_CALLED = {
    "Discretization": "it is not adapted",
    "RandomPosterization": "it draws numbers",
}


def entries(*kinds: str) -> list:
    return [
        pytest.param(CATALOG.find(kind, name), id=f"{kind}-{name}")
        for kind in kinds
        for name in CATALOG.names(kind)
        if name not in off_defaults.EXCEPTIONS and name not in NOT_BACK
    ]


def crossed(kind, original):
    """The object, by way of YAML."""
    value = keras.saving.serialize_keras_object(original)
    name = value["class_name"]
    arguments = arguments_of(kind, name, value["config"], new_context())
    entry = CATALOG.find(kind, name)
    if "name" in value["config"] and entry.parameter("name"):
        arguments["name"] = value["config"]["name"]
    node = parse(dump({"it": {name: arguments}}), "x").value["it"]
    checker = Checker(CATALOG)
    checked = checker.object(node, (kind,), "it")
    assert not checker.problems
    return instantiate(checked)


@pytest.mark.parametrize(
    "entry",
    entries("optimizer", "schedule", "loss", "metric")
    + entries("initializer", "regularizer", "constraint", "quantizer"),
)
def test_an_object(entry):
    for arguments in off_defaults.cases(entry):
        original = off_defaults.made(entry.kind, entry.name, arguments)
        again = crossed(entry.kind, original)
        assert off_defaults.config_of(again) == off_defaults.config_of(original)


def inputs_for(entry):
    """Arrays that a layer may be called with."""
    rank = entry.input_rank or entry.min_rank or 3
    shape = {2: (2, 6), 3: (2, 5, 4), 4: (2, 6, 6, 4), 5: (2, 6, 6, 6, 4)}.get(rank, (2, 5, 4))
    one = np.random.default_rng(0).uniform(0, 1, shape).astype("float32")
    if entry.call and entry.call[0].types == ("list",):
        return ([one, one[::-1].copy()],)
    required = [each for each in entry.call if each.required]
    return tuple(one for _ in required) or (one,)


@pytest.mark.parametrize("entry", entries("layer"))
def test_a_layer(entry):
    for case in off_defaults.cases(entry):
        # Keras itself does not keep `autocast`: no get_config() has it.
        arguments = {key: each for key, each in case.items() if key != "autocast"}
        original = off_defaults.made(entry.kind, entry.name, arguments)
        again = crossed("layer", original)
        assert off_defaults.config_of(again) == off_defaults.config_of(original)
        if entry.name in NOT_CALLED or arguments.get("stateful"):  # a state from the call before
            continue
        given = inputs_for(entry)
        try:
            original(*given)
        except Exception:  # noqa: BLE001 – these arguments want another input
            continue
        again(*given)
        again.set_weights(original.get_weights())
        if not any(kind in entry.name for kind in ("Random", "Mix", "CutMix", "Aug")):
            assert not outputs_differ(original, again, *given)


def test_every_operation_is_tried_or_has_a_reason():
    assert set(CATALOG.names("op")) == CALLS.keys() | WITHOUT.keys()
    assert not CALLS.keys() & WITHOUT.keys() and all(WITHOUT.values())


def array_for(tensor, generator):
    shape = [2 if size is None else size for size in tensor.shape]
    if "int" in tensor.dtype:
        return generator.integers(0, 3, shape).astype(tensor.dtype)
    numbers = generator.normal(size=shape)
    return numbers > 0 if tensor.dtype == "bool" else numbers.astype(tensor.dtype)


@pytest.mark.parametrize("name", CALLS)
def test_an_operation(name, tmp_path):
    shapes, function = CALLS[name]
    inputs = [keras.Input(*each[:1], dtype=each[1] if each[1:] else None) for each in shapes]
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], function(*inputs))
    model.save(tmp_path / "m.keras")
    original = model_files.open_model(tmp_path / "m.keras", compile=False)
    made = document.of_model(original, context=new_context(Arrays("m.npz")))
    made.write_arrays(tmp_path)
    (tmp_path / "m.yaml").write_text(made.text(name), encoding="utf-8")
    built = build_model(load_config(tmp_path / "m.yaml", to_train=False))
    assert differences(original, built) == []
    generator = np.random.default_rng(0)
    given = keras.tree.map_structure(lambda each: array_for(each, generator), original.input)
    assert not outputs_differ(original, built, given)
