"""Imports that the command does not need, kept out while Keras is imported.

Keras and TensorFlow import matplotlib, scikit-learn and SciPy where they are installed, for
plots, wrappers and inputs which no command of nnpy uses: half a second of every start. Where
these cannot be imported they go without, so they are hidden until Keras is there; the figures
and a user's own Python file, imported later, find them as ever.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

HIDDEN = ("matplotlib", "scipy", "sklearn")


class _Hider(importlib.abc.MetaPathFinder):
    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._over = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if self._over or threading.get_ident() != self._thread or "keras" not in sys.modules:
            return None
        if not _being_imported("keras"):
            # It stays in the list, which is being gone through: the next finder would be skipped.
            self._over = True
            # What has been made by now lasts: no need to look through it ever again.
            gc.freeze()
            gc.enable()
            return None
        # While TensorFlow's modules make their hundreds of thousands of lasting objects, Python's
        # collector looks through them again and again for garbage: a fifth of the import.
        gc.disable()
        if name in HIDDEN:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)
        return None


def _being_imported(name: str) -> bool:
    spec = getattr(sys.modules[name], "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def hide_optional_imports() -> None:
    """From now on, until Keras has been imported; only in a process of nnpy's own."""
    sys.meta_path.insert(0, _Hider())
    gc.set_threshold(200_000)
