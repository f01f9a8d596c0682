"""An exported file, run by the library that its users run it by. TensorFlow only where it must.

runtime = open_file("onnx", path)
runtime({"input": x})["dense"]     # (n, 10) float32
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.errors import ModelError
from nnpy.storage.regular import read_regular

_BATCH = 256
_LARGEST = 1 << 33  # bytes of a file
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Runtime:
    """A file that is open: names of inputs and outputs, and the one batch size that it takes."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    batch: int | None
    call: Callable[[Arrays], dict[str, np.ndarray]]  # one batch

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """The answers to any number of examples (n, …) of each input, batch by batch.

        Raises ModelError when the file cannot be run with them.
        """
        missing = sorted(set(self.inputs) - set(arrays))
        if missing:
            raise ModelError(f"the file asks for inputs that the model has not: {missing}")
        count = len(next(iter(arrays.values())))
        size = self.batch or _BATCH
        parts: list[dict[str, np.ndarray]] = []
        for start in range(0, count, size):
            part = {name: each[start : start + size] for name, each in arrays.items()}
            here = len(next(iter(part.values())))
            if self.batch and here < size:  # what fills up the batch is left out below
                part = {
                    name: np.resize(each, (size, *each.shape[1:])) for name, each in part.items()
                }
            try:
                found = self.call(part)
            except Exception as error:
                raise ModelError(f"the file cannot be run: {_first_line(error)}") from error
            for name, each in found.items():
                if np.ndim(each) == 0 or len(each) < here:
                    raise ModelError(f"'{name}' gives no answer for each example")
            parts.append({name: np.asarray(each)[:here] for name, each in found.items()})
        return {name: np.concatenate([each[name] for each in parts]) for name in self.outputs}


def open_file(kind: str, path: Path) -> Runtime:
    """The file at `path` in the format called `kind`. Raises ModelError when it is none."""
    try:
        return _OPENERS[kind](path)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path} cannot be opened: {_first_line(error)}") from error


def _onnx(path: Path) -> Runtime:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(
        read_regular(path, _LARGEST), options, providers=["CPUExecutionProvider"]
    )
    names = tuple(each.name for each in session.get_inputs())
    outputs = tuple(each.name for each in session.get_outputs())

    def call(arrays: Arrays) -> dict[str, np.ndarray]:
        given = {name: np.ascontiguousarray(arrays[name]) for name in names}
        return dict(zip(outputs, session.run(list(outputs), given), strict=True))

    return Runtime(names, outputs, _fixed(session.get_inputs()[0].shape), call)


def _tflite(path: Path) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(
        model_content=read_regular(path, _LARGEST), num_threads=os.cpu_count()
    )
    runner = interpreter.get_signature_runner("serving_default")
    inputs = runner.get_input_details()
    outputs = tuple(sorted(runner.get_output_details()))
    first = next(iter(inputs.values()))
    signature = first.get("shape_signature", first["shape"])

    def call(arrays: Arrays) -> dict[str, np.ndarray]:
        # What a runner gives lies in the interpreter's memory, which the next call overwrites.
        found = runner(**{name: np.ascontiguousarray(arrays[name]) for name in inputs})
        return {name: np.array(each) for name, each in found.items()}

    return Runtime(tuple(inputs), outputs, _fixed([int(each) for each in signature]), call)


def _savedmodel(path: Path) -> Runtime:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    function = loaded.signatures["serving_default"]
    specs = function.structured_input_signature[1]
    first = next(iter(specs.values()))

    def call(arrays: Arrays) -> dict[str, np.ndarray]:
        assert loaded is not None  # its function dies with it
        found = function(**{name: tf.constant(arrays[name]) for name in specs})
        return {name: each.numpy() for name, each in found.items()}

    outputs = tuple(sorted(function.structured_outputs))
    return Runtime(tuple(specs), outputs, _fixed(first.shape.as_list()), call)


def _fixed(shape: Sequence[Any]) -> int | None:
    return shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return text[:300] or type(error).__name__


_OPENERS: dict[str, Callable[[Path], Runtime]] = {
    "onnx": _onnx,
    "tflite": _tflite,
    "savedmodel": _savedmodel,
}
