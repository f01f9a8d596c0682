"""What the command keeps out while Keras is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
import gc, sys
from nnpy.cli import startup as lean
class Next:
    def find_spec(self, name, path=None, target=None):
        asked.append(name)
asked = []
sys.meta_path.insert(0, Next())
lean.hide_optional_imports()
import matplotlib.path  # a command that draws without Keras
for name in [name for name in sys.modules if name.startswith("matplotlib")]:
    del sys.modules[name]
import keras
print(sorted({"matplotlib", "scipy", "sklearn"} & set(sys.modules)))
print(gc.isenabled())
asked.clear()
import matplotlib.pyplot
print(asked[0])
import scipy.sparse
import sklearn
print(matplotlib.pyplot.__name__, scipy.__name__, sklearn.__name__, keras.Sequential.__name__)
print(gc.isenabled())
"""


def test_keras_is_imported_without_them_and_they_can_be_imported_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "[]",
        "False",  # until the next import
        "matplotlib",  # the finder that comes next is asked for the very next import
        "matplotlib.pyplot scipy sklearn Sequential",
        "True",
    ]


HEAVY = """
import os, sys
os._exit = sys.exit
from nnpy.__main__ import main
try:
    main()
except SystemExit:
    heavy = {"numpy", "tensorflow", "keras", "matplotlib", "jinja2", "filelock"}
    print(sorted(heavy & set(sys.modules)))
"""
COMPLETION = {"_NNPY_COMPLETE": "bash_complete", "COMP_WORDS": "nnpy tr", "COMP_CWORD": "1"}


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {}),
        (["train", "--help"], {}),
        (["check", "configs/mlp.yaml"], {}),
        ([], COMPLETION),
    ],
    ids=["help", "train help", "check", "completion"],
)
def test_what_answers_at_once_imports_nothing_heavy(
    arguments: list[str], environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAVY, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    *answer, heavy = done.stdout.splitlines()
    assert answer
    assert heavy == "[]"
