"""Raw rows of a file as the vectors of a trained model, CSV without polars."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from nnpy.data.table.rows import read_rows
from nnpy.data.table.table import Options, read_table
from nnpy.errors import DataError


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "train.csv"
    rng = np.random.default_rng(0)
    lines = ["size;colour;ok;day;kind"]
    for i in range(90):
        number = f"{rng.normal():.3f}".replace(".", ",") if i % 9 else "NA"
        colour = ("red", "blüe", '"a ""b"";"')[i % 3]
        lines.append(
            f"{number};{colour};{('Yes', 'no')[i % 2]};2024-01-{i % 28 + 1:02};{'ab'[i % 2]}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = read_table({"train": path}, Options(target=("kind",), types={"day": "date"}))
    record, _ = table.fit(np.arange(60))
    return path, record, table.encode(record, np.arange(90)).x


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_rows_of_the_training_become_the_same_vectors(trained, tmp_path, encoding, monkeypatch):
    path, record, x = trained
    other = tmp_path / "rows.csv"
    other.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    monkeypatch.setitem(sys.modules, "polars", None)  # importing it fails
    found, notes = read_rows(other, record)
    assert np.array_equal(found.x, x) and not found.unseen
    assert not [note for note in notes if "kind" in note]


def test_columns_go_by_name_and_what_is_new_is_counted(trained, tmp_path):
    _, record, _ = trained
    path = tmp_path / "rows.csv"
    path.write_text("ok;more;day;colour;size\nYES;1;2024-01-05;violet;1,5\nno;2;;red;?\n")
    found, notes = read_rows(path, record)
    assert found.x.shape == (2, record.width)
    assert found.unseen == {"colour": 1} and found.missing == {"day": 1}
    assert any("'more'" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("size;ok;day\n1;no;2024-01-01\n", "lack column 'colour'"),
        (
            "size;ok;day;colour\n1.5;no;2024-01-01;red\n",
            "row 1: '1.5' is not a number with decimal ,",
        ),
        ("size;ok;day;colour\n1,5;no;05/01/2024;red\n", "is not a date such as 2024-01-31"),
        ("size;ok;day;colour\n1;no;2024-01-01;red\n1;no\n", "line 3: too few cells"),
        ("size;ok;day;colour\n", "no rows"),
    ],
)
def test_what_is_wrong_is_told(trained, tmp_path, text, match):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=match):
        read_rows(path, trained[1])


def test_parquet_rows_have_types(trained, tmp_path):
    import datetime

    path = tmp_path / "rows.parquet"
    day = datetime.date(2024, 1, 5)
    pl.DataFrame(
        {"size": [1.5, None], "colour": ["red", "violet"], "ok": [True, False], "day": [day, day]}
    ).write_parquet(path)
    found, _ = read_rows(path, trained[1])
    csv = tmp_path / "rows.csv"
    csv.write_text("size;colour;ok;day\n1,5;red;true;2024-01-05\n;violet;false;2024-01-05\n")
    assert np.array_equal(found.x, read_rows(csv, trained[1])[0].x)
