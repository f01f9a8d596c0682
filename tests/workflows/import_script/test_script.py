"""The text of a script, and the definitions taken out of it."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from nnpy.errors import UsageError
from nnpy.workflows.import_script.script import NotExtractable, Script

OWN = '''\
"""A script."""
import os
import keras
from keras import layers, ops

WIDTH = 4
SIZE = WIDTH * 2
model_data = open(__file__).read()

def double(x):
    return ops.multiply(x, FACTOR)

for FACTOR in (1, 2):
    pass

@keras.saving.register_keras_serializable()
class Twice(layers.Layer):
    """Doubles."""

    def call(self, x):
        return double(x) + SIZE

class Deep(Twice):
    pass

def unrelated():
    return os.name
'''


@pytest.fixture
def script(write: Callable[[str, str], Path]) -> Script:
    return Script.read(write("train.py", OWN))


def test_a_class_comes_with_all_that_it_needs_and_nothing_else(script: Script) -> None:
    text = script.extract(["Deep"], {"SIZE": 8, "FACTOR": 2})
    assert "class Deep(Twice)" in text and "class Twice(layers.Layer)" in text
    assert "@keras.saving.register_keras_serializable()" in text
    assert "def double(x)" in text and "FACTOR = 2" in text and "SIZE = 8" in text
    assert "import os" not in text and "unrelated" not in text and "open(" not in text
    assert text.index("def double") < text.index("class Twice") < text.index("class Deep")
    compile(text, "own.py", "exec")


def test_what_the_script_computes_and_is_no_plain_value_is_refused(
    write: Callable[[str, str], Path],
) -> None:
    text = "table = object()\ndef f(x):\n    return table\n"
    script = Script.read(write("train.py", text))
    with pytest.raises(NotExtractable, match="'table'"):
        script.extract(["f"], {"table": object()})


def test_imports_within_try_and_future_imports_come_along(
    write: Callable[[str, str], Path],
) -> None:
    text = (
        "from __future__ import annotations\n"
        "try:\n    import numpy as np\nexcept ImportError:\n    np = None\n"
        "def f(x: int) -> int:\n    return np.abs(x)\n"
    )
    found = Script.read(write("train.py", text)).extract(["f"], {})
    assert found.index("__future__") < found.index("import numpy as np") < found.index("def f")
    compile(found, "own.py", "exec")


def test_the_body_of_main_is_no_place_for_constants(write: Callable[[str, str], Path]) -> None:
    text = "N = 3\ndef f(x):\n    return x * N\nif __name__ == '__main__':\n    N = 5\n"
    found = Script.read(write("train.py", text)).extract(["f"], {"N": 3})
    assert "N = 3" in found and "__main__" not in found


def test_a_notebook_is_read_without_what_only_jupyter_knows(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "!pip install \\\n", "  x\n", "a = 1"],
        },
        {"cell_type": "code", "source": "%%bash\nls\n"},
        {"cell_type": "code", "source": "if a:\n    !ls\n    b = 2\nkeras.Model?\n"},
        {"cell_type": "code", "source": "this is no Python\n"},
        {"cell_type": "code", "source": "c = '?'\n"},
    ]
    place = tmp_path / "train.ipynb"
    place.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    variables: dict = {}
    exec(Script.read(place).text, variables)
    assert (variables["a"], variables["b"], variables["c"]) == (1, 2, "?")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train.py", "x = (\n", "train.py:1: not Python"),
        ("train.ipynb", "{}", "cannot be read"),
        ("train.ipynb", "no json", "cannot be read"),
    ],
)
def test_what_is_no_script_is_told_in_words(
    write: Callable[[str, str], Path], name: str, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Script.read(write(name, text))


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        Script.read(tmp_path / "none.py")


def test_a_parameter_is_not_taken_for_a_variable_of_the_script(
    write: Callable[[str, str], Path],
) -> None:
    text = (
        "logits = object()\nx = object()\n"
        "class Own:\n    x = 1\n    def call(self, logits):\n        x = logits\n"
        "        return [y for y in x]\n"
    )
    found = Script.read(write("train.py", text)).extract(["Own"], {"logits": object(), "x": 1j})
    assert "class Own" in found


def test_what_is_no_file_is_told_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    for name, kind in (("pipe.py", "a named pipe"), ("zero.py", "a device")):
        with pytest.raises(UsageError, match=f"it is {kind}, not a file"):
            Script.read(tmp_path / name)


def test_a_shortened_constructor_comes_along(tmp_path: Path) -> None:
    text = """
    from functools import partial
    import tensorflow as tf
    from tensorflow import keras

    Conv = partial(tf.keras.layers.Conv2D, kernel_size=3, padding="same")
    START = keras.initializers.HeNormal(seed=3)
    twice = lambda x: x * 2
    rows = open("rows.csv")

    class Unit(keras.layers.Layer):
        def call(self, inputs):
            return twice(Conv(3, kernel_initializer=START)(inputs))

    class Reader(keras.layers.Layer):
        def call(self, inputs):
            return inputs + len(rows)
    """
    (tmp_path / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
    script = Script.read(tmp_path / "train.py")
    found = script.extract(["Unit"], {"Conv": object(), "START": object(), "twice": print})
    namespace: dict = {}
    exec(found, namespace)
    assert namespace["Conv"].keywords == {"kernel_size": 3, "padding": "same"}
    assert "rows" not in found and namespace["Unit"]
    with pytest.raises(NotExtractable, match="rows"):
        script.extract(["Reader"], {"rows": object()})
