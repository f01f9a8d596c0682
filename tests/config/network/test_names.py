"""Names are what TensorFlow can have in its own: a config never lies about them."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config
from nnpy.errors import ConfigError


@pytest.mark.parametrize("name", ["größe", "my layer", "a:b", "日本", "a\x1b[2Jb", "<b>"])
def test_a_name_that_tensorflow_cannot_have_is_refused_at_its_place(name) -> None:
    layers = ["Flatten", {"Dense": {"units": 10, "name": name}}]
    with pytest.raises(ConfigError, match=r"model\[1\]\.Dense\.name: a name has letters"):
        load_config({"model": layers})


@pytest.mark.parametrize("name", ["a.b", "A-1", "_x", "9"])
def test_names_that_it_can_have_are_taken(name) -> None:
    load_config({"model": ["Flatten", {"Dense": {"units": 10, "name": name}}]})


def test_a_class_of_the_users_own_may_be_called_as_python_allows(tmp_path) -> None:
    (tmp_path / "own.py").write_text(
        "import keras\nclass Größe(keras.layers.Layer):\n    pass\n", encoding="utf-8"
    )
    (tmp_path / "x.yaml").write_text(
        "code: own.py\nmodel: [Flatten, Größe, {Dense: {units: 10}}]\n", encoding="utf-8"
    )
    names = [each.name for each in load_config(tmp_path / "x.yaml").model.steps]
    assert all(name.isascii() for name in names)
