"""A folder of pictures: `root/<split>/<class>/…`, `root/<class>/…`, or a table of names and labels.

Every picture is decoded once (`files/decoded.py`) to bytes of one size, by the decoder that
`nnpy predict` uses; the folder itself is never written to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.data import duplicates
from nnpy.data.dataset import DataInfo, Dataset, Place, Progress, Split
from nnpy.data.files import image_layout
from nnpy.data.files.folders import user_folder
from nnpy.data.files.geometry import FITS, MODES, Geometry
from nnpy.data.files.image_layout import Layout
from nnpy.data.files.split_names import TEST, TRAIN, VALIDATION
from nnpy.data.files.walk import shown
from nnpy.data.targets import Target, Task
from nnpy.errors import DataError, printable

if TYPE_CHECKING:
    import numpy as np

    from nnpy.data.files.decoded import Pictures

NAME = "image_folder"
_SIDE = 4096
_UNEVEN = 5  # times as many pictures of one class as of another, from which a word is due

PARAMETERS = (
    Parameter(
        "path",
        required=True,
        types=("str",),
        is_path=True,
        doc="The folder: train/CLASS/…, test/CLASS/…; or CLASS/…; or pictures and a metadata.csv.",
    ),
    Parameter(
        "image_size",
        required=True,
        types=("list",),
        items=("int",),
        length=2,
        minimum=1,
        maximum=_SIDE,
        doc="Height and width that every picture is brought to, such as [96, 96].",
    ),
    Parameter(
        "color_mode",
        default="rgb",
        types=("str",),
        choices=tuple(MODES),
        doc="The colours of an example; others are converted.",
    ),
    Parameter(
        "fit",
        default="pad",
        types=("str",),
        choices=FITS,
        doc="How a picture of other proportions is made to fit: pad keeps all of it and fills up, "
        "crop takes the middle, stretch changes the proportions.",
    ),
    Parameter(
        "background",
        default=255,
        types=("int",),
        minimum=0,
        maximum=255,
        doc="The grey behind transparent parts, from 0 (black) to 255 (white).",
    ),
    Parameter(
        "classes",
        types=("list", "null"),
        items=("str",),
        doc="The names of the classes in their order; null: those found, sorted.",
    ),
    Parameter(
        "label_column",
        types=("str", "null"),
        doc="The column of the table that holds the label; null: label, or the second column.",
    ),
    Parameter(
        "label_delim",
        types=("str", "null"),
        doc="What divides several labels in a cell of the table; null: each picture has one.",
    ),
    Parameter(
        "group",
        types=("str", "null"),
        doc="A regular expression; what it (or its first bracket) finds in a picture's name is its "
        "group, for by: group. Such as '^[^_]+' for the part before the first _.",
    ),
    Parameter(
        "skip_unreadable",
        default=0,
        types=("int",),
        minimum=0,
        doc="How many damaged pictures may be left out; with more nothing is trained.",
    ),
)


@dataclass(frozen=True)
class _Read:
    """A layout with its decoded pictures."""

    layout: Layout
    pictures: Pictures
    row_of: dict[str, int]  # the row of each readable picture, by name


def info(path: str | None = None, **arguments: Any) -> DataInfo:
    """The facts of a folder of pictures, from the names of its files: nothing is decoded."""
    return _info(_layout(path, arguments), geometry(arguments))


def read(
    path: str | None = None,
    progress: Progress | None = None,
    budget: int | None = None,
    **arguments: Any,
) -> Dataset:
    """The pictures as a data set; more than `budget` bytes stay in the cache's file.

    Raises DataError where more than `skip_unreadable` cannot be read.
    """
    from nnpy.data.files import decoded
    from nnpy.data.files.pictures import VERSION
    from nnpy.devices.host import free_memory

    layout, wanted = _layout(path, arguments), geometry(arguments)
    files = sorted(
        (file for split in layout.splits.values() for file in split.files),
        key=lambda file: file.name,
    )

    def told(done: int, total: int) -> None:
        if progress:
            progress("decode pictures", done, total)

    pictures = decoded.load(
        layout.root,
        files,
        wanted,
        budget=free_memory() // 2 if budget is None else budget,
        progress=told,
    )
    names = [file.name for file in files]
    bad = dict(pictures.facts.bad)
    _check_readable(layout.root, names, bad, arguments["skip_unreadable"])
    good = [name for index, name in enumerate(names) if index not in bad]
    found = _Read(layout, pictures, {name: row for row, name in enumerate(good)})
    pattern = _pattern(arguments["group"])
    splits = {split: _split(found, split, pattern) for split in layout.splits}
    if not len(splits[TRAIN]):
        raise DataError(f"{layout.root}: none of the pictures to train on can be read")
    facts = _info(layout, wanted)
    return Dataset(
        info=replace(
            facts,
            train=len(splits[TRAIN]),
            validation=len(splits.get(VALIDATION, ())),
            test=len(splits.get(TEST, ())),
        ),
        train=splits[TRAIN],
        validation=splits.get(VALIDATION),
        test=splits.get(TEST),
        digests={split: _digest(found, each) for split, each in splits.items()},
        source=str(layout.root),
        notes=tuple(_notes(found, names, wanted)),
        preprocessing={"pictures": {**asdict(wanted), "decoder": VERSION}},
        finish=lambda dataset: _with_duplicates(dataset, found),
    )


def places() -> list[Place]:
    """Only where the path says."""
    return []


def geometry(arguments: dict[str, Any]) -> Geometry:
    """What every picture is made into, by the source's arguments."""
    height, width = arguments["image_size"]
    return Geometry(
        height, width, arguments["color_mode"], arguments["fit"], arguments["background"]
    )


def _layout(path: str | None, arguments: dict[str, Any]) -> Layout:
    if path is None:
        raise DataError(f"data.path is missing: '{NAME}' needs a folder of pictures")
    if not arguments.get("image_size"):
        raise DataError(f"'{NAME}' needs image_size: height and width, such as [96, 96]")
    _pattern(arguments["group"])
    return image_layout.read(
        user_folder(path),
        classes=arguments["classes"],
        label_column=arguments["label_column"],
        label_delim=arguments["label_delim"],
    )


def _info(layout: Layout, wanted: Geometry) -> DataInfo:
    task = Task.LABELS if layout.several else Task.CLASSES
    return DataInfo(
        name=NAME,
        shape=wanted.shape,
        dtype="uint8",
        classes=layout.classes,
        scale=1 / 255,
        targets=(Target(task=task, classes=layout.classes),),
        train=len(layout.splits[TRAIN]),
        validation=len(layout.splits.get(VALIDATION, ())),
        test=len(layout.splits.get(TEST, ())),
    )


def _pattern(group: str | None) -> re.Pattern[str] | None:
    try:
        return None if group is None else re.compile(group)
    except (re.error, RecursionError, OverflowError) as error:
        raise DataError(
            f"group: '{printable(group or '')}' is no regular expression: {error}"
        ) from None


def _check_readable(root: Path, names: list[str], bad: dict[int, str], limit: int) -> None:
    if len(bad) <= limit:
        return
    lines = [f"  {printable(names[i])}: {printable(why)}" for i, why in list(bad.items())[:10]]
    if len(bad) > 10:
        lines.append(f"  … and {len(bad) - 10:,} more")
    raise DataError(
        f"{root}: {len(bad):,} of {len(names):,} pictures cannot be read; mend or remove them, "
        f"or leave them out with skip_unreadable: {len(bad)}\n" + "\n".join(lines)
    )


def _split(found: _Read, split: str, pattern: re.Pattern[str] | None) -> Split:
    """The readable pictures of a split, in the order of their names."""
    import numpy as np

    from nnpy.data.files import mapped

    labelled = found.layout.splits[split]
    number = {name: label for label, name in enumerate(found.layout.classes)}
    rows, names, labels = [], [], []
    for file, words in zip(labelled.files, labelled.labels, strict=True):
        if file.name in found.row_of:
            rows.append(found.row_of[file.name])
            names.append(file.name)
            labels.append([number[word] for word in words])
    if found.layout.several:
        y = np.zeros((len(labels), len(number)), np.uint8)
        for row, each in zip(y, labels, strict=True):
            row[each] = 1
    else:
        small = len(number) <= 256
        y = np.asarray([each[0] for each in labels], np.uint8 if small else np.int32)
    columns = {"file": names, "folder": [name.rpartition("/")[0] for name in names]}
    if pattern is not None:
        columns["group"] = [_group(pattern, name) for name in names]
    order = np.asarray(rows, np.int64)
    x = mapped.select(found.pictures.x, order)
    return Split(x, y, {key: np.asarray(each, object) for key, each in columns.items()})


def _group(pattern: re.Pattern[str], name: str) -> str:
    """What the pattern finds in a picture's own name; the name where it finds nothing."""
    own = name.rpartition("/")[2]
    match = pattern.search(own)
    if match is None:
        return own
    return match.group(1 if pattern.groups else 0) or own


def _digest(found: _Read, split: Split) -> str:
    """SHA-256 over the pictures' digests and their labels."""
    import numpy as np

    digest = hashlib.sha256(_digests(found, split).tobytes())
    digest.update(np.ascontiguousarray(split.y).data)
    return digest.hexdigest()


def _digests(found: _Read, split: Split) -> np.ndarray:
    rows = [found.row_of[name] for name in split.columns["file"].tolist()]
    return found.pictures.digests[rows]


def _notes(found: _Read, names: list[str], wanted: Geometry) -> list[str]:
    """What a user should know of the pictures."""
    layout, facts = found.layout, found.pictures.facts
    notes = [*layout.notes, *found.pictures.notes]
    number = len(names) - len(facts.bad)
    if facts.bad:
        bad = [f"{names[i]} ({why})" for i, why in facts.bad]
        notes.append(f"{len(bad):,} pictures that cannot be read are left out: {shown(bad)}")
    if facts.fitted:
        (least, widest), (lowest, highest) = facts.widths, facts.heights
        how = {"pad": "padded", "crop": "cropped"}[wanted.fit]
        notes.append(
            f"pictures are {least} to {widest} wide and {lowest} to {highest} high: "
            f"{facts.fitted:,} of {number:,} are {how} to the proportions of {wanted.height} × "
            f"{wanted.width} (fit: {wanted.fit})"
        )
    grey, colour = facts.grey, number - facts.grey
    if wanted.color_mode == "grayscale" and colour:
        notes.append(f"{colour:,} of {number:,} pictures have colours, which are made grey")
    elif wanted.color_mode != "grayscale" and grey:
        notes.append(f"{grey:,} of {number:,} pictures are grey, and made {wanted.color_mode}")
    if facts.animated:
        notes.append(f"of {facts.animated:,} pictures with several frames the first is taken")
    counts = sorted(zip(layout.counts(TRAIN), layout.classes, strict=True))
    (fewest, rare), (most, common) = counts[0], counts[-1]
    if most > _UNEVEN * fewest:
        notes.append(
            f"classes are uneven: {printable(common)} has {most:,} pictures, {printable(rare)} "
            f"{fewest:,}; training: {{class_weight: balanced}} makes them count the same"
        )
    return notes


def _with_duplicates(dataset: Dataset, found: _Read) -> Dataset:
    """The data set with a word on pictures that several splits have."""
    splits = dataset.splits()
    digests = {k: [each.tobytes() for each in _digests(found, s)] for k, s in splits.items()}
    labels = {k: [each.tobytes() for each in s.y] for k, s in splits.items()}
    names = {k: [_words(each, dataset.info.classes) for each in s.y] for k, s in splits.items()}
    return replace(dataset, notes=(*dataset.notes, *duplicates.notes(digests, labels, names)))


def _words(y: Any, classes: Sequence[str]) -> str:
    if y.ndim == 0:
        return printable(classes[int(y)])
    return printable("+".join(classes[i] for i in y.nonzero()[0])) or "without a label"
