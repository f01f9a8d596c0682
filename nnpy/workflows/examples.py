"""Files that people have → examples as the training data stores them. Imports no TensorFlow.

Pictures and arrays are made to fit; the rows of a CSV or Parquet file become vectors by what the
training has learnt from its own rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.data import Part
from nnpy.data.dataset import first_array
from nnpy.data.files import images, pictures
from nnpy.data.files.images import Example
from nnpy.errors import DataError, did_you_mean
from nnpy.storage.regular import read_regular
from nnpy.workflows.session import Session

_TEXT_LIMIT = 1 << 27  # bytes


@dataclass(frozen=True)
class PictureForm:
    """How pictures are made to fit.

    `border` is the grey behind the things in the training pictures, None where it is not known.
    """

    fit: str = "pad"
    background: float = 255.0
    border: float | None = None


@dataclass
class Found:
    """The examples in some files, the files that could not be read, and what is to be told."""

    examples: list[Example] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(
    sources: Iterable[Path],
    shape: tuple[int, ...],
    dtype: str,
    *,
    learnt: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Part] | None = None,
    invert: bool = False,
    form: PictureForm | None = None,
) -> Found:
    """The examples, each of `shape` and `dtype`; `learnt` is the record of a table. Of several
    `inputs` by name each is in an array of its name of an .npz file.

    Raises DataError when there is nothing to read.
    """
    found, form = Found(), form or PictureForm()
    for file in images.find(sources):
        try:
            if learnt and "features" in learnt and _has_rows(file):
                found.examples += _rows(file, learnt, found.notes)
            elif learnt and learnt.get("source") == "text" and file.suffix.lower() != ".npy":
                found.examples += _texts(file, learnt)
            elif file.suffix.lower() == ".npz" or (inputs and len(inputs) > 1):
                found.examples += _of_arrays(file, inputs or {"": Part(shape, dtype)}, found.notes)
            else:
                found.examples += images.read(
                    file,
                    shape,
                    dtype=dtype,
                    invert=invert,
                    background=form.background,
                    fit=form.fit,
                )
        except DataError as error:
            found.errors.append(str(error))
    return found


def _texts(file: Path, learnt: Mapping[str, Any]) -> list[Example]:
    """The text in a file, or the texts in the column of a table."""
    from nnpy.data.files.texts import Vocabulary, decoded
    from nnpy.data.table import rows

    known = Vocabulary.from_dict(learnt)
    if known.column is None or not (_has_rows(file) and file.suffix.lower() != ".txt"):
        try:
            text, _ = decoded(read_regular(file, _TEXT_LIMIT))
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
        return [Example(str(file), known([text])[0], "text")]
    cells = rows.read_cells(file)
    if known.column not in cells:
        hint = did_you_mean(known.column, cells) or f"; there are {', '.join(cells)}"
        raise DataError(f"{file}: no column '{known.column}'{hint}")
    x = known("" if each is None else str(each) for each in cells[known.column])
    return [Example(f"{file}[{i}]", each, "text") for i, each in enumerate(x)]


def stacked(found: Sequence[Example]) -> Any:
    """The examples as one array (n, …), or as several by name."""
    first = found[0].x
    if isinstance(first, Mapping):
        return {name: np.stack([each.x[name] for each in found]) for name in first}
    return np.stack([each.x for each in found])


def _of_arrays(file: Path, inputs: Mapping[str, Part], notes: list[str]) -> list[Example]:
    """The examples of an .npz file: the arrays that are called as the inputs are."""
    from nnpy.data import arrays_layout
    from nnpy.data.files import npy

    if file.suffix.lower() != ".npz":
        raise DataError(f"{file}: the model takes {', '.join(inputs)}: give an .npz file of these")
    stored = npy.stored(file)
    if [*inputs] == [""]:
        keys = arrays_layout.inputs_alone([*stored], str(file))
    else:
        missing = [name for name in inputs if name not in stored]
        if missing:
            hint = did_you_mean(missing[0], stored) or f"; it has {', '.join(stored)}"
            raise DataError(f"{file} has no array '{missing[0]}'{hint}")
        keys = {name: name for name in inputs}
    arrays = {}
    for name, part in inputs.items():
        npy.check_kind(stored[keys[name]])
        array, _ = npy.read(stored[keys[name]])
        array = array[:, None] if array.ndim == 1 and part.shape == (1,) else array
        arrays[name] = images.fitted(array, part.shape, part.dtype, f"{file}: {keys[name]}")
    counts = {name: len(each) for name, each in arrays.items()}
    if len({*counts.values()}) > 1:
        raise DataError(f"{file}: the inputs have different numbers of examples: {counts}")
    if left := [key for key in stored if key not in keys.values()]:
        notes.append(f"{file}: left out: {', '.join(left)}")
    count = next(iter(counts.values()))
    names = [str(file)] if count == 1 else [f"{file}[{i}]" for i in range(count)]
    only = arrays.get("")
    return [
        Example(name, only[i] if only is not None else {k: v[i] for k, v in arrays.items()}, "row")
        for i, name in enumerate(names)
    ]


def picture_form(session: Session) -> PictureForm:
    """How the training's pictures were made to fit, and so others are."""
    info = session.data_info
    if len(info.inputs) > 1 or not pictures.is_picture_shape(info.shape):
        return PictureForm()
    try:
        border = images.border(np.asarray(first_array(session.dataset().train.x)[:1000]))
    except DataError:  # the model answers without its training data too
        border = None
    arguments = session.config.data.arguments
    behind = 255.0 if border is None else border
    return PictureForm(
        str(arguments.get("fit") or "pad"), float(arguments.get("background", behind)), border
    )


def inverted(examples: Iterable[Example], form: PictureForm) -> list[str]:
    """The files that look inverted beside the training's pictures."""
    if form.border is None:
        return []
    return [
        each.name
        for each in examples
        if isinstance(each.x, np.ndarray) and images.looks_inverted(each.x, form.border)
    ]


def _has_rows(file: Path) -> bool:
    from nnpy.data.table import rows

    return file.suffix.lower() in rows.SUFFIXES


def _rows(file: Path, learnt: Mapping[str, Any], notes: list[str]) -> list[Example]:
    from nnpy.data.table import rows
    from nnpy.data.table.record import Record

    encoded, told = rows.read_rows(file, Record.from_dict(learnt))
    notes += [f"{file}: {each}" for each in told]
    name = f"{file}[{{}}]" if len(encoded.x) > 1 else str(file)
    return [Example(name.format(row), x, "row") for row, x in enumerate(encoded.x)]
