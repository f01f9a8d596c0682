"""Imports that the command does not need, kept out while Keras is imported.

Keras imports matplotlib.pyplot and scikit-learn where they are installed, for its plots and
wrappers, which no command of nnpy uses: half a second of every start. Where they cannot be
imported Keras goes without, so they are hidden until Keras is there; a user's own Python
file, imported later, finds them as ever.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

HIDDEN = ("matplotlib.pyplot", "sklearn")


class _Hider(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name in HIDDEN and not _keras_is_there():
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)
        return None


def _keras_is_there() -> bool:
    keras = sys.modules.get("keras")
    spec = getattr(keras, "__spec__", None)
    return keras is not None and not getattr(spec, "_initializing", False)


def hide() -> None:
    """From now on, until Keras has been imported; only in a process of nnpy's own."""
    sys.meta_path.insert(0, _Hider())
    # While TensorFlow's modules make their hundreds of thousands of lasting objects, Python's
    # collector looks through them again and again for garbage: a fifth of the import.
    gc.set_threshold(200_000)
