"""What the command keeps out while Keras is imported."""

from __future__ import annotations

import subprocess
import sys

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
