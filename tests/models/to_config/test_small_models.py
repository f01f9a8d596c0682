"""Small models of every kind → a file → a config → a model: equal to the bit, in Keras's order."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.models.to_config.compare import differences, outputs_differ
from nnpy.workflows.import_model import import_model
from nnpy.workflows.session import build_model
from tests.support import more_models
from tests.support.small_models import MODELS


def like(tensor, generator):
    """An array for an input, small integers where it takes such."""
    shape = [2 if size is None else size for size in tensor.shape]
    if "int" in tensor.dtype:
        return generator.integers(0, 4, shape).astype(tensor.dtype)
    numbers = generator.normal(size=shape)
    return numbers > 0 if tensor.dtype == "bool" else numbers.astype(tensor.dtype)


def given(model):
    generator = np.random.default_rng(0)
    taken = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.tree.map_structure(lambda tensor: like(tensor, generator), taken)


def test_there_are_enough_of_them():
    assert len(MODELS) >= 140 and more_models.__doc__


@pytest.mark.parametrize("name", MODELS)
def test_comes_back_equal(name, tmp_path):
    keras.backend.clear_session()
    original = MODELS[name]()
    original.save(tmp_path / "m.keras")
    import_model(tmp_path / "m.keras", tmp_path / "m.yaml")
    built = build_model(load_config(tmp_path / "m.yaml"))  # whose check it passes
    assert differences(original, built) == []
    built.set_weights(original.get_weights())
    assert not outputs_differ(original, built, given(original))
