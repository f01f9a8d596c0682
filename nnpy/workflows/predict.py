"""Files → what a trained model makes of them. Importing this module imports NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.config.config import Config
from nnpy.data import DataInfo
from nnpy.data.files import images, pictures
from nnpy.data.files.images import Example
from nnpy.data.targets import Task, task_of
from nnpy.errors import DataError
from nnpy.evaluation import classification
from nnpy.workflows.session import Session

TOP = 3
BATCH = 256


def predict_files(
    path: Path,
    config: Config,
    sources: Iterable[Path],
    *,
    invert: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """The answers of the model at `path` to pictures and arrays.

    Returns plain data: `predictions`, a dict for each example (`file`, `fitted`, and `top`, the
    likeliest classes with their probabilities, or `outputs`), `errors`, a line for each file
    that could not be read, and `looks_inverted`, the files that look so against the training
    data. Raises DataError when there is nothing to read.
    """
    from nnpy.engine import introspection

    files = images.find(sources)
    session = Session(config, device=device, model=path)
    session.select_device()
    model, info = session.open_model(path), session.data_info
    preprocessing = session.preprocessing(model)
    outputs_of = session.outputs_of(model)
    edge = training_border(session)
    examples: list[Example] = []
    errors: list[str] = []
    for file in files:
        try:
            examples += images.read(
                file,
                info.shape,
                dtype=info.dtype,
                invert=invert,
                background=255.0 if edge is None else edge,
            )
        except DataError as error:
            errors.append(str(error))
    predictions = []
    fixed = introspection.fixed_batch_size(model)
    size = fixed or BATCH
    for start in range(0, len(examples), size):
        part = examples[start : start + size]
        stored = np.stack([example.x for example in part])
        if fixed:  # what fills up the batch is answered too, and left out below
            stored = np.resize(stored, (size, *stored.shape[1:]))
            introspection.reset_states(model)
        x, _ = preprocessing(stored, np.zeros(len(stored), np.int32))
        answers = _answers(model(x, training=False), outputs_of, info)
        predictions += [
            {"file": example.name, "fitted": example.how, **answer}
            for example, answer in zip(part, answers, strict=False)
        ]
    inverted = [
        example.name
        for example in examples
        if edge is not None and images.looks_inverted(example.x, edge)
    ]
    return {
        "model": str(path),
        "predictions": predictions,
        "errors": errors,
        "looks_inverted": inverted,
    }


def _answers(given: Any, outputs_of: Sequence[Any], info: DataInfo) -> list[dict[str, Any]]:
    """The answer to each example of a batch: that of the first output that gives classes."""
    import keras

    arrays = [np.asarray(each) for each in keras.tree.flatten(given)]
    examples = range(len(arrays[0]))
    tasks = {each.name: task_of(info, arrays[each.index].shape) for each in outputs_of}
    chosen = next((each for each in outputs_of if tasks[each.name] is Task.CLASSES), None)
    if chosen is None and len(arrays) == 1:
        return [{"outputs": arrays[0][i].tolist()} for i in examples]
    if chosen is None:
        return [
            {"outputs": {each.name: arrays[each.index][i].tolist() for each in outputs_of}}
            for i in examples
        ]
    probabilities = classification.probabilities(arrays[chosen.index], chosen.scale)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    return [
        {"top": [{"class": info.classes[i], "probability": float(row[i])} for i in map(int, best)]}
        for row, best in zip(probabilities, order, strict=True)
    ]


def training_border(session: Session) -> float | None:
    """What is behind the things in the training pictures; None where that cannot be known."""
    if not pictures.is_picture_shape(session.data_info.shape):
        return None
    try:
        return images.border(np.asarray(session.dataset().train.x[:1000]))
    except DataError:  # the model answers without its training data too
        return None
