"""Tables that name pictures and their labels, as they lie beside pictures.

`metadata.csv` (or .jsonl) with a column `file_name` is Hugging Face's way, `labels.csv` with the
names in its first column fastai's. Names are those of files below the table's folder; one
without a suffix is taken where only one picture has it. A column `split` (words as for folders)
or `is_valid` divides the pictures. Needs no NumPy.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnpy.data.files.split_names import SPLIT_NAMES, SPLITS, TRAIN, VALIDATION
from nnpy.data.files.walk import File, Tree, normal, shown
from nnpy.errors import DataError, did_you_mean, printable
from nnpy.storage.regular import is_regular, read_text

NAMES = ("metadata.csv", "metadata.jsonl", "labels.csv")
_FILE_COLUMNS = ("file_name", "filename", "file", "image", "path", "image_path")
_LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "tags")
_DELIMITERS = (",", ";", "\t", "|")
_LIMIT = 1 << 29  # bytes of a table
_YES, _NO = ("true", "1", "yes", "1.0"), ("false", "0", "no", "", "0.0")

Rows = list[tuple[File, tuple[str, ...]]]


@dataclass(frozen=True)
class Table:
    """A table, read: its rows are texts by column, with the line that each begins in."""

    path: Path
    folder: str  # that its names start from, below the root: "" or "train/"
    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]

    def column(self, wanted: str | None, known: tuple[str, ...], place: int, what: str) -> str:
        """The column with the files or the labels: the one wanted, a known name, or by place."""
        if wanted is not None:
            if wanted not in self.columns:
                hint = did_you_mean(wanted, self.columns)
                raise DataError(
                    f"{self.path}: no column {printable(wanted)}{hint} (there are "
                    f"{shown(list(self.columns), 20)})"
                )
            return wanted
        lowered = {name.lower(): name for name in self.columns}
        for name in known:
            if name in lowered:
                return lowered[name]
        if place < len(self.columns) and (place == 0 or len(self.columns) == 2):
            return self.columns[place]
        raise DataError(
            f"{self.path}: which column holds the {what}? There are "
            f"{shown(list(self.columns), 20)}; say label_column"
        )


def find(root: Path, folders: list[str], label_column: str | None) -> list[Table]:
    """The tables beside the pictures, in the root or in the splits' folders ("" is the root).

    A metadata file without labels is Hugging Face's for other things, such as captions: it is
    not taken unless `label_column` says where they are.
    """
    tables = []
    for folder in folders:
        for name in NAMES:
            path = root / folder / name
            if not is_regular(path):
                continue
            table = _read(path, f"{folder}/" if folder else "")
            lowered = {each.lower() for each in table.columns}
            has_labels = bool(lowered & set(_LABEL_COLUMNS)) or name == "labels.csv"
            if label_column is not None or has_labels:
                tables.append(table)
                break
        if tables and not folder:  # that of the root is for all
            break
    return tables


def read(
    tree: Tree,
    tables: list[Table],
    split_folders: Mapping[str, str],
    label_column: str | None,
    label_delim: str | None,
    notes: list[str],
) -> tuple[str, dict[str, Rows]]:
    """The form in words, and the pictures and labels of each split.

    Raises DataError for names without a picture, pictures named twice, and lines without a
    label, all with their lines.
    """
    by_name = {normal(file.name): file for file in tree.pictures}
    stems = _stems(tree)
    splits: dict[str, Rows] = {}
    lines: dict[str, int] = {}
    for table in tables:
        file_column = table.column(None, _FILE_COLUMNS, 0, "names of the pictures")
        column = table.column(label_column, _LABEL_COLUMNS, 1, "labels")
        missing, bare = [], []
        for line, row in table.rows:
            name = normal(posixpath.normpath(table.folder + row[file_column].strip()))
            file = by_name.get(name) or _by_stem(table, line, name, stems)
            if file is None:
                missing.append(f"{name} (line {line})")
                continue
            if file.name in lines:
                raise DataError(
                    f"{table.path}:{line}: {printable(file.name)} is named twice (first in line "
                    f"{lines[file.name]}); for several labels of a picture write them into one "
                    "cell and say label_delim"
                )
            lines[file.name] = line
            labels = _labels(row[column], label_delim)
            if not labels and label_delim is None:
                bare.append(str(line))
                continue
            split = _split_of(table, line, row, file, split_folders)
            splits.setdefault(split, []).append((file, labels))
        if missing:
            raise DataError(
                f"{table.path}: {len(missing):,} of {len(table.rows):,} pictures that it names "
                f"are not there: {shown(missing)}"
            )
        if bare:
            raise DataError(f"{table.path}: no label in {len(bare):,} lines: {shown(bare)}")
    if TRAIN not in splits:
        raise DataError(f"{tables[0].path}: no picture to train on")
    more = [file.name for file in tree.pictures if file.name not in lines]
    if more:
        notes.append(f"{len(more):,} pictures are in no table, and are left out: {shown(more)}")
    order = [split for split in SPLITS if split in splits]
    form = f"{tables[0].folder}{tables[0].path.name}"
    return form, {split: splits[split] for split in order}


def _labels(cell: str, delimiter: str | None) -> tuple[str, ...]:
    if delimiter is None:
        parts = [cell]
    else:
        parts = cell.split(None if delimiter.isspace() and delimiter != "\t" else delimiter)
    return tuple(dict.fromkeys(text for each in parts if (text := normal(each.strip()))))


def _split_of(
    table: Table, line: int, row: dict[str, str], file: File, folders: Mapping[str, str]
) -> str:
    if "split" in row:
        word = row["split"].strip()
        if word.lower() not in SPLIT_NAMES:
            hint = did_you_mean(word, SPLIT_NAMES)
            raise DataError(
                f"{table.path}:{line}: expected a split ({', '.join(SPLIT_NAMES)}), got "
                f"'{printable(word)}'{hint}"
            )
        return SPLIT_NAMES[word.lower()]
    if "is_valid" in row:
        word = row["is_valid"].strip().lower()
        if word not in (*_YES, *_NO):
            raise DataError(
                f"{table.path}:{line}: is_valid: expected True or False, got '{printable(word)}'"
            )
        return VALIDATION if word in _YES else TRAIN
    return folders.get(file.name.split("/")[0], TRAIN)


def _stems(tree: Tree) -> dict[str, list[File]]:
    """Pictures by their names without the suffix."""
    stems: dict[str, list[File]] = {}
    for file in tree.pictures:
        stems.setdefault(normal(posixpath.splitext(file.name)[0]), []).append(file)
    return stems


def _by_stem(table: Table, line: int, name: str, stems: dict[str, list[File]]) -> File | None:
    found = stems.get(name, [])
    if len(found) > 1:
        raise DataError(
            f"{table.path}:{line}: {printable(name)} may be any of "
            f"{shown([file.name for file in found])}: write the suffix"
        )
    return found[0] if found else None


def _read(path: Path, folder: str) -> Table:
    try:
        text = read_text(path, _LIMIT).removeprefix("\ufeff")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    read = _json_lines if path.suffix == ".jsonl" else _csv
    rows = list(read(path, text))
    if not rows:
        raise DataError(f"{path}: it names no pictures")
    columns = tuple(rows[0][1])
    return Table(path, folder, columns, rows)


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a CSV file, divided by what divides its first line most."""
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(f"{path}:1: two columns are named {printable(twice[0])}")
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) != len(names):
                    raise DataError(
                        f"{path}:{line}: {len(cells)} cells, but {len(names)} columns; put "
                        "quotes round a cell that holds the delimiter"
                    )
                yield line, dict(zip(names, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}") from None


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    names: list[str] | None = None
    for line, content in enumerate(text.splitlines(), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{line}: not JSON: {error}") from None
        if not isinstance(row, dict) or (names is not None and not set(names) <= set(row)):
            raise DataError(f"{path}:{line}: expected an object with the keys of the first line")
        names = list(row) if names is None else names
        if lists := [name for name in names if isinstance(row[name], list | dict)]:
            raise DataError(
                f"{path}:{line}: {printable(lists[0])} is no text; write several labels as one "
                "text, and say label_delim"
            )
        yield line, {name: "" if row[name] is None else str(row[name]) for name in names}
