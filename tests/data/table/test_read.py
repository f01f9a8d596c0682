"""CSV and Parquet files as they come: read as they are meant, or refused in words."""

from __future__ import annotations

import builtins
import io
import os

import numpy as np
import polars as pl
import pytest

from nnpy.data import registry
from nnpy.data.table.read import open_files
from nnpy.errors import DataError


def read(path, budget=None, **how):
    files = open_files({"train": path}, **how)
    frames = list(files.frames(budget))
    return files, pl.concat(frames, how="horizontal")


@pytest.fixture
def csv(tmp_path):
    def make(content: str | bytes, name: str = "t.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


# ---- how the file is written ------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(csv, delimiter):
    text = "name,size\nAnn,1\nBob,2\n".replace(",", delimiter)
    files, frame = read(csv(text))
    assert frame.rows() == [("Ann", "1"), ("Bob", "2")]
    assert any("delimiter" in note for note in files.notes) == (delimiter != ",")


def test_decimal_commas_do_not_look_like_delimiters(csv):
    _, frame = read(csv("a;b\n1,5;2,5\n3,5;4,5\n"))
    assert frame.columns == ["a", "b"] and frame.row(0) == ("1,5", "2,5")


def test_a_delimiter_that_is_said_is_believed(csv):
    _, frame = read(csv("a;b,c\n1;2,3\n"), delimiter=",")
    assert frame.columns == ["a;b", "c"]
    with pytest.raises(DataError, match="one character"):
        read(csv("a;;b\n"), delimiter=";;")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("cp1252", "cp1252"),
        ("utf-16-le", "utf-16-le"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_encodings(csv, encoding, said):
    text = "名,b\n日本,2\n" if encoding == "shift_jis" else "größe,b\né,2\n"
    _, frame = read(csv(text.encode(encoding)), encoding=said)
    assert frame.rows() == [("日本" if encoding == "shift_jis" else "é", "2")]
    assert frame.columns[0] == text[: text.index(",")]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("größe,b\né,2\n".encode("cp1252"), "encoding: cp1252"),
        (b"a,b\n" + b"1,2\n" * 40_000 + "é,2\n".encode("cp1252"), "byte 160,005"),
        ("a,b\n1,2\n".encode("utf-16-le"), "encoding: utf-16-le"),
        ("a,b\n1,2\n".encode("utf-16-be"), "encoding: utf-16-be"),
        (b"a\0\1\0\0\0b\n", "no text"),
    ],
)
def test_another_encoding_is_told(csv, content, hint):
    with pytest.raises(DataError, match=hint):
        read(csv(content))


def test_a_wrong_encoding_is_refused(csv):
    with pytest.raises(DataError, match="unknown encoding 'utf-9'"):
        read(csv("a,b\n1,2\n"), encoding="utf-9")
    with pytest.raises(DataError, match="not in the encoding"):
        read(csv(b"a,b\n\x81\x82\xff,2\n"), encoding="shift_jis")


def test_lone_carriage_returns_are_refused_and_crlf_is_read(csv):
    with pytest.raises(DataError, match="carriage return"):
        read(csv("a,b\r1,2\r3,4\r"))
    assert read(csv("a,b\r\n1,2\r\n"))[1].rows() == [("1", "2")]


def test_quoted_line_ends_and_quotes(csv):
    _, frame = read(csv('a,b\n"x, y","q ""z""\nw"\n"",3\n'))
    assert frame.row(0) == ("x, y", 'q "z"\nw')


# ---- names -------------------------------------------------------------------------------------


def test_a_name_twice_is_refused(csv):
    with pytest.raises(DataError, match=r"'a' is there twice \(columns 1, 3\)"):
        read(csv("a,b,a\n1,2,3\n"))


def test_names_are_stripped_and_comments_skipped(csv):
    files, frame = read(csv("# made by hand\n# 2024, today\n a , b\n1,2\n"))
    assert frame.columns == ["a", "b"] and frame.height == 1
    assert "2 comment lines" in files.notes[0] and "spaces" in files.notes[1]


def test_a_file_without_names_is_told(csv):
    files, frame = read(csv("5.1,3.5\n4.9,3.0\n"))
    assert frame.columns == ["column_1", "column_2"] and frame.height == 2
    assert "no names" in files.notes[0]
    assert read(csv("0,1,2\n5,6,7\n"))[1].height == 1  # as pandas writes them
    files, frame = read(csv("5.1,Iris-setosa\n4.9,Iris-setosa\n"))
    assert "say header: false" in files.notes[0]
    assert read(csv("5.1,Iris-setosa\n4.9,Iris-setosa\n"), header=False)[1].height == 2


def test_columns_without_names(csv):
    files, frame = read(csv(",b,\n0,2,\n1,3,\n"))
    assert frame.columns == ["column_1", "b", "column_3"]
    assert files.unnamed == ("column_1", "column_3")


# ---- rows --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["7", "7,8,9,10", "7,8"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_row_of_another_length_is_refused_with_its_line(csv, bad, quoted):
    first = '"x, ""y""\nz",2,3' if quoted else "1,2,3"
    text = f"a,b,c\n{first}\n" + "4,5,6\n" * 3 + bad + "\n4,5,6\n"
    line = 7 if quoted else 6
    kind = "too many" if bad.count(",") > 2 else "too few"
    with pytest.raises(DataError, match=f"line {line}: {kind} cells"):
        read(csv(text))


def test_quoted_delimiters_are_no_cells(csv):
    _, frame = read(csv('a,"b, c"\n"1,5",2\n"3,5, ",4\n'), budget=1)
    assert frame.rows() == [("1,5", "2"), ("3,5, ", "4")]


def test_empty_lines_are_left_out_and_told(csv):
    for end in ("\n", "\r\n"):
        files, frame = read(csv(f"a,b{end}1,2{end}{end}3,{end}{end}"), budget=1)
        assert frame.rows() == [("1", "2"), ("3", None)]
        assert "empty line" in files.notes[-1]
    with pytest.raises(DataError, match="line 4: too few"):
        read(csv("a,b\n1,2\n\n3\n"))


def test_empty_lines_above_and_below_the_names(csv):
    for end in ("\n", "\r\n"):
        files, frame = read(csv(f"{end}#x{end}{end}a,b{end}{end}{end}1,2{end}{end}3,4{end}"))
        assert frame.columns == ["a", "b"]
        assert frame.rows() == [("1", "2"), ("3", "4")]
        assert files.notes[:3] == [
            "t.csv: 1 comment line (#) before the names left out",
            "t.csv: 2 empty lines before the names left out",
            "t.csv: empty lines below the names left out",
        ]
    with pytest.raises(DataError, match=r"line [\d,]+: the lines below the names are empty"):
        read(csv("a,b\n" + "\n" * 100_000 + "1,2\n"))


@pytest.mark.parametrize("text", ['a,b\n1,"2\n3,4\n', 'a,b\n1,"x" y\n', 'a,b\n1,2"3\n3,4\n'])
def test_quotes_that_are_wrong(csv, text):
    with pytest.raises(DataError, match="quote"):
        read(csv(text))


@pytest.mark.parametrize("text", ["", "\n\n", "  "])
def test_nothing_is_refused(csv, text):
    with pytest.raises(DataError, match="empty"):
        read(csv(text))


# ---- files -------------------------------------------------------------------------------------


def test_some_columns_at_a_time_give_the_same(csv):
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(11)]
    frame = pl.DataFrame({name: rng.integers(0, 99, 50).astype(str) for name in names})
    path = csv(frame.write_csv())
    files = open_files({"train": path})
    frames = list(files.frames(budget=2_000))
    assert len(frames) > 2
    assert pl.concat(frames, how="horizontal").equals(frame)
    assert len(files.files[0].bytes.digest) == 64


def test_files_of_splits_go_by_name(csv):
    train, test = csv("a,b\n1,2\n3,4\n"), csv("b,extra,a\n6,x,5\n", "test.csv")
    files = open_files({"train": train, "test": test})
    (frame,) = files.frames()
    assert frame.rows() == [("1", "2"), ("3", "4"), ("5", "6")]
    assert files.rows() == {"train": slice(0, 2), "test": slice(2, 3)}
    assert "'extra' left out" in files.notes[0]
    with pytest.raises(DataError, match=r"lacks column 'a' of .*did you mean"):
        open_files({"train": train, "test": csv("A,b\n1,2\n", "test.csv")})


def test_parquet(csv, tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1, 2], "b": ["x", None], "c": [True, False]}).write_parquet(path)
    _, frame = read(path)
    assert frame.dtypes == [pl.Int64, pl.String, pl.Boolean]
    with pytest.raises(DataError, match="no whole Parquet file"):
        read(csv(path.read_bytes()[:50], "cut.parquet"))


def test_a_file_that_is_none(tmp_path):
    for path, what in ((tmp_path / "no.csv", "no such file"), (tmp_path, "it is a folder")):
        with pytest.raises(DataError, match=what):
            open_files({"train": path})


def test_without_polars_the_install_line_is_told(csv, monkeypatch):
    real = builtins.__import__

    def none(name, *rest, **more):
        if name == "polars":
            raise ImportError
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(DataError, match="pip install polars"):
        list(open_files({"train": csv("a,b\n1,2\n")}).frames())


# ---- files that mean harm ---------------------------------------------------------------------

GOOD = "a,b,y\n" + "".join(f"{n},{'xyz'[n % 3]},{'pq'[n % 2]}\n" for n in range(30))


@pytest.mark.parametrize(
    "encoding", ["base64", "hex", "zip", "bz2_codec", "rot13", "undefined", "idna", "punycode"]
)
def test_what_is_no_encoding_of_a_table(csv, encoding):
    with pytest.raises(DataError, match=r"encoding|empty"):
        read(csv(GOOD), encoding=encoding)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf \n"])
def test_nothing_but_a_mark(csv, mark):
    with pytest.raises(DataError, match="is empty"):
        read(csv(mark))


def test_what_is_no_file_with_content(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "zero.parquet").symlink_to("/dev/zero")
    for name, reason in (("pipe.csv", "a named pipe"), ("zero.csv", "a device")):
        with pytest.raises(DataError, match=reason):
            open_files({"train": tmp_path / name})
    with pytest.raises(DataError, match="a device"):
        open_files({"train": tmp_path / "zero.parquet"})
    with pytest.raises(DataError, match="null byte"):
        registry.load("table", path="a\0b.csv", arguments={"target": "y"})
    with pytest.raises(DataError, match="null byte"):
        registry.info("table", target="y", train="a\0b.csv")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_name_is_no_pattern(tmp_path, suffix):
    """A browser calls a second download so; polars would take the brackets for a pattern."""
    for name, value in (("t1", "wrong"), ("t[1]", "right"), ("t*", "starred")):
        frame = pl.DataFrame({"a": [value], "b": ["x"]})
        getattr(frame, f"write_{suffix}")(tmp_path / f"{name}.{suffix}")
    assert read(tmp_path / f"t[1].{suffix}")[1]["a"].to_list() == ["right"]
    assert read(tmp_path / f"t*.{suffix}")[1]["a"].to_list() == ["starred"]


def test_a_few_bytes_may_declare_any_number_of_rows(tmp_path, monkeypatch):
    path = tmp_path / "bomb.parquet"
    rows = pl.select(pl.repeat(1, 3_000_000, dtype=pl.Int8).alias("a"))
    rows.write_parquet(path, compression="zstd")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr("nnpy.data.table.read.free_memory", lambda: 10 << 20)
    with pytest.raises(DataError, match="declares 3,000,000 rows"):
        open_files({"train": path})


@pytest.mark.parametrize("cell", ["9" * 5000, "1e" + "9" * 3000])
def test_a_long_cell_is_told_in_few_words(csv, cell):
    path = csv(GOOD.replace("\n5,", f"\n{cell},"))
    with pytest.raises(DataError) as caught:
        registry.load("table", path=str(path), arguments={"target": "y"})
    assert len(str(caught.value)) < 500


def test_a_damaged_parquet_file_is_an_error_in_words(tmp_path, capfd):
    """polars panics, which is no Exception, and writes pages to standard error."""
    path, buffer = tmp_path / "t.parquet", io.BytesIO()
    pl.DataFrame({"a": list(range(200)), "y": ["p", "q"] * 100}).write_parquet(buffer)
    good, refused = buffer.getvalue(), 0
    for place in range(4, 60):
        path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
        try:
            read(path)
        except DataError:
            refused += 1
    assert refused
    assert capfd.readouterr().err == ""
