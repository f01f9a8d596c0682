"""Files → what a trained model makes of them. Importing this module imports NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.config.config import Config
from nnpy.data import DataInfo
from nnpy.data.dataset import map_tree
from nnpy.data.files import images
from nnpy.data.targets import NOTHING_SAID, Target, Task, target_of, task_of
from nnpy.evaluation import classification
from nnpy.evaluation.labels import label_probabilities
from nnpy.workflows import examples
from nnpy.workflows.examples import Found, PictureForm
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
    """The answers of the model at `path` to pictures, arrays and the rows of tables.

    Returns plain data: `predictions`, a dict for each example (`file`, `fitted`, and `top`, the
    likeliest classes with their probabilities, or `outputs`), `errors`, a line for each file
    that could not be read, `notes`, what is to be told, and `looks_inverted`, the files that look
    so against the training data. Raises DataError when there is nothing to read.
    """
    from nnpy.engine import introspection
    from nnpy.models.located_errors import errors_of_model

    files = images.find(sources)
    session = Session(config, device=device, model=path)
    session.select_device()
    model, info = session.open_model(path), session.data_info
    preprocessing = session.preprocessing(model)
    outputs_of = session.outputs_of(model)
    form = examples.picture_form(session)
    found = examples.read(
        files,
        info.shape,
        info.dtype,
        learnt=session.learnt,
        inputs=info.inputs,
        invert=invert,
        form=form,
    )
    predictions = []
    fixed = introspection.fixed_batch_size(model)
    size = fixed or BATCH
    for start in range(0, len(found.examples), size):
        part = found.examples[start : start + size]
        stored = examples.stacked(part)
        if fixed:  # what fills up the batch is answered too, and left out below
            stored = map_tree(lambda each: np.resize(each, (size, *each.shape[1:])), stored)
            introspection.reset_states(model)
        with errors_of_model(path):
            computed = model(preprocessing.inputs(stored), training=False)
        outputs = _by_name(computed, outputs_of, info)
        answer, scale = _answering(outputs, outputs_of, info)
        classes = target_of(info, answer or "").classes or info.classes
        known = {
            each.name: (target_of(info, each.name), each.scale)
            for each in outputs_of
            if target_of(info, each.name).fits(outputs[each.name].shape)
        }
        answers = answers_of(outputs, answer, scale, classes, known)
        predictions += [
            {"file": example.name, "fitted": example.how, **answer}
            for example, answer in zip(part, answers, strict=False)
        ]
    return told(path, found, predictions, form)


def told(
    path: Path, found: Found, predictions: list[dict[str, Any]], form: PictureForm
) -> dict[str, Any]:
    """What `predict_files` returns."""
    return {
        "model": str(path),
        "predictions": predictions,
        "errors": found.errors,
        "notes": found.notes,
        "looks_inverted": examples.inverted(found.examples, form),
    }


def answers_of(
    outputs: Mapping[str, np.ndarray],
    answer: str | None,
    scale: str | None,
    classes: Sequence[str],
    known: Mapping[str, tuple[Target, str | None]],
) -> list[dict[str, Any]]:
    """The answer to each example of a batch, whose `outputs` (n, …) go by their names.

    `answer` is the output that gives classes, on that `scale`; None where none does. `known` has
    the target and the scale of each output that answers one: numbers and labels are told by
    their names, and the answer of each output where there are several.
    """
    count = len(next(iter(outputs.values())))
    if answer is not None:
        found = _classes(outputs[answer], scale, classes)
    elif len(outputs) == 1:
        ((name, only),) = outputs.items()
        found = [{"outputs": only[i].tolist()} for i in range(count)]
        found = [a | b for a, b in zip(found, _in_words(only, *known.get(name, _NO)), strict=True)]
    else:
        rows = range(count)
        found = [
            {"outputs": {name: each[i].tolist() for name, each in outputs.items()}} for i in rows
        ]
    if len(outputs) == 1:
        return found
    each_in_words = {
        name: _classes(values, scale, classes)
        if name == answer
        else _in_words(values, *known.get(name, _NO))
        for name, values in outputs.items()
    }
    return [
        {**row, "answers": {name: rows[i] for name, rows in each_in_words.items()}}
        for i, row in enumerate(found)
    ]


_NO: tuple[Target, str | None] = (NOTHING_SAID, None)


def _classes(values: np.ndarray, scale: str | None, classes: Sequence[str]) -> list[dict[str, Any]]:
    probabilities = classification.probabilities(values, scale)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    return [
        {"top": [{"class": classes[i], "probability": float(row[i])} for i in map(int, best)]}
        for row, best in zip(probabilities, order, strict=True)
    ]


def _in_words(values: np.ndarray, target: Target, scale: str | None) -> list[dict[str, Any]]:
    """The answers by the names that the target has for them."""
    if target.task is Task.CLASSES and target.classes:
        return _classes(values, scale, target.classes)
    if target.task not in (Task.LABELS, Task.NUMBERS) or not target.classes:
        return [{} for _ in values]
    if target.task is Task.LABELS:
        values = label_probabilities(values, scale)
    flat = values.reshape(len(values), -1)
    return [
        {str(target.task): dict(zip(target.classes, map(float, row), strict=True))} for row in flat
    ]


def _by_name(given: Any, outputs_of: Sequence[Any], info: DataInfo) -> dict[str, np.ndarray]:
    """The outputs of a model by their names, numbers in the user's units."""
    import keras

    arrays = [np.asarray(each) for each in keras.tree.flatten(given)]
    return {
        each.name: target_of(info, each.name).in_units(arrays[each.index]) for each in outputs_of
    }


def _answering(
    outputs: Mapping[str, np.ndarray], outputs_of: Sequence[Any], info: DataInfo
) -> tuple[str | None, str | None]:
    """The first output that gives classes, and its scale."""
    for each in outputs_of:
        if task_of(info, outputs[each.name].shape, each.name) is Task.CLASSES:
            return each.name, each.scale
    return None, None
