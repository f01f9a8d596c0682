"""Scripts that import other files of their user's: what the model needs comes along."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflows.import_script.support import imported

BLOCKS = """
import keras
from . import sizes
from .sizes import WIDTH as W, scaled


class Base(keras.layers.Layer):
    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


class Block(Base):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.inner = keras.layers.Dense(filters, kernel_initializer="ones" if W else "zeros")

    def call(self, x):
        return scaled(x + self.inner(x))


class Whole(Base):
    def __init__(self, filters=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def call(self, x):
        return sizes.scaled(x)


class Every(keras.callbacks.Callback):
    def __init__(self, count):
        super().__init__()
        self.count = count


def pulled(truth, predicted):
    return keras.ops.mean(keras.ops.square(truth - predicted) * W, axis=-1)
"""
SIZES = """
WIDTH = 3
FACTOR = 2.0


def scaled(x):
    return x * FACTOR
"""
HEAD = """
import keras, numpy as np
{imports}
model = keras.Sequential([keras.Input((6,)), {block}(6), keras.layers.Dense(1)])
model.compile("adam", {loss})
model.fit(np.ones((8, 6)), np.ones((8, 1)), callbacks=[{callback}(2)])
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path) -> Iterator[None]:
    """A package beside the script, forgotten at the end."""
    folder = tmp_path / "nnpy_test_parts"
    folder.mkdir()
    for name, text in (("__init__", ""), ("blocks", BLOCKS), ("sizes", SIZES)):
        (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:
        if name.startswith("nnpy_test_parts"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("imports", "home"),
    [
        ("from nnpy_test_parts.blocks import Block, Every, pulled", ""),
        ("from nnpy_test_parts.blocks import *", ""),
        ("from nnpy_test_parts import blocks", "blocks."),
        ("import nnpy_test_parts.blocks as b", "b."),
    ],
)
def test_what_another_file_defines_comes_along(tmp_path: Path, imports: str, home: str) -> None:
    names = {"block": f"{home}Block", "loss": f"{home}pulled", "callback": f"{home}Every"}
    [one], end = imported(tmp_path, HEAD.format(imports=imports, **names), verify=True)
    assert end == {} and one.refused == "", one.refused
    assert one.verdict.equal and one.verdict.step is not None, one.notes
    assert "loss: pulled" in one.text and "Every: {count: 2}" in one.text
    [code] = one.files
    text = code.read_text(encoding="utf-8")
    assert "nnpy_test_parts" not in text and "import sizes" not in text
    assert text.index("def scaled") < text.index("class Base") < text.index("class Block")


def test_the_scripts_own_classes_bring_what_they_import(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        """
import keras, numpy as np
from nnpy_test_parts.blocks import Base as Ground
from nnpy_test_parts.sizes import FACTOR

class Mine(Ground):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def call(self, x):
        return x * FACTOR

model = keras.Sequential([keras.Input((6,)), Mine(3), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((8, 6)), np.ones((8, 1)))
""",
        verify=True,
    )
    assert end == {} and one.verdict.equal, one.refused
    assert "Ground = Base" in one.files[0].read_text(encoding="utf-8")


def test_a_whole_module_is_not_taken_along(tmp_path: Path) -> None:
    [one], end = imported(
        tmp_path,
        """
import keras, numpy as np
from nnpy_test_parts.blocks import Whole

model = keras.Sequential([keras.Input((6,)), Whole(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((8, 6)), np.ones((8, 1)))
""",
    )
    assert end == {} and "the whole of the module nnpy_test_parts.sizes" in one.refused
