"""The source `text`: folders and tables of texts, made into the numbers of words."""

from __future__ import annotations

import numpy as np
import pytest

from nnpy import data
from nnpy.data import SplitRule, registry
from nnpy.data.files.texts import Vocabulary, split
from nnpy.errors import DataError
from nnpy.export import reader
from tests.support.datasets import reviews

FILL = {"vocabulary": 20_000, "length": 20}


def load(path, **how):
    arguments = {**FILL, **how.pop("arguments", {})}
    return data.load("text", path=str(path), arguments=arguments, **how)


def test_a_folder_of_reviews(tmp_path):
    found = load(reviews(tmp_path, train=80, test=20))
    assert [len(each) for each in found.splits().values()] == [72, 8, 20]
    assert found.info.classes == ("neg", "pos")
    assert found.train.x.shape == (72, 20) and found.train.x.dtype == np.int32
    known = Vocabulary.from_dict(found.preprocessing)
    name = found.test.columns["file"][3]
    again = known([(tmp_path / name).read_text(encoding="utf-8")])
    assert np.array_equal(again[0], found.test.x[3])  # as predict will read it
    assert found.test.x.max() < len(known.words) + 2


def test_words_by_number_of_the_training_texts_alone(tmp_path):
    reviews(tmp_path, train=60, test=20)
    first = load(tmp_path)
    for path in sorted((tmp_path / "test").rglob("*.txt")):
        path.write_text("Äußerst ungewöhnlich! " * 5, encoding="utf-8")
    second = load(tmp_path)
    assert first.preprocessing == second.preprocessing
    assert np.array_equal(first.train.x, second.train.x)
    assert (second.test.x[:, :10] == 1).all()
    assert "test: 100.0% of the words are unknown" in second.notes
    assert any("20 test examples" in n or "in the training set" in n for n in second.notes) is False


def test_the_most_frequent_words_have_the_lowest_numbers(tmp_path):
    for i in range(20):
        place = tmp_path / "ab"[i % 2]
        place.mkdir(exist_ok=True)
        (place / f"{i}.txt").write_text(f"The <br />the THE dog's dog's only{i}")
    none = SplitRule(0.0)
    found = load(tmp_path, arguments={"length": 6}, validation=none, test=none)
    assert found.preprocessing["words"] == ["the", "dog's"]  # what is there once is unknown
    assert found.train.x[0].tolist() == [2, 2, 2, 3, 3, 1]
    short = load(tmp_path, arguments={"length": 4, "vocabulary": 3}, validation=none, test=none)
    assert short.train.x[0].tolist() == [2, 2, 2, 1]
    assert any("20 of 20 texts are longer than 4 words" in note for note in short.notes)
    letters = load(tmp_path, arguments={"tokens": "characters"}, validation=none, test=none)
    assert set("thedogs'") <= {*letters.preprocessing["words"]}


def test_odd_files(tmp_path):
    reviews(tmp_path, train=40, test=10)
    (tmp_path / "train" / "neg" / "ä ü.TXT").write_bytes("schöner Film".encode("cp1252"))
    (tmp_path / "train" / "neg" / "mark.txt").write_bytes("\ufeffgood".encode("utf-8"))
    (tmp_path / "train" / "neg" / "wide.txt").write_bytes("good".encode("utf-16"))
    (tmp_path / "train" / "neg" / "empty.txt").write_bytes(b"")
    (tmp_path / "train" / "neg" / ".hidden.txt").write_bytes(b"x")
    (tmp_path / "train" / "urls_neg.txt").write_text("http://x")
    (tmp_path / "train" / "unsup").mkdir()
    (tmp_path / "train" / "unsup" / "1.txt").write_text("who knows")
    found = load(tmp_path)
    assert found.info.classes == ("neg", "pos")
    assert len(found.train) + len(found.validation) == 44
    notes = "\n".join(found.notes)
    for words in (
        "unsup is left out",
        "1 texts are not UTF-8",
        "1 texts have no words",
        "urls_neg",
    ):
        assert words in notes, notes


def test_a_table_of_texts(tmp_path):
    rows = [f'"{("good", "bad")[i % 2]}, really",{i},{("yes", "no")[i % 2]}' for i in range(60)]
    (tmp_path / "t.csv").write_text("review,number,liked\n" + "\n".join([*rows, "nothing,1,"]))
    found = load(tmp_path / "t.csv", arguments={"target": "liked"})
    assert found.info.classes == ("no", "yes") and len(found.train) == 42
    assert found.preprocessing["column"] == "review"
    assert any("1 rows without a liked are left out" in note for note in found.notes)
    with pytest.raises(DataError, match="say target"):
        load(tmp_path / "t.csv")
    with pytest.raises(DataError, match="did you mean 'review'"):
        load(tmp_path / "t.csv", arguments={"column": "revew"})


def test_a_vocabulary_is_used_as_it_is(tmp_path):
    first = load(reviews(tmp_path / "one", train=40, test=10))
    other = reviews(tmp_path / "two", train=30, test=10, seed=5)
    again = load(other, learnt=first.preprocessing)
    assert again.preprocessing == first.preprocessing
    assert registry.SOURCES["text"].learnt_info(first.preprocessing).shape == (20,)
    for wrong in ({**first.preprocessing, "words": [1]}, {**first.preprocessing, "length": 0}, {}):
        with pytest.raises(DataError, match="damaged"):
            Vocabulary.from_dict(wrong)


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_what_is_shipped_with_exports_reads_texts_the_same(tokens):
    texts = ["Don’t <br/> SAY <3 straße 日本語 x_1!", "", "a\u00a0b\n\tc  'd' " * 9, "ẞ İ ﬁ 5<6>4"]
    found = {each for text in texts for each in split(text, tokens)}
    known = Vocabulary((*sorted(found)[::2],), 7, tokens)
    assert np.array_equal(known(texts), reader.words(known.as_dict(), texts))


def test_no_texts_and_one_class(tmp_path):
    with pytest.raises(DataError, match="no text in this folder"):
        load(tmp_path)
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.txt").write_text("x")
    with pytest.raises(DataError, match="all 1 texts are of one class, only"):
        load(tmp_path)
