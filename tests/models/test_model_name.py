"""A config may be called anything: its name becomes part of TensorFlow's names of variables."""

from __future__ import annotations

import pytest

from nnpy.data.dataset import DataInfo
from nnpy.models.build import build, model_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mlp", "mlp"), ("café ☃", "caf___"), ("☃", "model_"), ("", "model"), ("-a", "model-a")],
)
def test_names_become_ascii(name, expected) -> None:
    assert model_name(name) == expected


@pytest.mark.parametrize("name", ["größe", "_", "caf\udce9", "\x1b[2J", "日本"])
def test_a_model_of_any_name_is_built(name) -> None:
    import dataclasses

    from nnpy.config.load import load_config

    config = load_config({"model": ["Flatten", {"Dense": {"units": 10}}]})
    info = DataInfo("x", (2, 2), "uint8", ("a", "b"), 1, 1, 1.0)
    built = build(dataclasses.replace(config, name=name), info)
    assert built.count_params() == 50
