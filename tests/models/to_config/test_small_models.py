"""Small models of every kind → a file → a config → a model: equal to the bit, in Keras's order."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nnpy.config.load import load_config
from nnpy.models.to_config import document
from nnpy.models.to_config.compare import differences, outputs_differ
from nnpy.models.to_config.context import Arrays
from nnpy.models.to_config.network import new_context
from nnpy.safety import model_files
from nnpy.workflows.session import build_model
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
    assert len(MODELS) >= 120


@pytest.mark.parametrize("name", MODELS)
def test_comes_back_equal(name, tmp_path):
    keras.backend.clear_session()
    MODELS[name]().save(tmp_path / "m.keras")
    original = model_files.open_model(tmp_path / "m.keras", compile=False)
    context = new_context(Arrays("m.npz"))
    made = document.of_model(original, context=context)
    made.write_arrays(tmp_path)
    document.add_data(made, tmp_path, "m.yaml")  # which nnpy's own check has passed
    (tmp_path / "m.yaml").write_text(made.text("m"), encoding="utf-8")
    built = build_model(load_config(tmp_path / "m.yaml", to_train=False))
    assert differences(original, built) == []
    built.set_weights(original.get_weights())
    assert not outputs_differ(original, built, given(original))
