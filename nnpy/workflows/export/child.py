"""The process in which a model is converted, or a file run: `python -m … TASK.json`.

A task is plain data, see `export.py`; the answer goes into `answer.json` beside it. TensorFlow is
imported only where the task needs it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.devices import select
from nnpy.errors import NnpyError
from nnpy.export import runtimes

_ROUNDS = 20  # of one example, of which the median is told


def convert(task: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a model in another format."""
    from nnpy.data import Preprocessing

    model = _model(task["model"], task["code"])
    from nnpy.engine import introspection
    from nnpy.export import serving, to_keras, write
    from nnpy.models import saved

    preprocessing = None
    if task["preprocessing"] is not None:
        told = task["preprocessing"]
        several = tuple(map(tuple, told["inputs_of"]))
        preprocessing = Preprocessing(told["scale"], told["channel_axis"], inputs_of=several)
    signature = serving.signature_from(task["inputs"], task["outputs"], task["batch"])
    if task["format"] == "keras":
        scaled = to_keras.with_scaling(model, preprocessing, signature)
        record = saved.record_from(task["record"])
        saved.save(scaled, Path(task["out"]), record)
        return {}
    model = serving.in_float32(model)
    serving.freeze_normalization(introspection.layers(model))
    write.write(
        task["format"],
        serving.Serving(model, preprocessing, signature),
        Path(task["out"]),
        task["described"],
        quantize=task["quantize"],
        opset=task["opset"],
        examples=_arrays(task["examples"]) if task["examples"] else None,
    )
    return {}


def check(task: Mapping[str, Any]) -> dict[str, Any]:
    """Runs an exported file: its answers to examples, and how long one takes."""
    examples = _arrays(task["examples"])
    path = Path(task["path"])
    if task["format"] == "keras":
        runtime = _keras(_model(str(path), task["code"]), task["outputs"], tuple(examples))
    else:
        runtime = runtimes.open_file(task["format"], path)
    answers = runtime(examples)
    one = {name: each[: runtime.batch or 1] for name, each in examples.items()}
    seconds = _median(lambda: runtime(one)) / (runtime.batch or 1)
    for index, (name, values) in enumerate(answers.items()):
        np.save(Path(task["out"]) / f"{index}.npy", values, allow_pickle=False)
        answers[name] = values[:0]
    return {"outputs": list(answers), "milliseconds": 1000 * seconds}


def _model(path: str, code: list[dict[str, str]]) -> Any:
    """A Keras model, and the user's own code, which the command has checked that it may be run."""
    select.prepare_environment()
    from nnpy.config.user_code import CodeFile
    from nnpy.models import user_code
    from nnpy.safety import model_files

    files = [CodeFile(Path(each["path"]), each["name"], each["text"]) for each in code]
    return model_files.open_model(path, user_code.objects(files), compile=False)


def _keras(model: Any, outputs: list[dict[str, Any]], given: tuple[str, ...]) -> runtimes.Runtime:
    """A Keras model as other files are run; an only input may have any name."""
    import keras

    names = tuple(each["name"] for each in outputs)

    def call(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        x: Any = [arrays[name] for name in given]
        # In the structure in which the model takes them, which may have other names.
        x = x[0] if len(x) == 1 else keras.tree.pack_sequence_as(model.input, x)
        flat = keras.tree.flatten(model.predict_on_batch(x))
        return {each["name"]: flat[_place(model, each)] for each in outputs}

    inputs = model.inputs
    given = given if len(inputs) == 1 else tuple(each.name for each in inputs)
    batch = inputs[0].shape[0]
    return runtimes.Runtime(given, names, batch, call)


def _place(model: Any, output: Mapping[str, Any]) -> int:
    """Where an output stands: given by name they are in the order of their names."""
    from nnpy.models import ends

    if isinstance(ends.structure(model), tuple):
        return ends.output_keys(model).index(output["name"])
    return int(output["index"])


def _arrays(told: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Arrays by name, from the files that hold them."""
    return {name: np.load(path, mmap_mode="r") for name, path in told.items()}


def _median(call: Callable[[], object]) -> float:
    """The seconds that a call takes, the first left out."""
    call()
    spent = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return float(np.median(spent))


def main(path: Path) -> None:
    """Does the task in a file, and writes the answer beside it."""
    task = json.loads(path.read_text(encoding="utf-8"))
    try:
        answer = {"convert": convert, "check": check}[task["do"]](task)
    except NnpyError as error:
        answer = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 – converters raise anything
        import traceback

        traceback.print_exc()
        text = str(error).strip().partition("\n")[0][:300]
        answer = {"error": f"{type(error).__name__}: {text}" if text else type(error).__name__}
    temporary = path.with_name("answer.tmp")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace(path.with_name("answer.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the teardown of TensorFlow's threads may take long, or crash
