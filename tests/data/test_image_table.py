"""Tables of pictures and labels: by names, never by position (rows 28 and others)."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnpy.data.files import image_layout
from nnpy.errors import DataError
from tests.data.test_image_layout import make, seen


def table(root: Path, text: str, name: str = "metadata.csv") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
    return root


def test_labels_are_found_by_the_name_of_the_picture_in_any_order(tmp_path: Path) -> None:
    make(tmp_path, "images/1.png", "images/2.png", "images/3.png", "images/4.png")
    table(tmp_path, "label,file_name\ndog,images/3.png\ncat,images/1.png\ndog,images/2.png\n")
    layout = image_layout.read(tmp_path)
    assert seen(layout)["train"] == [
        ("images/1.png", "cat"),
        ("images/2.png", "dog"),
        ("images/3.png", "dog"),
    ]
    assert layout.classes == ("cat", "dog")
    assert any("in no table, and are left out: images/4.png" in note for note in layout.notes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_marks_of_other_programs(tmp_path: Path, delimiter: str) -> None:
    make(tmp_path, "1.png", "2.png")
    rows = [["file_name", "label"], ["1.png", '"a, b"'], ["2.png", "c"]]
    table(tmp_path, "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows))
    assert image_layout.read(tmp_path).classes == ("a, b", "c")


def test_several_labels_in_one_cell(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png", "3.png")
    table(tmp_path, "image,tags\n1,sun sea\n2,\n3,sea  sea\n", "labels.csv")
    layout = image_layout.read(tmp_path, label_delim=" ")
    assert layout.several
    assert layout.classes == ("sea", "sun")
    assert seen(layout)["train"] == [("1.png", "sun+sea"), ("2.png", ""), ("3.png", "sea")]
    assert layout.counts("train") == [2, 1]


def test_splits_from_a_column(tmp_path: Path) -> None:
    make(tmp_path, *[f"{n}.png" for n in range(6)])
    rows = zip(range(6), "ababab", ["train", "train", "val", "VALID", "test", "test"], strict=True)
    text = "file_name,label,split\n" + "".join(f"{n}.png,{c},{s}\n" for n, c, s in rows)
    layout = image_layout.read(table(tmp_path, text))
    assert {split: len(found) for split, found in layout.splits.items()} == {
        "train": 2,
        "validation": 2,
        "test": 2,
    }
    table(tmp_path, text.replace("test", "tset"))
    with pytest.raises(DataError, match=r"metadata.csv:6: expected a split .* did you mean 'test'"):
        image_layout.read(tmp_path)


def test_fastai_writes_is_valid(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png", "3.png")
    table(tmp_path, "name,label,is_valid\n1.png,a,False\n2.png,b,False\n3.png,a,True\n")
    assert seen(image_layout.read(tmp_path))["validation"] == [("3.png", "a")]


def test_a_table_in_each_split_as_hugging_face_has_it(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "train/2.png", "test/1.png")
    table(tmp_path / "train", '{"file_name": "1.png", "label": 3}\n'
          '{"file_name": "2.png", "label": 4}\n', "metadata.jsonl")  # fmt: skip
    table(tmp_path / "test", '{"file_name": "1.png", "label": 4}\n', "metadata.jsonl")
    assert seen(image_layout.read(tmp_path)) == {
        "train": [("train/1.png", "3"), ("train/2.png", "4")],
        "test": [("test/1.png", "4")],
    }


def test_a_table_of_captions_leaves_the_folders_their_meaning(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/1.png")
    table(tmp_path, "file_name,caption\na/1.png,a rose\nb/1.png,a tulip\n")
    assert image_layout.read(tmp_path).classes == ("a", "b")
    assert image_layout.read(tmp_path, label_column="caption").classes == ("a rose", "a tulip")


def test_names_without_suffix_are_taken_where_one_picture_has_them(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png")
    table(tmp_path, "id,breed\n1,a\n2,b\n", "labels.csv")
    assert len(image_layout.read(tmp_path).splits["train"]) == 2
    make(tmp_path, "1.jpg")
    with pytest.raises(DataError, match=r"labels.csv:2: 1 may be any of 1.jpg, 1.png"):
        image_layout.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file_name,label\n1.png,a\n9.png,b\n", r"1 of 2 .* not there: 9.png \(line 3\)"),
        ("file_name,label\n1.png,a\n../1.png,b\n", "not there: ../1.png"),
        ("file_name,label\n1.png,a\n1.png,b\n", r"metadata.csv:3: 1.png is named twice"),
        ("file_name,label\n1.png,a\n2.png, \n", "no label in 1 lines: 3"),
        ("file_name,label\n1.png,a,b\n", "metadata.csv:2: 3 cells, but 2 columns"),
        ("file_name,label,label\n1.png,a,b\n", "two columns are named label"),
        ("file_name,label\n", "names no pictures"),
        ('file_name,label\n1.png,"a\n', r"metadata.csv:\d: unexpected end of data"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    make(tmp_path, "1.png", "2.png")
    with pytest.raises(DataError, match=told):
        image_layout.read(table(tmp_path, text))


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    make(tmp_path, "1.png")
    table(tmp_path, "file_name,kind,size\n1.png,a,2\n")
    with pytest.raises(DataError, match="no column kin; did you mean 'kind'"):
        image_layout.read(tmp_path, label_column="kin")


def test_label_delim_without_a_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is none"):
        image_layout.read(make(tmp_path, "a/1.png", "b/1.png"), label_delim=" ")
