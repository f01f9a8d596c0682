"""Arrays of NumPy as a data set: what their names and their values say."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy import data
from nnpy.data import Task
from nnpy.data.files import mapped
from nnpy.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.random((60, 4)).astype("float32")
Y = np.arange(60) % 3


def load(path, **given):
    budget = given.pop("budget", None)
    return data.load("arrays", path=str(path), arguments=given, memory_budget=budget)


def save(folder, **arrays):
    path = folder / "some.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"x": X, "y": Y}, {"train": 42, "validation": 9, "test": 9}),
        ({"data": X, "target": Y}, {"train": 42, "validation": 9, "test": 9}),
        ({"X": X, "Y": Y}, {"train": 42, "validation": 9, "test": 9}),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:6], "y_test": Y[:6]},
            {"train": 54, "validation": 6, "test": 6},
        ),
        (
            {
                "train_images": X,
                "train_labels": Y[:, None],
                "val_images": X[:12],
                "val_labels": Y[:12, None],
                "test_images": X[:6],
                "test_labels": Y[:6, None],
            },
            {"train": 60, "validation": 12, "test": 6},
        ),
    ],
)
def test_names_say_what_is_what(tmp_path, arrays, parts):
    found = load(save(tmp_path, **arrays))
    assert {name: len(split) for name, split in found.splits().items()} == parts
    assert found.info.classes == ("0", "1", "2")
    assert found.train.y.dtype == np.int32
    rows = {each.tobytes(): label for each, label in zip(X, Y, strict=True)}
    assert [rows[each.tobytes()] for each in found.train.x] == found.train.y.tolist()


def test_a_folder_of_npy_files_is_read_as_a_npz(tmp_path):
    for name, array in {"x_train": X, "y_train": Y}.items():
        np.save(tmp_path / f"{name}.npy", array)
    assert len(load(tmp_path).train) == 42


@pytest.mark.parametrize(
    ("y", "task", "classes", "first"),
    [
        (np.array(["no", "yes"] * 30), Task.CLASSES, ("no", "yes"), 0),
        (np.arange(60) % 2 == 1, Task.CLASSES, ("false", "true"), 0),
        ([3, 5, 9] * 20, Task.CLASSES, ("3", "5", "9"), 0),
        (np.eye(3)[Y], Task.CLASSES, ("0", "1", "2"), 0),
        (RNG.integers(0, 2, (60, 4)), Task.LABELS, ("y_0", "y_1", "y_2", "y_3"), None),
        (RNG.random(60), Task.NUMBERS, ("y",), None),
        (RNG.random((60, 2)), Task.NUMBERS, ("y_0", "y_1"), None),
        (np.arange(60) * 7, Task.NUMBERS, ("y",), None),
    ],
)
def test_values_say_the_task(tmp_path, y, task, classes, first):
    found = load(save(tmp_path, x=X, y=np.asarray(y)))
    (target,) = found.info.targets
    assert (target.task, target.classes) == (task, classes)
    if first is not None:
        assert set(found.train.y.tolist()) == set(range(len(classes)))
    else:
        assert found.train.y.shape == (42, len(classes))


def test_the_task_can_be_said(tmp_path):
    path = save(tmp_path, x=X, y=Y + 1)
    assert load(path).info.targets[0].task is Task.CLASSES
    assert load(path, task="numbers").info.targets[0].task is Task.NUMBERS
    with pytest.raises(DataError, match="labels needs 0 and 1"):
        load(path, task="labels")
    assert any("task: numbers" in note for note in load(save(tmp_path, x=X, y=Y * 5)).notes)


def test_classes_bear_the_names_that_the_file_or_the_config_says(tmp_path):
    names = np.array(["a", "b", "c"])
    assert load(save(tmp_path, x=X, y=Y, target_names=names)).info.classes == ("a", "b", "c")
    path = save(tmp_path, x=X, y=names[Y])
    found = load(path, classes=["c", "b", "a"])
    assert found.info.classes == ("c", "b", "a")
    assert np.bincount(found.train.y).tolist() == [14, 14, 14]
    with pytest.raises(DataError, match="class c, which is not among"):
        load(path, classes=["a", "b"])


def test_a_class_of_the_test_set_alone_is_refused(tmp_path):
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:3], "y_test": np.array([0, 1, 7])}
    with pytest.raises(DataError, match="1 examples of the test set have a class such as 7"):
        load(save(tmp_path, **arrays))


def test_several_inputs_and_targets_go_by_name(tmp_path):
    path = save(
        tmp_path, image_train=X, meta_train=X[:, 0], kind_train=Y, size_train=RNG.random(60)
    )
    found = load(path, x=["image", "meta"], y={"what": "kind", "size": "size"})
    assert {name: part.shape for name, part in found.info.inputs.items()} == {
        "image": (4,),
        "meta": (1,),
    }
    assert [(each.name, each.task) for each in found.info.targets] == [
        ("what", Task.CLASSES),
        ("size", Task.NUMBERS),
    ]
    assert found.train.x["meta"].shape == (42, 1)
    assert found.train.y["size"].shape == (42, 1)
    assert np.bincount(found.train.y["what"]).tolist() == [14, 14, 14]  # still stratified


def test_numbers_are_scaled_by_the_training_rows_alone(tmp_path):
    y = RNG.normal(1e8, 1, 60)
    found = load(save(tmp_path, x=X, y=y))
    (target,) = found.info.targets
    train = found.train.y[:, 0]
    assert target.center[0] == pytest.approx(train.mean(), rel=1e-12)
    assert target.spread[0] == pytest.approx(train.std(), rel=1e-6)


def test_what_is_larger_than_the_budget_stays_on_the_disk(tmp_path):
    path = save(tmp_path, x=X, y=Y)
    found = load(path, budget=100)
    assert mapped.file_of(getattr(found.train.x, "base", found.train.x)) is not None
    inside = load(path)
    assert np.array_equal(mapped.whole(found.train.x), inside.train.x)
    assert found.digests == inside.digests
    np.savez_compressed(path, x=X, y=Y)
    packed = load(path, budget=100)
    assert packed.digests == inside.digests
    assert any("compressed" in note for note in packed.notes)


def ragged():
    rows = np.empty(2, object)
    rows[:] = [[1], [1, 2]]
    return rows


@pytest.mark.parametrize(
    ("arrays", "said", "message"),
    [
        ({"x": X, "y": Y[:50]}, {}, "x has 60 examples, but y has the shape"),
        ({"a": X, "b": Y}, {}, "has the arrays a, b: say which"),
        ({"x": X, "y": Y}, {"x": "xx"}, "no array 'xx'; did you mean 'x'"),
        ({"x": np.full((60, 2), np.nan), "y": Y}, {}, "example 0 has a value that is not"),
        ({"x": X, "y": np.where(Y == 1, np.nan, RNG.random(60))}, {}, "not a number in"),
        ({"x": np.array(["a"] * 60), "y": Y}, {}, "holds words"),
        ({"x": X * 1j, "y": Y}, {}, "holds complex64"),
        ({"x": X.astype(np.longdouble), "y": Y}, {}, "x holds float.*save it as float64"),
        ({"x": X, "y": X.astype(np.longdouble)}, {}, "y holds float.*save it as float64"),
        ({"x": X, "y": RNG.random((60, 4, 4))}, {}, "targets of the shape"),
        ({"x": X, "y": Y * 0}, {}, "every row is 0"),
        ({"x": X[:0], "y": Y[:0]}, {}, "holds no examples"),
        ({"x": X, "y": Y, "x_test": X}, {}, "inputs for test, but no targets"),
        ({"x": X, "y": Y, "x_test": X[:, :2], "y_test": Y}, {}, "has the shape"),
        ({"x": ragged(), "y": Y[:2]}, {}, "pad_sequences"),
    ],
)
def test_what_cannot_be_learnt_from_is_told(tmp_path, arrays, said, message):
    with pytest.raises(DataError, match=message):
        load(save(tmp_path, **arrays), **said)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no", b"\x93NUMPY\1\0 no", b"a,b\n1,2\n"])
def test_what_is_no_file_of_arrays_is_told(tmp_path, content):
    path = tmp_path / "some.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"some\.npz"):
        load(path)
    with pytest.raises(DataError, match="missing"):
        load(tmp_path / "missing.npz")
