"""What the command keeps out while Keras is imported."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

PROGRAM = """
import sys
from nnpy.cli import lean
lean.hide()
import keras
print(sorted({"matplotlib.pyplot", "sklearn"} & set(sys.modules)))
import matplotlib.pyplot
import sklearn
print(matplotlib.pyplot.__name__, sklearn.__name__, keras.Sequential.__name__)
"""


def test_keras_is_imported_without_them_and_they_can_be_imported_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "matplotlib.pyplot sklearn Sequential"]
