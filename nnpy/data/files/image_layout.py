"""A folder of pictures as people lay it out → which pictures, of which split, of which class.

    root/<split>/<class>/…        splits: train, training; val, valid, validation, dev;
    root/<class>/…                        test, testing, eval, evaluation
    root/metadata.csv             a table of names and labels: see `image_table`

Splits are whole names of folders directly below the root, and only where one for training is
among them; words in file names mean nothing. The class is the first folder below the split.
Classes are those of the training pictures, in plain order (`A, a, b10, b9`) as Keras and
torchvision have them, unless they are given. Nothing is decoded here, and no NumPy is needed.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnpy.data.files import image_table
from nnpy.data.files.split_names import SPLIT_NAMES, SPLITS, TRAIN
from nnpy.data.files.walk import File, Tree, normal, shown, walk
from nnpy.errors import DataError, did_you_mean, printable


@dataclass
class Labelled:
    """Pictures with the names of their labels."""

    files: list[File] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)  # one each, or several

    def add(self, file: File, *labels: str) -> None:
        self.files.append(file)
        self.labels.append(labels)

    def __len__(self) -> int:
        return len(self.files)


@dataclass(frozen=True)
class Layout:
    """What a folder of pictures holds."""

    root: Path
    form: str  # in words for people
    classes: tuple[str, ...]  # the label is the position
    several: bool  # whether a picture has any number of labels, not exactly one
    splits: dict[str, Labelled]  # train, and validation and test where they are there
    notes: tuple[str, ...]

    def counts(self, split: str) -> list[int]:
        """How many pictures of a split bear each label."""
        number = Counter(label for labels in self.splits[split].labels for label in labels)
        return [number[name] for name in self.classes]


def read(
    root: Path,
    *,
    classes: Sequence[str] | None = None,
    label_column: str | None = None,
    label_delim: str | None = None,
    noun: str = "picture",
    suffixes: Collection[str] = (),
) -> Layout:
    """What lies below `root`.

    Raises DataError that says what was found where the layout is none of these, where there is
    only one class, or where validation or test have a class that training has not. With `suffixes`
    the same is read of other files, each a `noun`.
    """
    tree = walk(root, noun, suffixes)
    if suffixes and any(f"{name}/unsup" in tree.folders for name in ("train", "training")):
        notes_of_layout = ["train/unsup is left out: texts without a label, as of the IMDB reviews"]
        tree.pictures = [each for each in tree.pictures if "/unsup/" not in f"/{each.name}"]
    else:
        notes_of_layout = []
    if not tree.pictures:
        raise DataError(_no_pictures(tree))
    split_folders = _split_folders(tree)
    notes = notes_of_layout
    tables = image_table.find(root, ["", *split_folders], label_column)
    if tables:
        form, splits = image_table.read(
            tree, tables, split_folders, label_column, label_delim, notes
        )
        found = {split: _labelled(rows) for split, rows in splits.items()}
    elif label_delim is not None or label_column is not None:
        raise DataError(
            f"{root}: label_delim and label_column are for a table beside the pictures, "
            f"{' or '.join(image_table.NAMES)} with a column file_name; there is none"
        )
    elif split_folders:
        form = "root/<split>/<class>/…"
        found = _of_splits(tree, split_folders, notes)
    else:
        form = "root/<class>/…"
        found = {TRAIN: _of_classes(tree, "", notes)}
    several = label_delim is not None
    names = _classes(tree, found, classes, several, notes)
    _check_others(tree, found, names, notes)
    if left_out := tree.left_out:
        notes.append(f"left out: {left_out}")
    return Layout(root, form, names, several, found, tuple(notes))


def _labelled(rows: Iterable[tuple[File, tuple[str, ...]]]) -> Labelled:
    found = Labelled()
    for file, labels in sorted(rows, key=lambda row: row[0].name):
        found.add(file, *labels)
    return found


def _split_folders(tree: Tree) -> dict[str, str]:
    """Folder directly below the root → split; none without one for training."""
    top = [name for name in tree.folders if "/" not in name]
    found = {name: split for name in top if (split := SPLIT_NAMES.get(name.lower()))}
    if not found:
        return {}
    if TRAIN not in found.values():
        if len(found) == len(top):
            raise DataError(
                f"{tree.root}: {shown(list(found))} are the names of splits, but there is none "
                "for training: add a folder train, or rename them if they are classes"
            )
        return {}
    for split in SPLITS:
        if len(same := [name for name, each in found.items() if each == split]) > 1:
            raise DataError(f"{tree.root}: {shown(same)} both mean {split}: keep one of them")
    return found


def _of_splits(tree: Tree, folders: dict[str, str], notes: list[str]) -> dict[str, Labelled]:
    found = {}
    for folder, split in folders.items():
        pictures = _of_classes(tree, f"{folder}/", notes)
        if pictures or split == TRAIN:
            found[split] = pictures
    outside = [f.name for f in tree.pictures if f.name.split("/")[0] not in folders]
    if outside:
        notes.append(
            f"{len(outside):,} {tree.noun}s lie in none of {shown(list(folders))}, and are left "
            f"out: {shown(outside)}"
        )
    return found


def _of_classes(tree: Tree, base: str, notes: list[str]) -> Labelled:
    """The pictures below `base`, each labelled by its first folder."""
    found, loose, deep = Labelled(), [], 0
    names: dict[str, str] = {}  # class → its folder
    for file in tree.pictures:
        if not file.name.startswith(base):
            continue
        folder, _, rest = file.name[len(base) :].partition("/")
        if not rest:
            loose.append(file.name)
            continue
        name = normal(folder)
        if names.setdefault(name, folder) != folder:
            raise DataError(
                f"{tree.root}: two folders {base}{printable(folder)} differ only in how their "
                f"letters are encoded; put their {tree.noun}s into one"
            )
        deep += "/" in rest
        found.add(file, name)
    where = base.rstrip("/") or str(tree.root)
    if loose:
        notes.append(
            f"{len(loose):,} {tree.noun}s lie directly in {where}, belong to no class, and are "
            f"left out: {shown(loose)}"
        )
    if deep:
        notes.append(
            f"{deep:,} {tree.noun}s in {where} lie in folders of their class's folder; they count "
            "for the class"
        )
    folders = [n[len(base) :] for n in tree.folders if n.startswith(base)]
    empty = [n for n in folders if "/" not in n and normal(n) not in names]
    if empty:
        notes.append(f"folders without {tree.noun}s in {where} are no classes: {shown(empty)}")
    inner = {n.split("/")[1].lower() for n in folders if n.count("/") == 1}
    if any(SPLIT_NAMES.get(n) == TRAIN for n in inner):
        notes.append(
            "folders named as splits lie inside of the classes and count for the class; for "
            "splits put them outside: train/<class>/"
        )
    return found


def _classes(
    tree: Tree,
    found: dict[str, Labelled],
    given: Sequence[str] | None,
    several: bool,
    notes: list[str],
) -> tuple[str, ...]:
    """The names of the classes in their order."""
    there = {name for labels in found[TRAIN].labels for name in labels}
    unreadable = [name for name in there if not _is_text(name)]
    if unreadable:
        raise DataError(
            f"{tree.root}: the class {shown(unreadable)} is not named in this system's encoding; "
            "rename its folder"
        )
    if given is not None:
        names = tuple(normal(name) for name in given)
        if twice := [name for name, n in Counter(names).items() if n > 1]:
            raise DataError(f"classes: {shown(twice)} is named twice")
        if more := sorted(there - set(names)):
            hint = did_you_mean(more[0], names)
            raise DataError(
                f"{tree.root}: {shown(more)} is not among `classes`{hint}; name it there, or "
                f"move its {tree.noun}s away"
            )
        if absent := [name for name in names if name not in there]:
            notes.append(f"classes without a {tree.noun} to train on: {shown(absent)}")
    else:
        names = tuple(sorted(there))
    if len(names) < 2 and not (several and names):
        raise DataError(_one_class(tree, found[TRAIN], names))
    if given is None and list(names) != sorted(names, key=_natural):
        first = next((a, b) for a, b in itertools.pairwise(names) if _natural(a) > _natural(b))
        notes.append(
            f"classes are in plain order, {printable(first[0])} before {printable(first[1])}, as "
            "in Keras; `classes` gives another"
        )
    return names


def _check_others(
    tree: Tree, found: dict[str, Labelled], classes: tuple[str, ...], notes: list[str]
) -> None:
    """Validation and test must have no class of their own; one that they lack is told."""
    for split, pictures in found.items():
        if split == TRAIN:
            continue
        number = Counter(name for labels in pictures.labels for name in labels)
        if more := sorted(set(number) - set(classes)):
            told = ", ".join(f"{printable(n)} ({number[n]:,} {tree.noun}s)" for n in more[:5])
            hint = did_you_mean(more[0], classes)
            raise DataError(
                f"{tree.root}: the {split} {tree.noun}s have classes that the training "
                f"{tree.noun}s have not: {told}{hint}"
            )
        if absent := [name for name in classes if not number[name]]:
            notes.append(f"no {split} {tree.noun} of {shown(absent)}")


def _no_pictures(tree: Tree) -> str:
    raw = sum(tree.others[suffix] for suffix in (".heic", ".heif"))
    if raw:
        return (
            f"{tree.root}: the pictures are HEIC, which Pillow does not read; save them as JPEG "
            "or PNG first"
        )
    packed = [suffix for suffix in (".zip", ".tar", ".gz", ".7z", ".rar") if tree.others[suffix]]
    if packed:
        packs = f"but {packed[0]} files: unpack them first"
        return f"{tree.root}: no {tree.noun} in this folder, {packs}"
    there = tree.left_out
    return f"{tree.root}: no {tree.noun} in this folder" + (f" (found {there})" if there else "")


def _one_class(tree: Tree, train: Labelled, names: tuple[str, ...]) -> str:
    root = tree.root
    expected = (
        "expected a folder for each class (root/<class>/… or root/train/<class>/…), or a table "
        f"{image_table.NAMES[0]} with the columns file_name and label"
    )
    if not names:
        return f"{root}: {len(tree.pictures):,} {tree.noun}s and no classes: {expected}"
    only = printable(names[0])
    inner = sorted(
        {n.split("/")[1] for n in tree.folders if n.count("/") == 1 and n.startswith(names[0])}
    )
    if len(inner) > 1:
        return (
            f"{root}: only one class, {only}; it has folders of its own ({shown(inner)}): is "
            f"path: {root / names[0]} meant?"
        )
    return f"{root}: all {len(train):,} {tree.noun}s are of one class, {only}: {expected}"


def _natural(name: str) -> tuple[object, ...]:
    """For an order in which b9 comes before b10, and capitals do not count."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((int(p), "") if p.isdecimal() else (-1, p) for p in parts)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
