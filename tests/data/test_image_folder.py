"""A folder of pictures as a data set: real files in, examples and what is told of them out."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nnpy import data
from nnpy.data.files import decode_all, images, mapped
from nnpy.data.splits import SplitRule
from nnpy.data.targets import Task
from nnpy.errors import DataError

SIZE = {"image_size": [8, 8]}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def paint(path: Path, seed: int = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Path:
    """A picture of its own for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def folder(root: Path, **numbers: int) -> Path:
    """`train_cat=3` makes three pictures in train/cat, all of them different."""
    for place, number in numbers.items():
        for i in range(number):
            seed = zlib.crc32(f"{place} {i}".encode())
            paint(root.joinpath(*place.split("_")) / f"{i}.png", seed)
    return root


def load(root: Path, budget: int | None = None, **arguments: Any) -> data.Dataset:
    rules = {key: arguments.pop(key) for key in ("validation", "test") if key in arguments}
    return data.load(
        "image_folder",
        path=str(root),
        arguments={**SIZE, **arguments},
        memory_budget=budget,
        **rules,
    )


def test_examples_are_what_predict_makes_of_the_same_files(tmp_path: Path) -> None:
    sizes = [(8, 8), (20, 31), (9, 200), (64, 48)]
    for i, size in enumerate(sizes):
        mode = ("RGB", "L", "RGB", "CMYK")[i]
        paint(
            tmp_path / "p" / "ab"[i % 2] / f"{i}.{('png', 'png', 'jpg', 'jpg')[i]}", i, size, mode
        )
    for fit in ("pad", "crop", "stretch"):
        loaded = load(tmp_path / "p", fit=fit, validation=SplitRule(0.0), test=SplitRule(0.0))
        for row, name in zip(loaded.train.x, loaded.train.columns["file"], strict=True):
            (one,) = images.read(tmp_path / "p" / name, (8, 8, 3), fit=fit)
            assert (row == one.x).all()


def test_info_counts_what_is_there_and_decodes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path, train_cat=4, train_dog=3, val_dog=1, test_cat=2)
    monkeypatch.setattr(decode_all, "_one", None)
    info = data.info("image_folder", str(tmp_path), **SIZE)
    assert (info.shape, info.dtype, info.classes) == ((8, 8, 3), "uint8", ("cat", "dog"))
    assert (info.train, info.validation, info.test) == (7, 1, 2)
    grey = data.info("image_folder", str(tmp_path), **SIZE, color_mode="grayscale")
    assert grey.shape == (8, 8)


def test_own_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    found = load(folder(tmp_path, train_a=5, train_b=3, val_b=2, test_a=1))
    assert found.train.y.tolist() == [0] * 5 + [1] * 3
    assert found.validation is not None
    assert found.validation.y.tolist() == [1, 1]
    assert found.test is not None
    assert found.test.y.tolist() == [0]
    assert found.held_out is None


def test_row_25_without_splits_both_are_held_out_class_by_class_and_told(tmp_path: Path) -> None:
    found = load(folder(tmp_path, a=40, b=20))
    assert {k: np.bincount(s.y).tolist() for k, s in found.splits().items()} == {
        "train": [28, 14],
        "validation": [6, 3],
        "test": [6, 3],
    }
    assert any("the 60 examples are split: 42 to train on" in note for note in found.notes)


def test_row_26_the_split_is_one_and_has_a_digest(tmp_path: Path) -> None:
    folder(tmp_path, a=20, b=20)
    one, two = load(tmp_path), load(tmp_path)
    names = [set(split.columns["file"]) for split in one.splits().values()]
    assert sum(map(len, names)) == len(set.union(*names)) == 40
    assert one.held_out is not None
    assert two.held_out is not None
    assert one.held_out.digest == two.held_out.digest
    assert one.digests == two.digests


def test_row_27_a_share_that_leaves_nothing_is_a_clear_error(tmp_path: Path) -> None:
    folder(tmp_path, a=2, b=2)
    with pytest.raises(DataError, match="leaves no examples to train on"):
        load(tmp_path, validation=SplitRule(0.99))


@pytest.mark.parametrize("budget", [None, 100])
def test_labels_stay_with_their_pictures_in_memory_and_on_the_disk(
    tmp_path: Path, budget: int | None
) -> None:
    for i in range(20):  # the colour says the class
        path = tmp_path / ("dark" if i % 3 else "bright") / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (0 if i % 3 else 255, i, 0)).save(path)
    found = load(tmp_path, budget=budget)
    for split in found.splits().values():
        x = mapped.whole(split.x)
        assert ((x[:, 0, 0, 0] == 0) == (split.y == 1)).all()
        numbers = [int(Path(name).stem) for name in split.columns["file"]]
        assert x[:, 0, 0, 1].tolist() == numbers
    on_disk = isinstance(found.train.x, mapped.SelectedRows)
    assert on_disk == (budget is not None)


def test_rows_11_and_17_damaged_pictures_are_listed_or_left_out(tmp_path: Path) -> None:
    folder(tmp_path, train_a=4, train_b=4, test_a=2, test_b=2)
    torn = tmp_path / "train" / "a" / "1.png"
    torn.write_bytes(torn.read_bytes()[:-30])
    (tmp_path / "test" / "b" / "0.png").write_text("<!DOCTYPE html>")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    with pytest.raises(
        DataError, match=r"2 of 12 pictures cannot be read.*skip_unreadable: 2"
    ) as e:
        load(tmp_path)
    assert "train/a/1.png" in str(e.value)
    assert "test/b/0.png: not an image of a known format, but a web page" in str(e.value)
    found = load(tmp_path, skip_unreadable=2)
    assert (found.info.train, found.info.test) == (7, 3)
    names = [name for split in found.splits().values() for name in split.columns["file"]]
    assert len(names) == 10
    assert not {"train/a/1.png", "test/b/0.png"} & {*names}
    assert any("2 pictures that cannot be read are left out" in note for note in found.notes)
    # Row 18: nothing of the user's is mended in its place.
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.png")} == before


def test_a_training_set_without_a_readable_picture(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/1.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="none of the pictures to train on can be read"):
        load(tmp_path, skip_unreadable=5)


def test_rows_16_20_and_23_what_pictures_were_is_told(tmp_path: Path) -> None:
    folder(tmp_path, a=10, b=10)
    paint(tmp_path / "a" / "wide.png", 1, (10, 40), "L")
    frames = [Image.new("RGB", (8, 8), (v, v, v)) for v in (255, 0)]
    frames[0].save(tmp_path / "b" / "film.gif", save_all=True, append_images=frames[1:])
    notes = " | ".join(load(tmp_path).notes)
    assert "pictures are 8 to 40 wide and 8 to 10 high: 1 of 22 are padded" in notes
    assert "1 of 22 pictures are grey, and made rgb" in notes
    assert "of 1 pictures with several frames the first is taken" in notes
    assert "21 of 22 pictures have colours" in " ".join(
        load(tmp_path, color_mode="grayscale").notes
    )


def test_uneven_classes_are_told(tmp_path: Path) -> None:
    notes = load(folder(tmp_path, a=24, b=4)).notes
    assert any("a has 24 pictures, b 4; training: {class_weight: balanced}" in n for n in notes)


def test_row_29_the_same_picture_in_two_splits_is_counted_with_its_class(tmp_path: Path) -> None:
    folder(tmp_path, train_a=9, train_b=9, test_a=3, test_b=3)
    content = (tmp_path / "train" / "b" / "3.png").read_bytes()
    (tmp_path / "test" / "b" / "copy.png").write_bytes(content)
    (tmp_path / "train" / "b" / "again.png").write_bytes(content)
    (tmp_path / "train" / "a" / "other.png").write_bytes(content)
    notes = load(tmp_path, validation=SplitRule(0.0)).notes
    assert "1 of 7 test examples is in the training set too: b 1" in notes
    assert "2 training examples are the same as another one" in notes
    assert any("1 example is in the training set with different labels" in note for note in notes)


def test_row_30_the_pictures_of_a_patient_stay_together(tmp_path: Path) -> None:
    for patient in range(12):
        for i in range(4):
            place = tmp_path / "ab"[patient % 2]
            paint(place / f"p{patient:02d}_{i}.png", 10 * patient + i)
    rule = SplitRule(0.2, "group", 0, "group")
    found = load(tmp_path, group="^[^_]+", validation=rule, test=rule)
    patients = [{name[2:5] for name in s.columns["file"]} for s in found.splits().values()]
    assert all(patients)
    assert sum(map(len, patients)) == len(set.union(*patients)) == 12
    with pytest.raises(DataError, match="is no regular expression"):
        data.info("image_folder", str(tmp_path), **SIZE, group="(")


def test_several_labels_are_columns_of_0_and_1(tmp_path: Path) -> None:
    for i in range(1, 5):
        paint(tmp_path / f"{i}.png", i)
    text = "file_name,labels\n3.png,sea sun\n1.png,sun\n2.png,\n4.png,sea\n"
    (tmp_path / "metadata.csv").write_text(text)
    none = SplitRule(0.0)
    found = load(tmp_path, label_delim=" ", validation=none, test=none)
    assert found.info.classes == ("sea", "sun")
    assert found.info.targets[0].task is Task.LABELS
    assert found.train.y.tolist() == [[0, 1], [0, 0], [1, 1], [1, 0]]
    assert found.train.columns["file"].tolist() == ["1.png", "2.png", "3.png", "4.png"]


def test_digests_change_with_a_picture_and_with_a_label(tmp_path: Path) -> None:
    folder(tmp_path, train_a=3, train_b=3, test_a=1, test_b=1)
    none = SplitRule(0.0)
    first = load(tmp_path, validation=none).digests
    (tmp_path / "train" / "a" / "2.png").rename(tmp_path / "train" / "b" / "9.png")
    second = load(tmp_path, validation=none).digests
    assert first["train"] != second["train"]
    assert first["test"] == second["test"]


def test_without_a_folder_or_a_size(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        data.info("image_folder", str(tmp_path / "nowhere"), **SIZE)
    with pytest.raises(DataError, match="needs image_size"):
        data.info("image_folder", str(folder(tmp_path, a=1, b=1)))
