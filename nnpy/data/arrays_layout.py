"""Which of a file's arrays are inputs and which are targets, and of which split: by their names.

    x_train, y_train, x_test, y_test, x_val, y_val              as Keras's mnist.npz
    train_images, train_labels, val_images, …, test_labels      as MedMNIST
    x, y; data, target; images, labels                          one part: split by nnpy

Several are named by the config: `x: [image, meta]` finds `image`, or `image_train`, `train_image`,
`image_test` and so on; `x: {picture: image}` calls it `picture`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnpy.data.files.split_names import TEST, TRAIN, VALIDATION
from nnpy.errors import DataError, did_you_mean

_WORDS = {
    TRAIN: ("train", "training", "tr"),
    VALIDATION: ("val", "validation", "valid", "dev"),
    TEST: ("test", "testing", "te"),
}
_X = ("x", "images", "image", "data", "inputs", "input", "features")
_Y = ("y", "labels", "label", "target", "targets", "outputs", "output", "classes")
_CLASS_NAMES = ("class_names", "target_names", "label_names", "labels_names", "classes")
_NEVER_Y = "classes"  # where it holds words, it names them


@dataclass(frozen=True)
class Layout:
    """For each split, which array is which input and which target, by their names in the model.

    The only input and the only target are called "".
    """

    x: Mapping[str, Mapping[str, str]]
    y: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    class_names: str | None = None


def layout(names: Collection[str], x: Any, y: Any, place: str) -> Layout:
    """How the arrays `names` of a file are used. Raises DataError where that is not clear."""
    wanted_x = _wanted(x) or _found(names, _X)
    if not wanted_x and len(names) == 1:
        only = next(iter(names))
        wanted_x = {"": only}
        if y is None:
            return Layout({TRAIN: {"": only}})
    if not wanted_x:
        raise DataError(
            f"{place} has the arrays {', '.join(names)}: say which are the inputs and which the "
            f"targets, x: … and y: …"
        )
    used = {*_parts(names, wanted_x).values()}
    wanted_y = _wanted(y) or _found([each for each in names if each not in used], _Y)
    inputs, targets = _splits(names, wanted_x, place), _splits(names, wanted_y, place)
    if TRAIN not in inputs:
        raise DataError(f"{place} has no array to train on for x: {_shown(wanted_x)}")
    if wanted_y:
        for split in inputs:
            if split not in targets:
                raise DataError(f"{place} has inputs for {split}, but no targets for it")
    lower = {each.lower(): each for each in names}
    found = next((lower[each] for each in _CLASS_NAMES if each in lower), None)
    taken = {each for part in targets.values() for each in part.values()}
    return Layout(
        inputs,
        {split: targets[split] for split in inputs if split in targets},
        None if found in taken else found,
    )


def inputs_alone(names: Collection[str], place: str) -> dict[str, str]:
    """The array that is the only input, "", of a file that needs no targets."""
    found = {"": next(iter(names))} if len(names) == 1 else _found(names, _X)
    if not found:
        raise DataError(f"{place} has the arrays {', '.join(names)}: call the input x")
    key = _array(names, found[""], TRAIN)
    return {"": key if key is not None else found[""]}


def _wanted(said: Any) -> dict[str, str]:
    """What a config says: a name, several, or names in the model for names in the file."""
    if said is None:
        return {}
    if isinstance(said, str):
        return {"": said}
    if isinstance(said, Mapping):
        return {str(name): str(array) for name, array in said.items()}
    said = list(said)
    return {"": said[0]} if len(said) == 1 else {each: each for each in said}


def _found(names: Iterable[str], bases: Iterable[str]) -> dict[str, str]:
    """The first of the usual words of which there is an array to train on."""
    names = list(names)
    for base in bases:
        if _array(names, base, TRAIN) is not None:
            return {"": base}
    return {}


def _array(names: Iterable[str], base: str, split: str) -> str | None:
    """The array of a base name for a split; without a word for the split it is to train on."""
    names = list(names)
    exact = {*names}
    lower = {each.lower(): each for each in reversed(names)}
    for word in _WORDS[split]:
        for each in (f"{base}_{word}", f"{word}_{base}", f"{base}{word}", f"{word}{base}"):
            if each in exact or each.lower() in lower:
                return each if each in exact else lower[each.lower()]
    if split == TRAIN and (base in exact or base.lower() in lower):
        return base if base in exact else lower[base.lower()]
    return None


def _parts(names: Iterable[str], wanted: Mapping[str, str]) -> dict[tuple[str, str], str]:
    found = {}
    for split in _WORDS:
        for name, base in wanted.items():
            if (array := _array(names, base, split)) is not None:
                found[split, name] = array
    return found


def _splits(
    names: Collection[str], wanted: Mapping[str, str], place: str
) -> dict[str, dict[str, str]]:
    """The arrays of each split that there is."""
    found: dict[str, dict[str, str]] = {}
    parts = _parts(names, wanted)
    for split in _WORDS:
        own = {name: parts[split, name] for name in wanted if (split, name) in parts}
        if not own:
            continue
        missing = [wanted[name] for name in wanted if name not in own]
        if missing:
            hint = did_you_mean(missing[0], names) or f"; it has {', '.join(names)}"
            raise DataError(f"{place} has no array '{missing[0]}' for {split}{hint}")
        found[split] = own
    if wanted and not found:
        missing_name = next(iter(wanted.values()))
        hint = did_you_mean(missing_name, names) or f"; it has {', '.join(names)}"
        raise DataError(f"{place} has no array '{missing_name}'{hint}")
    return found


def _shown(wanted: Mapping[str, str]) -> str:
    return ", ".join(wanted.values())
