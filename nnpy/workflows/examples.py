"""Files that people have → examples as the training data stores them. Imports no TensorFlow.

Pictures and arrays are made to fit; the rows of a CSV or Parquet file become vectors by what the
training has learnt from its own rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nnpy.data.files import images, pictures
from nnpy.data.files.images import Example
from nnpy.errors import DataError
from nnpy.workflows.session import Session


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
    invert: bool = False,
    form: PictureForm | None = None,
) -> Found:
    """The examples, each of `shape` and `dtype`; `learnt` is the record of a table.

    Raises DataError when there is nothing to read.
    """
    found, form = Found(), form or PictureForm()
    for file in images.find(sources):
        try:
            if learnt and _has_rows(file):
                found.examples += _rows(file, learnt, found.notes)
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


def picture_form(session: Session) -> PictureForm:
    """How the training's pictures were made to fit, and so others are."""
    if not pictures.is_picture_shape(session.data_info.shape):
        return PictureForm()
    try:
        border = images.border(np.asarray(session.dataset().train.x[:1000]))
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
    return [each.name for each in examples if images.looks_inverted(each.x, form.border)]


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
