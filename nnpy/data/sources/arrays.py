"""NumPy's arrays: a `.npz` or `.npy` file, or a folder of `.npy` files; several inputs by name.

What its arrays are called says what they are (`nnpy/data/arrays_layout.py`); what the targets
hold says the task (`nnpy/data/array_targets.py`). NumPy is imported when a file is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.catalog.entries import Parameter
from nnpy.data import arrays_layout, duplicates
from nnpy.data.dataset import DataInfo, Dataset, Part, Place, Progress, Split
from nnpy.data.files.split_names import TEST, TRAIN, VALIDATION
from nnpy.data.targets import Target, Task
from nnpy.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from nnpy.data.files.npy import Stored

NAME = "arrays"

_NO_TARGETS = (
    "it has no targets: say y: … in the source, or data: {target: input} for an autoencoder"
)

PARAMETERS = (
    Parameter(
        "path",
        required=True,
        types=("str",),
        is_path=True,
        doc="A .npz file, a folder of .npy files, or one .npy file.",
    ),
    Parameter(
        "x",
        types=("str", "list", "dict", "null"),
        items=("str",),
        doc="The array that is the input, or several; {input: array} gives them other names in "
        "the model. null: x, images, data, inputs or features, with _train and _test or without.",
    ),
    Parameter(
        "y",
        types=("str", "list", "dict", "null"),
        items=("str",),
        doc="The array that is to be answered, or several, as for x; null: y, labels, target, … "
        "where there is one.",
    ),
    Parameter(
        "task",
        types=("str", "dict", "null"),
        doc="What the targets are: classes, labels (of which any may hold at once) or numbers; "
        "with several {target: task}; null: decided by their values.",
    ),
    Parameter(
        "classes",
        types=("list", "null"),
        items=("str",),
        doc="The names of the classes in the order of their numbers, or of the labels or numbers.",
    ),
)
_LARGEST = 3.4e38  # of float32
_TASKS = ("classes", "labels", "numbers")


@dataclass(frozen=True)
class _Found:
    """The files' arrays, of which only the targets are read."""

    path: Path
    stored: Mapping[str, Stored]
    layout: arrays_layout.Layout
    targets: tuple[Target, ...]
    y: Mapping[str, Any]  # by split: what `Split.y` is
    counts: Mapping[str, int]


def info(path: str | None = None, **arguments: Any) -> DataInfo:
    """The facts of the arrays: the shapes of the inputs, and what the targets hold."""
    return _info(_find(path, arguments))


def read(
    path: str | None = None,
    progress: Progress | None = None,
    budget: int | None = None,
    **arguments: Any,
) -> Dataset:
    """The arrays as a data set; what is larger than `budget` bytes stays on the disk if it can.

    Raises DataError for inputs that are not numbers.
    """
    from nnpy.data.files import npy

    found = _find(path, arguments)
    notes, digests, splits = [], {}, {}
    for split, inputs in found.layout.x.items():
        arrays = {}
        for name, key in inputs.items():
            array, why = npy.read(found.stored[key], budget)
            if why:
                notes.append(f"larger than data.memory_budget, and yet in memory as a whole: {why}")
            array = _usable(array, f"{found.path}: {key}")
            digests[key] = npy.digest(array)
            arrays[name] = array
        for name, key in found.layout.y.get(split, {}).items():
            digests[key] = npy.digest(_one(found.y[split], name))
        splits[split] = Split(arrays.get("", arrays), found.y[split])
    facts = _info(found)
    notes += _notes(facts, found)
    used = {*digests, found.layout.class_names}
    if left := [key for key in found.stored if key not in used]:
        notes.append(f"arrays left out: {', '.join(left)}; x and y in the source name what is used")
    return Dataset(
        info=facts,
        train=splits[TRAIN],
        validation=splits.get(VALIDATION),
        test=splits.get(TEST),
        digests=digests,
        source=str(found.path),
        notes=tuple(notes),
        finish=_with_duplicates,
    )


def _with_duplicates(dataset: Dataset) -> Dataset:
    """The data set with a word on examples that are there several times."""
    told = duplicates.notes_of(dataset)
    return replace(dataset, notes=(*dataset.notes, *told), finish=None)


def places() -> list[Place]:
    """Only where the path says."""
    return []


def _one(tree: Any, name: str) -> Any:
    return tree[name] if isinstance(tree, dict) else tree


def _find(path: str | None, arguments: Mapping[str, Any]) -> _Found:
    from nnpy.data.files import npy

    if path is None:
        raise DataError(f"data.path is missing: '{NAME}' needs a .npz file or a folder of .npy")
    place = Path(path).expanduser()
    stored = npy.stored(place)
    layout = arrays_layout.layout([*stored], arguments.get("x"), arguments.get("y"), str(place))
    counts = {split: _count(stored, each, place) for split, each in layout.x.items()}
    for split, wanted in layout.y.items():
        for key in wanted.values():
            if not stored[key].shape or stored[key].shape[0] != counts[split]:
                raise DataError(
                    f"{place}: {_first(layout.x[split])} has {counts[split]:,} examples, but {key} "
                    f"has the shape {stored[key].shape}"
                )
    for split, wanted in layout.x.items():
        for key in wanted.values():
            _check_input(stored[key])
        _check_same(stored, layout.x[TRAIN], wanted, split)
    targets, y = _targets(stored, layout, arguments, place)
    if not layout.y:
        import numpy as np

        y = {split: np.zeros(count, np.float32) for split, count in counts.items()}
    return _Found(place, stored, layout, targets, y, counts)


def _first(wanted: Mapping[str, str]) -> str:
    return next(iter(wanted.values()))


def _count(stored: Mapping[str, Stored], wanted: Mapping[str, str], place: Path) -> int:
    sizes = {key: stored[key].shape[0] if stored[key].shape else 0 for key in wanted.values()}
    if len({*sizes.values()}) > 1:
        told = ", ".join(f"{key} {size:,}" for key, size in sizes.items())
        raise DataError(f"{place}: the inputs have different numbers of examples: {told}")
    count = next(iter(sizes.values()))
    if not count:
        raise DataError(f"{place}: {_first(wanted)} holds no examples")
    return count


def _check_input(each: Stored) -> None:
    from nnpy.data.files import npy

    npy.check_kind(each)
    if each.dtype.kind in "US":
        raise DataError(f"{each.place} holds words: a network takes numbers; see source: table")
    if 0 in each.shape:
        raise DataError(f"{each.place} holds no numbers (shape {each.shape})")


def _check_same(
    stored: Mapping[str, Stored], train: Mapping[str, str], other: Mapping[str, str], split: str
) -> None:
    for name, key in other.items():
        one, two = stored[train[name]], stored[key]
        if one.shape[1:] != two.shape[1:]:
            raise DataError(
                f"{two.place}: an example to train on has the shape {list(one.shape[1:])}, one for "
                f"{split} {list(two.shape[1:])}"
            )


def _targets(
    stored: Mapping[str, Stored],
    layout: arrays_layout.Layout,
    arguments: Mapping[str, Any],
    place: Path,
) -> tuple[tuple[Target, ...], dict[str, Any]]:
    """What is asked for, and the answers of each split."""
    from nnpy.data import array_targets
    from nnpy.data.files import npy

    if not layout.y:
        return (Target(task=Task.UNKNOWN, why=_NO_TARGETS),), {}
    names = [*layout.y[TRAIN]]
    classes = arguments.get("classes")
    if classes is None and layout.class_names is not None and len(names) == 1:
        words, _ = npy.read(stored[layout.class_names])
        if words.ndim == 1 and words.dtype.kind in "US":
            classes = [str(each) for each in words.astype(str).tolist()]
    targets: list[Target] = []
    y: dict[str, dict[str, Any]] = {}
    for name in names:
        arrays = {split: npy.read(stored[each[name]])[0] for split, each in layout.y.items()}
        task = _task(arguments.get("task"), name, names)
        where = f"{place}: {layout.y[TRAIN][name]}"
        target, found = array_targets.decide(name, arrays, task, classes, where)
        targets.append(target)
        for split, values in found.items():
            y.setdefault(split, {})[name] = values
    return tuple(targets), {split: each.get("", each) for split, each in y.items()}


def _task(said: Any, name: str, names: Sequence[str]) -> str | None:
    task = said.get(name) if isinstance(said, Mapping) else said
    if isinstance(said, Mapping):
        strange = [each for each in said if each not in names]
        if strange:
            known = ", ".join(filter(None, names)) or "only one, which needs no name"
            raise DataError(f"task: there is no target '{strange[0]}': the targets are {known}")
    if task is not None and task not in _TASKS:
        raise DataError(f"task: expected {', '.join(_TASKS)}, got {task!r}")
    return task


def _info(found: _Found) -> DataInfo:
    inputs = {name: _part(found.stored[key]) for name, key in found.layout.x[TRAIN].items()}
    first, only = next(iter(inputs.values())), found.targets[0]
    scales = [part.scale for part in inputs.values() if part.scale != 1.0]
    is_classes = len(found.targets) == 1 and only.task is Task.CLASSES
    return DataInfo(
        name=NAME,
        shape=first.shape,
        dtype=first.dtype,
        classes=only.classes if is_classes else (),
        train=found.counts[TRAIN],
        validation=found.counts.get(VALIDATION, 0),
        test=found.counts.get(TEST, 0),
        scale=scales[0] if scales else 1.0,
        inputs={} if "" in inputs else inputs,
        targets=found.targets,
    )


def _part(each: Stored) -> Part:
    shape = each.shape[1:] or (1,)
    kind = "uint8" if each.dtype.kind == "b" else each.dtype.newbyteorder("=").name
    return Part(shape, kind, 1 / 255 if each.dtype.kind == "u" and each.dtype.itemsize == 1 else 1)


def _usable(array: np.ndarray, place: str) -> np.ndarray:
    """The inputs, each with an axis; refused where they are not numbers."""
    import numpy as np

    from nnpy.data.files import npy

    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if array.dtype.kind == "f":
        at = 0
        for part in npy.pieces(array):
            good = np.isfinite(part).reshape(len(part), -1).all(axis=1)
            if not good.all():
                raise DataError(
                    f"{place}: example {at + int(np.argmin(good)):,} has a value that is not a "
                    "number (NaN or infinity), of which every answer would become one: fill it "
                    "or leave it out"
                )
            if part.dtype.itemsize > 4 and part.size and np.abs(part).max() > _LARGEST:
                raise DataError(
                    f"{place}: values up to {np.abs(part).max():g} are too large for float32, in "
                    "which networks compute: divide them first"
                )
            at += len(part)
    return array[:, None] if array.ndim == 1 else array


def _notes(facts: DataInfo, found: _Found) -> list[str]:
    from nnpy.data.targets import told

    notes = told(facts) if found.layout.y else []
    for name, key in found.layout.x[TRAIN].items():
        shape = found.stored[key].shape[1:]
        if len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4):
            notes.append(
                f"{name or key} has the shape {list(shape)}, as if channels came first; Keras's "
                "layers take them last: np.moveaxis(x, 1, -1)"
            )
    return notes
