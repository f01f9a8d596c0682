"""nnpy: train neural networks from a YAML file, with Keras on TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnpy.version import __version__

__all__ = [
    "__version__",
    "build",
    "evaluate",
    "import_model",
    "load_config",
    "plot",
    "resume",
    "sweep",
    "train",
]

if TYPE_CHECKING:
    from nnpy.api import build, evaluate, import_model, plot, resume, sweep, train
    from nnpy.config.load import load_config


def __getattr__(name: str) -> Any:
    # Imported when used, so that `nnpy --help` costs nothing.
    if name == "load_config":
        from nnpy.config.load import load_config

        return load_config
    if name in __all__:
        from nnpy import api

        return getattr(api, name)
    raise AttributeError(f"module 'nnpy' has no attribute '{name}'")
