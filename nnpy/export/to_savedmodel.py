"""A model as a SavedModel, TensorFlow's own folder. Importing this module imports TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from nnpy.export.serving import Serving

SIGNATURE = "serving_default"


def write(serving: Serving, path: Path, described: Mapping[str, Any]) -> None:
    """Writes the folder; the description lies in assets.extra, which loaders leave alone."""
    tf.saved_model.save(serving, str(path), signatures={SIGNATURE: serving.serve})
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "nnpy.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")
