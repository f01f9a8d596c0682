"""Texts and their classes: `root/<split>/<class>/name.txt`, or a table with a column of texts.

A text becomes the numbers of its words, as many as `length`; the vocabulary is that of the training
texts (`files/texts.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.data import duplicates
from nnpy.data.dataset import DataInfo, Dataset, Progress, Split
from nnpy.data.files import image_layout
from nnpy.data.files.folders import user_folder
from nnpy.data.files.split_names import TEST, TRAIN, VALIDATION
from nnpy.errors import DataError, did_you_mean
from nnpy.storage.regular import read_regular

if TYPE_CHECKING:
    from nnpy.data.files.texts import Coded, Vocabulary

NAME = "text"
SUFFIXES = (".txt", ".text", ".md")
_LIMIT = 1 << 27  # bytes of a text
_TARGETS = ("label", "target", "class", "category", "sentiment", "y")
_TEXTS = ("text", "review", "sentence", "content", "message", "comment", "description")

PARAMETERS = (
    Parameter(
        "path",
        required=True,
        types=("str",),
        is_path=True,
        doc="The folder, train/CLASS/… and test/CLASS/… or CLASS/…, with a file for each text; or "
        "a table (CSV, Parquet) with a column of texts.",
    ),
    Parameter(
        "vocabulary",
        default=20_000,
        types=("int",),
        minimum=3,
        maximum=200_000,
        doc="Numbers that a word may have, the most frequent ones of the training texts; 0 fills "
        "up, 1 is any other. It is the input_dim of an Embedding.",
    ),
    Parameter(
        "length",
        default=200,
        types=("int",),
        minimum=1,
        maximum=100_000,
        doc="Words of an example; what is longer is cut off, what is shorter filled up with 0.",
    ),
    Parameter(
        "tokens",
        default="words",
        types=("str",),
        choices=("words", "characters"),
        doc="What has a number: words, or characters, as for languages that part no words.",
    ),
    Parameter(
        "classes",
        types=("list", "null"),
        items=("str",),
        doc="The names of the classes in their order; null: those found, sorted.",
    ),
    Parameter(
        "column",
        types=("str", "null"),
        doc="Of a table: the column of the texts; null: text, review, …, or the one of two.",
    ),
    Parameter(
        "target",
        types=("str", "null"),
        doc="Of a table: the column of the classes; null: label, target, …, or the one of two.",
    ),
)


@dataclass(frozen=True)
class _Found:
    """The texts by split, not read yet where they are files, with their classes."""

    root: Path
    classes: tuple[str, ...]
    labels: Mapping[str, Sequence[str]]
    files: Mapping[str, Sequence[str]]  # names below the root; () of a table
    texts: Mapping[str, Sequence[str]]  # of a table
    column: str | None
    notes: tuple[str, ...]


def info(path: str | None = None, **arguments: Any) -> DataInfo:
    """The facts of the texts, from the names of their files, or from a table."""
    found = _find(path, arguments)
    return _info(found, found.classes, arguments["length"])


def learnt_info(learnt: Mapping[str, Any]) -> DataInfo:
    """The facts of the texts that a vocabulary is of."""
    from nnpy.data.files.texts import Vocabulary

    known = Vocabulary.from_dict(learnt)
    return _info(None, known.classes, known.length)


def read(
    path: str | None = None,
    progress: Progress | None = None,
    _budget: int | None = None,
    *,
    split_by: Sequence[str] = (),
    learnt: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Dataset:
    """The texts as a data set. `x` are their numbers until `finish` has made rows of words."""
    import numpy as np

    from nnpy.data.files import texts
    from nnpy.data.files.texts import Vocabulary

    found, known = _find(path, arguments), None
    classes = found.classes
    if learnt:
        known = Vocabulary.from_dict(learnt)
        classes = known.classes
        for name in found.classes:
            if name not in classes:
                raise DataError(f"{found.root}: the model knows no class {name}")
    contents, notes = _contents(found, progress)
    coded = texts.code((each for part in contents.values() for each in part), arguments["tokens"])
    number = {name: index for index, name in enumerate(classes)}
    splits, at, digests = {}, 0, {}
    for name, part in contents.items():
        y = np.asarray([number[label] for label in found.labels[name]], np.int32)
        columns = {}
        if found.files[name]:
            files = [*found.files[name]]
            folders = [each.rpartition("/")[0] for each in files]
            columns = {"file": np.asarray(files, object), "folder": np.asarray(folders, object)}
        splits[name] = Split(np.arange(at, at + len(part)), y, columns)
        at += len(part)
        digest = hashlib.sha256(y.tobytes())
        for each in part:
            digest.update(hashlib.sha256(each.encode(errors="replace")).digest())
        digests[name] = digest.hexdigest()
    return Dataset(
        info=_info(found, classes, arguments["length"]),
        train=splits[TRAIN],
        validation=splits.get(VALIDATION),
        test=splits.get(TEST),
        digests=digests,
        source=str(found.root),
        notes=(*found.notes, *notes),
        finish=partial(_finish, coded, known, found, arguments),
    )


def _finish(
    coded: Coded,
    known: Vocabulary | None,
    found: _Found,
    arguments: Mapping[str, Any],
    dataset: Dataset,
) -> Dataset:
    """The splits as rows of words, by the vocabulary of the training texts."""
    from nnpy.data.files.texts import FIRST, Vocabulary

    if known is None:
        words = coded.learn(dataset.train.x, arguments["vocabulary"] - FIRST)
        if not words:
            raise DataError(f"{found.root}: the training texts have no words")
        known = Vocabulary(
            words, arguments["length"], arguments["tokens"], found.column, dataset.info.classes
        )
    notes = [
        f"vocabulary: {len(known.words):,} {known.tokens} of the training texts (at most "
        f"{arguments['vocabulary']:,} numbers, with those of padding and the unknown)"
    ]
    made: dict[str, Any] = {}
    for name, split in dataset.splits().items():
        lengths = [len(coded.texts[row]) for row in split.x.tolist()]
        longer, none = sum(n > known.length for n in lengths), lengths.count(0)
        if longer:
            notes.append(
                f"{name}: {longer:,} of {len(lengths):,} texts are longer than {known.length} "
                f"{known.tokens} (the longest has {max(lengths):,}): the rest is cut off"
            )
        if none:
            notes.append(f"{name}: {none:,} texts have no {known.tokens}")
        if name != TRAIN and (share := coded.unknown(known, split.x)) > 0:
            notes.append(f"{name}: {share:.1%} of the {known.tokens} are unknown")
        made[name] = replace(split, x=coded.rows(known, split.x))
    dataset = replace(dataset, preprocessing=known.as_dict(), finish=None, **made)
    return replace(dataset, notes=(*dataset.notes, *notes, *duplicates.notes_of(dataset)))


def _info(found: _Found | None, classes: tuple[str, ...], length: int) -> DataInfo:
    counts = {name: len(each) for name, each in found.labels.items()} if found else {}
    return DataInfo(
        NAME,
        (length,),
        "int32",
        classes,
        counts.get(TRAIN, 0),
        counts.get(TEST, 0),
        1.0,
        counts.get(VALIDATION, 0),
    )


def _find(path: str | None, arguments: Mapping[str, Any]) -> _Found:
    if path is None:
        raise DataError(f"data.path is missing: '{NAME}' needs a folder of texts, or a table")
    place = Path(path).expanduser()
    if place.is_file():
        return _table(place, arguments)
    for name in ("column", "target"):
        if arguments[name] is not None:
            raise DataError(f"{name} is for a table of texts, but {place} is a folder")
    layout = image_layout.read(
        user_folder(path), classes=arguments["classes"], noun="text", suffixes=SUFFIXES
    )
    return _Found(
        layout.root,
        layout.classes,
        {name: [words[0] for words in each.labels] for name, each in layout.splits.items()},
        {name: [file.name for file in each.files] for name, each in layout.splits.items()},
        {},
        None,
        layout.notes,
    )


def _table(path: Path, arguments: Mapping[str, Any]) -> _Found:
    from nnpy.data.table.read import open_files
    from nnpy.data.table.words import SPACES

    files = open_files({"train": path})
    column = _column(files.names, arguments["column"], _TEXTS, arguments["target"], "column", path)
    target = _column(files.names, arguments["target"], _TARGETS, column, "target", path)
    if column == target:
        raise DataError(f"{path}: column and target are both '{column}'")
    cells: dict[str, list[str]] = {}
    for frame in files.frames():
        for name in {column, target} & {*frame.columns}:
            cells[name] = [("" if each is None else str(each)) for each in frame[name].to_list()]
    labels = [each.strip(SPACES) for each in cells[target]]
    kept = [i for i, label in enumerate(labels) if label]
    notes = list(files.notes)
    if len(kept) < len(labels):
        notes.append(f"{len(labels) - len(kept):,} rows without a {target} are left out")
    labels, texts = [labels[i] for i in kept], [cells[column][i] for i in kept]
    there = sorted({*labels}, key=_order)
    classes = tuple(arguments["classes"] or there)
    if more := [each for each in there if each not in classes]:
        raise DataError(f"{path}: {target} has {more[0]}, which is not among classes")
    if len(there) < 2:
        raise DataError(f"{path}: every row has the same {target}: expected two classes at least")
    if len(there) > max(20, len(labels) // 2):
        raise DataError(f"{path}: {target} has {len(there):,} different values: too many classes")
    notes.append(f"texts: {column}; one of {len(classes)} classes: {target}")
    return _Found(path, classes, {TRAIN: labels}, {TRAIN: ()}, {TRAIN: texts}, column, (*notes,))


def _order(label: str) -> tuple[float, str]:
    """Numbers by their size, words after them by their letters."""
    try:
        return float(label), label
    except ValueError:
        return float("inf"), label


def _column(
    names: Sequence[str],
    said: str | None,
    usual: Sequence[str],
    other: str | None,
    what: str,
    path: Path,
) -> str:
    if said is not None:
        if said not in names:
            hint = did_you_mean(said, names) or f"; there are {', '.join(names)}"
            raise DataError(f"{path.name} has no column '{said}'{hint}")
        return said
    lower = {name.lower(): name for name in names}
    known = next((lower[each] for each in usual if each in lower), None)
    left = [name for name in names if name != other]
    if known is not None and known != other:
        return known
    if len(left) == 1:
        return left[0]
    raise DataError(f"{path.name} has the columns {', '.join(names)}: say {what}: …")


def _contents(
    found: _Found, progress: Progress | None
) -> tuple[dict[str, Sequence[str]], list[str]]:
    """The texts of each split, and what is to be told of their files."""
    if found.texts:
        return dict(found.texts), []
    from nnpy.data.files.texts import decoded

    contents: dict[str, Sequence[str]] = {}
    total, done, strange = sum(map(len, found.files.values())), 0, []
    for name, files in found.files.items():
        part = []
        for file in files:
            if progress and done % 500 == 0:
                progress("read texts", done, total)
            try:
                text, is_utf8 = decoded(read_regular(found.root / file, _LIMIT))
            except OSError as error:
                reason = error.strerror or error
                raise DataError(f"{found.root / file} cannot be read: {reason}") from None
            if not is_utf8:
                strange.append(file)
            part.append(text)
            done += 1
        contents[name] = part
    if progress:
        progress("read texts", total, total)
    notes = []
    if strange:
        notes.append(
            f"{len(strange):,} texts are not UTF-8 and read as Windows-1252, such as {strange[0]}"
        )
    return contents, notes
