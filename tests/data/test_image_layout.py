"""Folders of pictures as people lay them out: the same pictures, splits and classes everywhere.

Numbers in names (row 2 and so on) are those of the checklist in the project's facts.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nnpy.data.files import image_layout
from nnpy.data.files.image_layout import Layout
from nnpy.errors import DataError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def make(root: Path, *names: str) -> Path:
    """Files that a layout takes for pictures by their names (nothing is decoded here)."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return root


def seen(layout: Layout) -> dict[str, list[tuple[str, str]]]:
    return {
        split: [
            (file.name, "+".join(labels))
            for file, labels in zip(found.files, found.labels, strict=True)
        ]
        for split, found in layout.splits.items()
    }


def test_classes_without_splits_are_all_to_train_on(tmp_path: Path) -> None:
    layout = image_layout.read(make(tmp_path, "cat/1.png", "dog/2.JPG", "dog/3.webp"))
    assert layout.classes == ("cat", "dog")
    assert seen(layout) == {
        "train": [("cat/1.png", "cat"), ("dog/2.JPG", "dog"), ("dog/3.webp", "dog")]
    }
    assert layout.counts("train") == [1, 2]
    assert layout.form == "root/<class>/…"


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [("train", "val", "test"), ("Training", "valid", "testing"), ("train", "dev", "eval")],
)
def test_splits_by_the_names_that_people_use(
    tmp_path: Path, train: str, validation: str, test: str
) -> None:
    names = [f"{s}/{c}/1.png" for s in (train, validation, test) for c in ("a", "b")]
    layout = image_layout.read(make(tmp_path, *names))
    assert {split: len(found) for split, found in layout.splits.items()} == {
        "train": 2,
        "validation": 2,
        "test": 2,
    }
    assert layout.classes == ("a", "b")


def test_a_class_may_be_named_test_and_file_names_mean_nothing(tmp_path: Path) -> None:
    inside = make(tmp_path / "a", "train/test/train_1.png", "train/train/test_2.png")
    assert image_layout.read(inside).classes == ("test", "train")
    bare = image_layout.read(make(tmp_path / "b", "test/train_1.png", "cat/train_2.png"))
    assert bare.classes == ("cat", "test")
    assert list(bare.splits) == ["train"]


def test_splits_without_one_to_train_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none for training"):
        image_layout.read(make(tmp_path, "val/a/1.png", "test/b/1.png"))


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    names = [f"{s}/{c}/1.png" for s in ("train", "val", "valid") for c in "ab"]
    with pytest.raises(DataError, match="val, valid both mean validation"):
        image_layout.read(make(tmp_path, *names))


def test_row_1_classes_are_in_plain_order_and_it_is_told(tmp_path: Path) -> None:
    layout = image_layout.read(make(tmp_path, "b9/1.png", "b10/1.png", "A/1.png", "a/1.png"))
    assert layout.classes == ("A", "a", "b10", "b9")
    assert any("b10 before b9" in note for note in layout.notes)


def test_row_1_the_order_that_is_given_wins(tmp_path: Path) -> None:
    make(tmp_path, "b9/1.png", "b10/1.png")
    assert image_layout.read(tmp_path, classes=["b9", "b10"]).classes == ("b9", "b10")
    with pytest.raises(DataError, match="b9 is not among `classes`"):
        image_layout.read(tmp_path, classes=["b10", "b11"])
    with pytest.raises(DataError, match="named twice"):
        image_layout.read(tmp_path, classes=["b10", "b9", "b9"])


def test_row_2_a_class_that_test_lacks_shifts_no_label_and_is_told(tmp_path: Path) -> None:
    names = [f"train/{c}/1.png" for c in "abc"] + ["test/c/1.png", "test/a/1.png"]
    layout = image_layout.read(make(tmp_path, *names))
    assert seen(layout)["test"] == [("test/a/1.png", "a"), ("test/c/1.png", "c")]
    assert layout.counts("test") == [1, 0, 1]
    assert "no test picture of b" in layout.notes


def test_row_3_a_class_that_train_lacks_is_refused_by_name_and_number(tmp_path: Path) -> None:
    names = ["train/cat/1.png", "train/dog/1.png", "val/Cat/1.png", "val/Cat/2.png"]
    with pytest.raises(DataError, match=r"Cat \(2 pictures\); did you mean 'cat'"):
        image_layout.read(make(tmp_path, *names))


def test_row_4_an_empty_folder_is_no_class_unless_it_is_listed(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "empty").mkdir()
    layout = image_layout.read(tmp_path)
    assert layout.classes == ("a", "b")
    assert any("no classes: empty" in note for note in layout.notes)
    listed = image_layout.read(tmp_path, classes=["empty", "a", "b"])
    assert listed.classes == ("empty", "a", "b")
    assert "classes without a picture to train on: empty" in listed.notes


def test_row_5_one_class_is_refused_with_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all 2 pictures are of one class, a"):
        image_layout.read(make(tmp_path / "one", "a/1.png", "a/2.png"))
    with pytest.raises(DataError, match="2 pictures and no classes"):
        image_layout.read(make(tmp_path / "flat", "1.png", "2.png"))
    with pytest.raises(DataError, match=r"is path: .*flowers meant"):
        image_layout.read(make(tmp_path / "zip", "flowers/a/1.png", "flowers/b/1.png"))


def test_row_8_files_deeper_down_count_for_the_first_folder_and_are_told(tmp_path: Path) -> None:
    layout = image_layout.read(make(tmp_path, "a/x/y/1.png", "a/2.png", "b/1.png"))
    assert layout.counts("train") == [2, 1]
    assert any(note.startswith("1 pictures in") for note in layout.notes)
    inside = image_layout.read(make(tmp_path / "c", "a/train/1.png", "b/test/1.png"))
    assert any("named as splits lie inside of the classes" in note for note in inside.notes)


def test_row_9_what_systems_leave_behind_is_no_picture_and_no_class(tmp_path: Path) -> None:
    litter = ("a/._1.png", "a/Thumbs.db", ".hidden/1.png", "__MACOSX/a/1.png", "a/1.png~")
    layout = image_layout.read(make(tmp_path, "a/1.png", "b/1.png", *litter))
    assert layout.classes == ("a", "b")
    assert len(layout.splits["train"]) == 2
    assert "left out: 5 hidden or of the system" in layout.notes


def test_row_10_suffixes_in_any_case_and_none_by_the_content(tmp_path: Path) -> None:
    make(tmp_path, "a/1.PNG", "a/2.JpEg", "b/3.TIFF", "b/bare", "b/notes.txt")
    (tmp_path / "b" / "words").write_text("no picture")
    layout = image_layout.read(tmp_path)
    assert layout.counts("train") == [2, 2]
    (note,) = layout.notes
    assert "1 .txt" in note
    assert "1 without a suffix" in note


def test_no_pictures_says_what_is_there(tmp_path: Path) -> None:
    make(tmp_path / "heic", "a/1.heic", "b/2.HEIC")
    with pytest.raises(DataError, match="HEIC"):
        image_layout.read(tmp_path / "heic")
    make(tmp_path / "zip", "flowers.zip")
    with pytest.raises(DataError, match="unpack them first"):
        image_layout.read(tmp_path / "zip")
    with pytest.raises(DataError, match="No such file"):
        image_layout.read(tmp_path / "nowhere")


def test_what_lies_outside_is_left_out_and_told(tmp_path: Path) -> None:
    make(tmp_path, "train/a/1.png", "train/b/1.png", "train/3.png", "more/a/4.png", "5.png")
    layout = image_layout.read(tmp_path)
    assert len(layout.splits["train"]) == 2
    assert any("lie directly in train" in note for note in layout.notes)
    assert any(note.startswith("2 pictures lie in none of train") for note in layout.notes)


def test_a_test_folder_without_classes_is_no_test(tmp_path: Path) -> None:
    layout = image_layout.read(make(tmp_path, "train/a/1.png", "train/b/1.png", "test/1.png"))
    assert list(layout.splits) == ["train"]
    assert any("lie directly in test" in note for note in layout.notes)


def test_row_24_names_of_any_script(tmp_path: Path) -> None:
    composed, in_two = "caf\u00e9", "cafe\u0301"  # as Linux and macOS write it
    names = [f"train/{composed}/ü b.png", "train/猫/1 (2).png", f"test/{in_two}/1.png"]
    layout = image_layout.read(make(tmp_path, *names))
    assert layout.classes == (composed, "猫")
    assert layout.counts("test") == [1, 0]
    with pytest.raises(DataError, match="differ only in how"):
        image_layout.read(make(tmp_path, f"train/{in_two}/1.png"))


def test_a_class_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", os.fsdecode(b"b\xff/1.png"))
    with pytest.raises(DataError, match=r"b\\udcff is not named in this system's encoding"):
        image_layout.read(tmp_path)


def test_row_24_links_are_followed_and_circles_refused(tmp_path: Path) -> None:
    elsewhere = make(tmp_path / "elsewhere", "1.png", "2.png")
    root = make(tmp_path / "root", "b/1.png")
    (root / "a").symlink_to(elsewhere, target_is_directory=True)
    (root / "b" / "2.png").symlink_to(elsewhere / "2.png")
    (root / "b" / "gone.png").symlink_to(elsewhere / "gone.png")
    os.mkfifo(root / "b" / "pipe.png")
    layout = image_layout.read(root)
    assert layout.counts("train") == [2, 2]
    assert any("2 that are no files (b/" in note for note in layout.notes)
    (root / "b" / "up").symlink_to(root, target_is_directory=True)
    with pytest.raises(DataError, match="b/up is a link to a folder that it lies in"):
        image_layout.read(root)


def test_the_same_stem_twice_is_two_pictures(tmp_path: Path) -> None:
    assert image_layout.read(make(tmp_path, "a/1.png", "a/1.jpg", "b/1.png")).counts("train") == [
        2,
        1,
    ]


def test_a_file_that_was_replaced_has_other_times(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/1.png")
    before = image_layout.read(tmp_path).splits["train"].files
    content, times = PNG[::-1], (tmp_path / "a" / "1.png").stat()
    (tmp_path / "a" / "1.png").write_bytes(content)
    os.utime(tmp_path / "a" / "1.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    after = image_layout.read(tmp_path).splits["train"].files
    assert before[0] != after[0]  # of the same size, and of the same time of writing
    assert before[1] == after[1]
