"""What `fit` was given → the `data:` section: which examples, how scaled, how split.

The examples themselves tell: a batch of what the script gave to `fit` is looked up, example by
example, in the data sets that it loaded by `keras.datasets`. So it does not matter whether they
came as arrays, as a `tf.data` pipeline or as a `PyDataset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from nnpy.config.settings import DataSettings, parameters
from nnpy.data import registry
from nnpy.workflows.import_script.fit_call import Note

_MOST = 64  # examples of a batch that are looked at

# value = stored byte × scale + offset: what scripts do to pictures
_SCALINGS = (
    (1 / 255, 0.0),
    (1.0, 0.0),
    (1 / 127.5, -1.0),
    (1 / 128, -1.0),
    (1 / 256, 0.0),
    (1 / 255, -0.5),
    (1 / 254, 0.0),
)

_NOTHING_OUT = "the script holds nothing out; with 0.1, nnpy would keep the best epoch by it"
_KNOWN = frozenset(each.name for each in parameters(DataSettings))


@dataclass(frozen=True)
class Loaded:
    """A data set that the script loaded: its arrays, as they came."""

    name: str
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Batch:
    """The first batch of what `fit` was given, as NumPy arrays, and how many examples there are.

    `size` is that of the pipeline's own batches, None where `fit` makes them of arrays.
    """

    x: Any
    y: Any
    sample_weight: Any
    size: int | None
    examples: int | None
    first_and_last: tuple[Any, Any] | None = None


@dataclass
class Examples:
    """The `data:` section, and what the pictures were made of before `fit` saw them."""

    section: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    scaling: tuple[float, float] | None = None  # of stored bytes; None is unknown
    stored_shape: tuple[int, ...] | None = None  # of an example of the data set

    def note(self, key: str, text: str) -> None:
        self.notes.append(Note(("data", key) if key else ("data",), text))


# -- a batch of anything -------------------------------------------------------------------


def first_batch(x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> Batch:
    """A batch of arrays, of a `tf.data.Dataset`, a `PyDataset` or a generator.

    Of a generator that has no beginning to return to the batch is taken away. Raises what the
    script's own pipeline raises.
    """
    if _is_arrays(x):
        size = batch_size or 32
        leaves = keras.tree.flatten(x)
        length = len(leaves[0])

        def cut(value: Any) -> Any:
            return keras.tree.map_structure(lambda each: np.asarray(each[:size]), value)

        ends = None
        if len(leaves) == 1:
            ends = (np.asarray(leaves[0][:1]), np.asarray(leaves[0][length - 1 :]))
        weights = None if sample_weight is None else cut(sample_weight)
        return Batch(cut(x), None if y is None else cut(y), weights, None, length, ends)
    if isinstance(x, keras.utils.PyDataset):
        item, steps = x[0], x.num_batches
    else:
        item, steps = next(iter(x)), _cardinality(x)
    parts = [_numpy(each) for each in (item if isinstance(item, tuple) else (item,))]
    own_x, own_y, own_weight = (*parts, None, None)[:3]
    size = len(keras.tree.flatten(own_x)[0])
    return Batch(own_x, own_y, own_weight, size, steps and steps * size)


def _is_arrays(x: Any) -> bool:
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(
        hasattr(each, "shape") and hasattr(each, "__getitem__") for each in leaves
    )


def _cardinality(dataset: Any) -> int | None:
    count = getattr(dataset, "cardinality", None)
    number = int(count()) if callable(count) else -1
    return number if number >= 0 else None


def _numpy(value: Any) -> Any:
    def convert(each: Any) -> Any:
        if hasattr(each, "to_tensor"):  # ragged
            each = each.to_tensor()
        return each.numpy() if hasattr(each, "numpy") else np.asarray(each)

    return keras.tree.map_structure(convert, value)


# -- which data they are -------------------------------------------------------------------


def section_of(
    batch: Batch, call: Mapping[str, Any], loaded: list[Loaded], one_hot_wanted: bool
) -> Examples:
    """The `data:` section of a call of `fit`."""
    found = Examples()
    source = None
    for each in loaded:
        source = source or _Lookup(each).match(batch)
    if source is None and len(loaded) == 1 and _may_be(batch, loaded[0]):
        name = loaded[0].name
        text = f"the script changes {name} in a way that was not recognized; nnpy gives the stored"
        found.note("name", f"{text} pictures, scaled to 0..1 where they are bytes")
        source = _Match(loaded[0], None, np.array([], dtype=int), "train")
    if source is None:
        _unknown(found, call, batch, "the script's own")
        if loaded:
            names = ", ".join(each.name for each in loaded)
            found.note("", f"the script loads {names}, but fits on something else")
        return found
    name = source.loaded.name
    if name not in registry.NAMES:
        _unknown(found, call, batch, f"of keras.datasets.{name}, which nnpy does not read")
        return found
    targets = _targets(batch, source)
    if targets == "other":
        _unknown(found, call, batch, f"{name} with other targets than its labels")
        return found
    found.section["name"] = name
    if targets == "input":
        found.section["target"] = "input"
    found.scaling, found.stored_shape = source.scaling, source.loaded.train[0].shape[1:]
    if source.split == "test":
        found.note("name", "the script trains on the test examples; nnpy trains on the others")
    if targets == "one_hot" or (one_hot_wanted and batch.y is None):
        found.section["labels"] = "one_hot"
    _validation(found, call, batch, source)
    return found


def described(batch: Batch) -> str:
    """Shapes and types, as `x float32 [n, 28, 28], y int64 [n]`."""

    def one(value: Any) -> str:
        shape = ", ".join(["n", *map(str, value.shape[1:])])
        return f"{value.dtype if value.dtype != object else 'string'} [{shape}]"

    def whole(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key}: {whole(each)}" for key, each in value.items()) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(whole(each) for each in value) + "]"
        return one(np.asarray(value))

    text = f"x {whole(batch.x)}" + ("" if batch.y is None else f", y {whole(batch.y)}")
    return text + (f", n = {batch.examples:,}" if batch.examples else "")


@dataclass(frozen=True)
class _Match:
    loaded: Loaded
    scaling: tuple[float, float] | None
    rows: np.ndarray  # of the first and last example, where they are known
    split: str
    labels: np.ndarray | None = None  # of the first examples of the batch


class _Lookup:
    """The examples of a data set by their bytes."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    def match(self, batch: Batch) -> _Match | None:
        """Where the examples of the batch stand in the data set, and how they were scaled."""
        stored = self.loaded.train[0]
        x = batch.x
        if not isinstance(x, np.ndarray) or x.dtype == object or stored.dtype == object:
            return None
        if x.ndim < 2 or int(np.prod(x.shape[1:])) != int(np.prod(stored.shape[1:])):
            return None
        for scaling in _SCALINGS if stored.dtype == np.uint8 else ((1.0, 0.0),):
            rows = self._bytes(x[:_MOST], scaling)
            if rows is None:
                continue
            for split, (images, y) in (("train", self.loaded.train), ("test", self.loaded.test)):
                index = {each.tobytes(): place for place, each in enumerate(images)}
                if all(each in index for each in rows):
                    labels = np.asarray(y)[[index[each] for each in rows]]
                    ends = self._ends(batch, scaling, index)
                    return _Match(self.loaded, scaling, ends, split, labels)
        return None

    def _bytes(self, x: np.ndarray, scaling: tuple[float, float]) -> list[bytes] | None:
        """The stored form of scaled examples, or None if they cannot come from such."""
        stored = self.loaded.train[0]
        scale, offset = scaling
        values = (x.astype("float64") - offset) / scale
        whole = np.rint(values)
        if not np.isfinite(values).all() or np.abs(values - whole).max(initial=0) > 1e-3:
            return None
        if stored.dtype == np.uint8 and (whole.min(initial=0) < 0 or whole.max(initial=0) > 255):
            return None
        shape = (len(x), *stored.shape[1:])
        return [each.tobytes() for each in whole.astype(stored.dtype).reshape(shape)]

    def _ends(
        self, batch: Batch, scaling: tuple[float, float], index: Mapping[bytes, int]
    ) -> np.ndarray:
        if batch.first_and_last is None:
            return np.array([], dtype=int)
        rows = [self._bytes(each, scaling) for each in batch.first_and_last]
        places = [index.get(each[0], -1) for each in rows if each]
        return np.array(places if len(places) == 2 else [], dtype=int)


def _may_be(batch: Batch, loaded: Loaded) -> bool:
    """Whether changed pictures may come from a data set: one array, as many, with its labels."""
    labels, total = np.asarray(loaded.train[1]), len(loaded.train[0])
    if not isinstance(batch.x, np.ndarray) or not isinstance(batch.y, np.ndarray):
        return False
    if batch.examples is None or not total // 2 <= batch.examples <= total:
        return False
    y = batch.y
    classes = np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    return labels.dtype.kind in "iu" and bool(np.isin(classes, labels).all())


def _targets(batch: Batch, source: _Match) -> str:
    """What the script trains towards: labels `sparse` or `one_hot`, the `input`, or `other`."""
    y = batch.y
    if y is None:
        return "other"
    if not isinstance(y, np.ndarray):
        return "other"
    if isinstance(batch.x, np.ndarray) and y.shape == batch.x.shape and np.array_equal(y, batch.x):
        return "input" if "target" in _KNOWN else "other"
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()
        classes, kind = (np.argmax(y, axis=1), "one_hot") if one_hot else (None, "other")
    else:
        classes, kind = (y.reshape(-1), "sparse") if y.size == len(y) else (None, "other")
    if classes is None or source.labels is None:
        return kind
    # Nearly all: a picture may stand in the data set twice, with two labels.
    labels = source.labels.reshape(-1)
    return kind if np.mean(classes[: len(labels)] == labels) > 0.9 else "other"


def _unknown(found: Examples, call: Mapping[str, Any], batch: Batch, what: str) -> None:
    """Data that nnpy does not have: `data:` is to be filled in by the user."""
    found.section["name"] = None
    found.note("", f"data: to be filled in. The data are {what}: {described(batch)}")
    split, given = call.get("validation_split"), call.get("validation_data")
    if given is not None:
        length = _length(given[0] if isinstance(given, list | tuple) else given)
        count = f"{length:,} " if length else ""
        found.note("", f"the script validates on {count}examples of its own: validation_data")
    elif split:
        found.section["validation"] = _last(float(split))
    else:
        found.section["validation_split"] = 0.0
        found.note("validation_split", _NOTHING_OUT)
    if isinstance(batch.x, np.ndarray) and batch.x.dtype == np.uint8:
        found.section["rescale"] = 1.0  # the script scales none of its bytes


# -- validation ----------------------------------------------------------------------------


def _validation(found: Examples, call: Mapping[str, Any], batch: Batch, source: _Match) -> None:
    """`validation_split`, as near to the script's as nnpy can be."""
    split = float(call.get("validation_split") or 0.0)
    given = call.get("validation_data")
    if given is None:
        if split:
            found.section["validation"] = _last(split)
        else:
            found.section["validation_split"] = 0.0
            found.note("validation_split", _NOTHING_OUT)
        return
    x = given[0] if isinstance(given, list | tuple) else given
    length = _length(x)
    count = f"{length:,} " if length else ""
    total = len(source.loaded.train[0])
    if batch.examples and length and batch.examples + length == total:
        found.section["validation"] = _last(length / total)
        if tuple(source.rows) != (0, batch.examples - 1):
            text = f"the script validates on {count}training examples; nnpy on as many, others"
            found.note("validation", text)
        return
    found.section["validation_split"] = 0.1
    if _from_test(x, source):
        text = "the script validates on the test examples; nnpy holds out training examples and"
        found.note("validation_split", f"{text} keeps the test for the end")
        return
    text = f"the script validates on {count}examples of its own (validation_data); nnpy holds out"
    found.note("validation_split", f"{text} this share of the training examples")


def _last(share: float) -> dict[str, Any]:
    """The last examples as stored, which is what `fit` holds out."""
    return {"split": share, "stratify": False, "seed": None}


def _length(x: Any) -> int | None:
    leaves = keras.tree.flatten(x)
    if len(leaves) >= 1 and hasattr(leaves[0], "shape") and leaves[0].shape:
        return int(leaves[0].shape[0])
    return None


def _from_test(x: Any, source: _Match) -> bool:
    try:
        batch = first_batch(x, None, None, _MOST)
    except Exception:  # noqa: BLE001 – the script's own pipeline may raise anything
        return False
    match = _Lookup(source.loaded).match(batch)
    return match is not None and match.split == "test"
