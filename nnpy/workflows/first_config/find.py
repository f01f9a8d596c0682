"""What lies at a path: which source reads it, with which arguments, and why."""

from __future__ import annotations

import codecs
import fnmatch
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnpy.data import DataInfo, Dataset, Progress, SplitRule, Task, registry
from nnpy.data.files.split_names import SPLIT_NAMES, TEST, TRAIN, VALIDATION
from nnpy.data.files.walk import is_litter, walk
from nnpy.data.sources import text
from nnpy.errors import DataError, did_you_mean
from nnpy.storage.regular import open_regular

TABLES = (".csv", ".tsv", ".parquet", ".pq")
ARRAYS = (".npz", ".npy")
_TARGETS = (
    *("target", "label", "labels", "class", "y", "outcome", "response", "output"),
    *("species", "survived", "diagnosis", "quality", "price", "churn", "mpg", "medv"),
)
_WHOLE = SplitRule(0.0)
_BAD = 0.05  # of the pictures that may be damaged
_PICTURES = 200  # that are looked at
_SIZES = (32, 64, 96)
_MOST_WORDS = 50  # classes
_TRIED = 8  # columns, from the last


@dataclass(frozen=True)
class Found:
    """A source with its arguments, and what it says of its data."""

    source: str
    path: Path
    options: dict[str, Any]  # its arguments but for the path
    info: DataInfo
    told: list[str] = field(default_factory=list)
    dataset: Dataset | None = None  # where the values themselves had to be looked at


def is_data(path: Path) -> bool:
    """Whether a path is a folder or a file of data, and no config."""
    if path.suffix.lower() in (*TABLES, *ARRAYS):
        return True
    return path.is_dir() and not (path / "summary.json").exists()


def find(path: Path, target: Sequence[str], progress: Progress | None = None) -> Found:
    """What lies at `path`. Raises DataError with what it holds where that is nothing known."""
    if path.is_dir():
        return _folder(path, target, progress)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        return _arrays(path)
    if suffix in (*TABLES, ".txt", ".data"):
        return _table(path, target)
    if suffix in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        raise DataError(f"{path} is packed: unpack it first")
    if suffix in (".xlsx", ".xls", ".ods"):
        raise DataError(f"{path} is a spreadsheet: save it as CSV first")
    raise DataError(
        f"{path}: expected a folder of pictures, a .npz or .npy file, or a table "
        f"({', '.join(TABLES)})"
    )


def _folder(path: Path, target: Sequence[str], progress: Progress | None) -> Found:
    tree = walk(path)
    names = sorted(each.name for each in path.iterdir() if not is_litter(each.name))
    tables = [name for name in names if Path(name).suffix.lower() in TABLES]
    arrays = [name for name in names if Path(name).suffix.lower() in ARRAYS]
    if any("idx3-ubyte" in name or "idx1-ubyte" in name for name in names):
        return _of("idx", path, {}, [f"{path.name}: files of the MNIST format"])
    if tree.pictures:
        return _pictures(path, [path / each.name for each in tree.pictures], progress)
    if any(tree.others[suffix] for suffix in text.SUFFIXES) and any(
        "/" not in f for f in tree.folders
    ):
        return _texts(path)
    if len(arrays) == 1 and arrays[0].lower().endswith(".npz"):
        return _arrays(path / arrays[0])
    if arrays:
        return _arrays(path)
    if tables:
        return _tables(path, tables, target)
    there = tree.left_out or "nothing"
    raise DataError(
        f"{path} has no pictures, no arrays and no tables (found {there}): expected "
        "CLASS/picture.png, arrays.npz or table.csv"
    )


def _of(source: str, path: Path, options: dict[str, Any], told: list[str]) -> Found:
    return Found(source, path, options, registry.info(source, str(path), **options), told)


# -- pictures --------------------------------------------------------------------------------------


def _pictures(path: Path, files: list[Path], progress: Progress | None) -> Found:
    step = max(1, len(files) // _PICTURES)
    sizes, grey = Counter[tuple[int, int]](), True
    for file in files[::step]:
        try:
            width, height, is_grey = _looked_at(file)
        except (OSError, ValueError, SyntaxError):
            continue
        sizes[height, width] += 1
        grey = grey and is_grey
    if not sizes:
        raise DataError(f"{path}: none of the pictures that were tried can be read")
    size, why = _size(sizes)
    mode = "grayscale" if grey else "rgb"
    options: dict[str, Any] = {"image_size": list(size), "color_mode": mode}
    told = [f"{path.name}: {len(files):,} pictures, {why}, {'grey' if grey else 'in colour'}"]
    info = _of("image_folder", path, options, told).info
    dataset = registry.load(
        "image_folder",
        path=str(path),
        arguments={**options, "skip_unreadable": len(files)},
        validation=_WHOLE,
        test=_WHOLE,
        progress=progress,
    )
    wanted, there = info.train + info.validation + info.test, dataset.splits().values()
    if bad := wanted - sum(map(len, there)):
        if bad > _BAD * wanted:
            raise DataError(f"{path}: {bad:,} of {wanted:,} pictures cannot be read")
        options["skip_unreadable"] = bad
        told.append(f"{bad:,} of them cannot be read and are left out; nnpy data names them")
    found = Found("image_folder", path, options, info, told, dataset)
    told.append(f"{len(info.classes):,} {_kind(info)}: {_some(info.classes)}")
    return found


def _looked_at(file: Path) -> tuple[int, int, bool]:
    from PIL import Image

    with Image.open(file) as picture:
        turned = picture.getexif().get(0x0112, 1) >= 5
        width, height = picture.size[::-1] if turned else picture.size
        mode = picture.mode
    return width, height, mode in ("1", "L", "LA") or mode.startswith("I")


def _size(sizes: Counter[tuple[int, int]]) -> tuple[tuple[int, int], str]:
    """The size that examples get: that of all, if it is small; else a square near most."""
    (common, count), total = sizes.most_common(1)[0], sum(sizes.values())
    if count == total and max(common) <= 1.5 * _SIZES[-1]:
        return common, f"all {common[1]} × {common[0]}"
    sides = sorted(min(each) for each in sizes.elements())
    middle = sides[len(sides) // 2]
    side = next((each for each in _SIZES if middle <= 1.25 * each), _SIZES[-1])
    low, high = sides[0], sides[-1]
    return (side, side), f"{low} to {high} on their shorter side"


def _kind(info: DataInfo) -> str:
    return "labels" if info.targets[0].task is Task.LABELS else "classes"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _texts(path: Path) -> Found:
    info = registry.info("text", str(path))
    told = [
        f"{path.name}: {info.train + info.validation + info.test:,} texts",
        f"{len(info.classes):,} classes: {_some(info.classes)}",
    ]
    return Found("text", path, {"vocabulary": 20_000, "length": 200}, info, told)


# -- arrays ----------------------------------------------------------------------------------------


def _arrays(path: Path) -> Found:
    from nnpy.data.files import npy

    options: dict[str, Any] = {}
    stored = npy.stored(path)
    told = [f"{path.name}: " + ", ".join(f"{k} {list(v.shape)}" for k, v in stored.items())]
    found, failed = None, None
    try:
        found = _of("arrays", path, options, told)
    except DataError as error:
        failed = error
    if found is None or found.info.targets[0].task is Task.UNKNOWN:
        if guessed := _guessed(stored):
            options = guessed
            found = _of("arrays", path, options, told)
            told.append("which arrays are inputs and which are targets was guessed: see x and y")
        elif failed is not None:
            raise failed
    assert found is not None
    dataset = registry.load(
        "arrays", path=str(path), arguments=options, validation=_WHOLE, test=_WHOLE
    )
    for each in found.info.targets:
        if each.task is not Task.UNKNOWN:
            told.append(f"{each.name or 'target'}: {each.words} ({each.why})")
    return Found("arrays", path, options, found.info, told, dataset)


def _guessed(stored: Any) -> dict[str, Any]:
    """Flat arrays are targets, all others inputs, where names say nothing."""
    sizes = Counter(each.shape[0] for each in stored.values() if each.shape)
    if not sizes:
        return {}
    count = sizes.most_common(1)[0][0]
    whole = {name: each for name, each in stored.items() if each.shape[:1] == (count,)}
    x = [name for name, each in whole.items() if len(each.shape) > 1 and each.dtype.kind in "biuf"]
    y = [name for name, each in whole.items() if len(each.shape) == 1]
    if not x or not y:
        return {}
    return {key: names[0] if len(names) == 1 else names for key, names in (("x", x), ("y", y))}


# -- tables ----------------------------------------------------------------------------------------


def _tables(path: Path, names: list[str], target: Sequence[str]) -> Found:
    by_split: dict[str, str] = {}
    for name in names:
        split = SPLIT_NAMES.get(Path(name).stem.lower())
        if split is not None:
            by_split.setdefault(split, str(path / name))
    if len(names) == 1:
        return _table(path / names[0], target)
    if TRAIN not in by_split:
        raise DataError(
            f"{path} has {len(names)} tables ({_some(names)}): name one of them, or call them "
            "train.csv, validation.csv and test.csv"
        )
    keys = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}
    files = {keys[split]: file for split, file in by_split.items()}
    return _table(Path(files["train"]), target, files)


def _table(path: Path, target: Sequence[str], files: dict[str, str] | None = None) -> Found:
    from nnpy.data.table.read import open_files

    options: dict[str, Any] = dict(files or {})
    encoding = _encoding(path)
    if encoding:
        options["encoding"] = encoding
    names = open_files({"train": path}, encoding=encoding).names
    target = _columns(path, names, target)
    lower = {name.strip().lower(): name for name in names}
    known = next((lower[each] for each in _TARGETS if each in lower), None)
    # The last column, but the first where it has words and the last has none.
    order = (
        names[::-1] if known or target else _likely(names, None if files else str(path), options)
    )
    tried = [list(target)] if target else [[known]] if known else [[name] for name in order]
    failed: DataError | None = None
    for each in tried[:_TRIED]:
        given = {**options, "target": each[0] if len(each) == 1 else each}
        try:
            info = registry.info("table", None if files else str(path), **given)
        except DataError as error:
            failed = failed or error
            continue
        why = "as --target says" if target else "by its name" if known else "by its place"
        also = "" if target else "; another one: nnpy init --from … --target NAME"
        told = [
            f"{path.name}: {info.train:,} rows, {len(names):,} columns",
            *([f"encoding {encoding}: it is not UTF-8"] if encoding else []),
            f"to be answered: {_some(each)} ({why}): {info.targets[0].words}{also}",
        ]
        return Found("table", path, given, info, told)
    assert failed is not None
    raise failed


def _encoding(path: Path) -> str | None:
    """The likeliest encoding of a text file that says none and is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_regular(path) as file:
        start = file.read(4)
        if start == b"PAR1" or start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return None
        if b"\0" in start:
            return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
        try:
            decoder.decode(start)
            while piece := file.read(1 << 22):
                decoder.decode(piece)
        except UnicodeDecodeError:
            return "cp1252"
    return None


def _columns(path: Path, names: Sequence[str], target: Sequence[str]) -> list[str]:
    """The columns that `--target` names, patterns such as `class*` among them."""
    found: list[str] = []
    for each in target:
        fitting = [each] if each in names else fnmatch.filter(names, each)
        if not fitting:
            hint = did_you_mean(each, names) or f"; there are {_some(names)}"
            raise DataError(f"--target: {path.name} has no column '{each}'{hint}")
        found += fitting
    return [*dict.fromkeys(found)]


def _likely(names: Sequence[str], path: str | None, options: dict[str, Any]) -> list[str]:
    """The columns in the order in which they are likely to be the target."""
    from nnpy.data.table.words import NUMBER

    def has_words(name: str) -> bool:
        try:
            target = registry.info("table", path, **options, target=name).targets[0]
        except DataError:
            return False
        if target.task is not Task.CLASSES or len(target.classes) > _MOST_WORDS:
            return False
        return not all(NUMBER.fullmatch(each) for each in target.classes)

    last_first = [*names[::-1]]
    if len(names) > 2 and has_words(names[0]) and not has_words(names[-1]):
        last_first.remove(names[0])
        return [names[0], *last_first]
    return last_first
