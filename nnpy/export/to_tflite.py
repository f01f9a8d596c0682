"""A model as a LiteRT (TensorFlow Lite) file. Importing this module imports TensorFlow."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nnpy.errors import ModelError
from nnpy.export.formats import FLOAT16, INT8, NONE
from nnpy.export.serving import Serving
from nnpy.export.to_savedmodel import SIGNATURE

METADATA = "nnpy"  # what the description is called in the file
_LACKING = re.compile(r"'tf\.(\w+)' op ")


def write(
    serving: Serving,
    path: Path,
    described: Mapping[str, Any],
    *,
    quantize: str = NONE,
    examples: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Writes the file. Raises ModelError where LiteRT has no operation for one of the model's.

    Built-in operations only: with TensorFlow's own a file would be written that the runtimes of
    most users cannot run.
    """
    with tempfile.TemporaryDirectory(prefix="nnpy-export-") as folder:
        # By way of a folder: its signature keeps the names of inputs and outputs.
        tf.saved_model.save(serving, folder, signatures={SIGNATURE: serving.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize != NONE:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        if quantize == INT8:
            assert examples is not None
            converter.representative_dataset = lambda: _one_by_one(serving, examples)
        try:
            content = converter.convert()
        except Exception as error:
            raise ModelError(_reason(error)) from error
    path.write_bytes(_with_metadata(content, described))


def _one_by_one(
    serving: Serving, examples: Mapping[str, np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    """Representative examples as the converter wants them: batches by the inputs' names."""
    size = serving.signature.batch or 1
    count = len(next(iter(examples.values())))
    for start in range(0, count - size + 1, size):
        yield {name: np.asarray(each[start : start + size]) for name, each in examples.items()}


def _reason(error: BaseException) -> str:
    """What of the model LiteRT cannot do, as far as the converter says it."""
    text = str(error)
    if lacking := sorted(set(_LACKING.findall(text))):
        return f"LiteRT has no operation for TensorFlow's {', '.join(lacking)}"
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"LiteRT cannot hold it: {first.strip()[:300]}"


def _with_metadata(content: bytes, described: Mapping[str, Any]) -> bytes:
    """The file with its description in it, as an entry of the format's list of metadata."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(json.dumps(described, ensure_ascii=False).encode(), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
