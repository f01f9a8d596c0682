"""What a saved model must remember beside its weights: how its input was scaled, what it gives.

A `.keras` file is an archive of which Keras reads what it knows; nnpy adds one small member,
`nnpy.json`, that other readers never see. What it says is as much foreign text as the rest of
the file, and is believed only in its own form.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.data.targets import Target, target_from
from nnpy.errors import ModelError
from nnpy.safety.model_files import RECORD, RECORD_LIMIT

if TYPE_CHECKING:
    import keras

_one_at_a_time = threading.Lock()
_SCALES = ("probabilities", "softmax", "sigmoid", "margins", "numbers")


@dataclass(frozen=True)
class Record:
    """How to use a saved model.

    `rescale`: a value of data stored as `dtype`, times this, is the model's input. `outputs`:
    what each output is, by its name, as in `config.measures`. `classes`: the names of the classes.
    `learnt`: what was learnt from the training rows, by which a raw one becomes the model's input
    (`Dataset.preprocessing`); its source checks it. `targets`: what it answers, with the scales
    of numbers.
    """

    rescale: float | None = None
    dtype: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    learnt: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()


def save(model: keras.Model, path: Path, record: Record) -> None:
    """Saves a model as a .keras file with its record."""
    targets = [each.as_dict() for each in record.targets]
    text = json.dumps({"format": 1, **asdict(record), "targets": targets})
    if len(text) > RECORD_LIMIT:
        raise ModelError(
            f"what was learnt of the data takes {len(text):,} bytes: a model file holds "
            f"{RECORD_LIMIT:,} of it; leave out columns of many different values"
        )
    with _whatever_the_clock_says():
        model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(RECORD), text)


@contextlib.contextmanager
def _whatever_the_clock_says() -> Iterator[None]:
    """Members of archives bear a date that archives can have.

    They know the years from 1980 to 2107: with a clock that was lost, which begins in 1970 again,
    `zipfile` raises ValueError, and a training would end with its first epoch.
    """
    if 1980 <= time.localtime().tm_year <= 2107:
        yield
        return
    with _one_at_a_time:
        original = zipfile.ZipInfo.__init__

        def undated(self: zipfile.ZipInfo, filename: str = "", date_time: Any = None) -> None:
            original(self, filename)

        zipfile.ZipInfo.__init__ = undated  # type: ignore[method-assign]
        try:
            yield
        finally:
            zipfile.ZipInfo.__init__ = original  # type: ignore[method-assign]


def read(path: Path) -> Record:
    """The record of a .keras file; an empty one where it has none, or none in this form."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(RECORD).file_size > RECORD_LIMIT:
                return Record()
            told = json.loads(archive.read(RECORD))
    except (KeyError, OSError, ValueError, RecursionError, zipfile.BadZipFile):
        return Record()
    return record_from(told) if isinstance(told, dict) else Record()


def record_from(told: Mapping[str, Any]) -> Record:
    """The record that plain data from anywhere say."""
    rescale, outputs, classes = told.get("rescale"), told.get("outputs"), told.get("classes")
    learnt, targets = told.get("learnt"), told.get("targets")
    number = isinstance(rescale, int | float) and not isinstance(rescale, bool)
    return Record(
        dtype=str(told.get("dtype", "")),
        rescale=float(rescale) if number and math.isfinite(rescale) else None,  # type: ignore[arg-type]
        outputs={k: v for k, v in outputs.items() if v in _SCALES}
        if isinstance(outputs, dict)
        else {},
        classes=tuple(map(str, classes)) if isinstance(classes, list) else (),
        learnt=learnt if isinstance(learnt, dict) else {},
        targets=tuple(
            target
            for each in (targets if isinstance(targets, list) else ())
            if (target := target_from(each)) is not None
        ),
    )
