"""An exported file, run by the library that its users run it by. TensorFlow only where it must.

runtime = open_file("onnx", path)
runtime({"input": x})["dense"]     # (n, 10) float32

The file may be a stranger's. Its operations touch no file, but may loop for ever or ask for any
amount of memory: each call ends with an error in words instead (`bounded.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.errors import ModelError
from nnpy.export import bounded
from nnpy.storage.regular import read_regular

_BATCH = 256
_PATIENCE = 600.0  # seconds that a file may take to be opened, or to answer one example
_LARGEST = 1 << 33  # bytes of a file
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Runtime:
    """A file that is open: names of inputs and outputs, and the one batch size that it takes.

    `stop` asks a call that is under way in another thread to end soon, where the library can.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    batch: int | None
    call: Callable[[Arrays], dict[str, np.ndarray]]  # one batch
    stop: Callable[[], None] = lambda: None

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
        # The first example by itself: the patience with a batch is measured by it.
        starts = [0, *range(1, count, size)] if self.batch is None else [*range(0, count, size)]
        patience = _PATIENCE
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            part = {name: each[start:end] for name, each in arrays.items()}
            here = len(next(iter(part.values())))
            if self.batch and here < size:  # what fills up the batch is left out below
                part = {
                    name: np.resize(each, (size, *each.shape[1:])) for name, each in part.items()
                }
            began = time.monotonic()
            try:
                found = bounded.call(partial(self.call, part), patience, self.stop)
            except Exception as error:
                raise ModelError(f"the file cannot be run: {_first_line(error)}") from error
            patience = max(patience, 20 * size * (time.monotonic() - began))
            for name, each in found.items():
                if np.ndim(each) == 0 or len(each) < here:
                    raise ModelError(f"'{name}' gives no answer for each example")
            parts.append({name: np.asarray(each)[:here] for name, each in found.items()})
        return {name: np.concatenate([each[name] for each in parts]) for name in self.outputs}


def open_file(kind: str, path: Path) -> Runtime:
    """The file at `path` in the format called `kind`. Raises ModelError when it is none."""
    try:
        if kind == "savedmodel":
            return _savedmodel(path)
        return bounded.call(partial(_OPENERS[kind], path), _PATIENCE)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path} cannot be opened: {_first_line(error)}") from error


def _onnx(path: Path) -> Runtime:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    # Weights in other files would be looked for in the folder that we are in.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    session = onnxruntime.InferenceSession(
        read_regular(path, _LARGEST), options, providers=["CPUExecutionProvider"]
    )
    names = tuple(each.name for each in session.get_inputs())
    outputs = tuple(each.name for each in session.get_outputs())
    how = onnxruntime.RunOptions()

    def call(arrays: Arrays) -> dict[str, np.ndarray]:
        given = {name: np.ascontiguousarray(arrays[name]) for name in names}
        return dict(zip(outputs, session.run(list(outputs), given, how), strict=True))

    def stop() -> None:
        how.terminate = True

    return Runtime(names, outputs, _fixed(session.get_inputs()[0].shape), call, stop)


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
}
