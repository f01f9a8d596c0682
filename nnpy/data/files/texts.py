"""Texts → words → numbers. What the training texts say of it is a vocabulary: plain data.

Words are letters and digits in a row, small; an apostrophe may be within (don't). What is written
without blanks (Chinese, Japanese) goes by characters. 0 fills up, 1 is a word that is unknown.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnpy.errors import DataError
from nnpy.storage import json_file
from nnpy.storage.json_file import one_of, record, sequence, text, whole

FORMAT = 1
TOKENS = ("words", "characters")
PADDING, UNKNOWN, FIRST = 0, 1, 2
MOST = 200_000  # words of a vocabulary
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>")  # <br /> in reviews
_ENDS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Vocabulary:
    """How texts become rows of numbers."""

    words: tuple[str, ...]  # the word of number 2, 3, …
    length: int  # numbers of a row
    tokens: str = "words"
    column: str | None = None  # of a table of texts
    classes: tuple[str, ...] = field(default=())

    def __call__(self, texts: Iterable[str]) -> np.ndarray:
        """The rows (n, length) int32 of some texts; what is longer is cut off at its end."""
        number = {word: index for index, word in enumerate(self.words, FIRST)}
        rows = []
        for each in texts:
            row = np.zeros(self.length, np.int32)
            found = split(each, self.tokens)[: self.length]
            row[: len(found)] = [number.get(word, UNKNOWN) for word in found]
            rows.append(row)
        return np.stack(rows) if rows else np.zeros((0, self.length), np.int32)

    def as_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data."""
        return {
            "format": FORMAT,
            "source": "text",
            "words": list(self.words),
            "length": self.length,
            "tokens": self.tokens,
            "column": self.column,
            "classes": list(self.classes),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary that plain data say, from anywhere. Raises DataError for what is none."""
        try:
            _KIND(dict(told), "")
            if told["format"] != FORMAT or not 1 <= told["length"] <= MOST:
                raise ValueError("another format")
            words = tuple(told["words"])
            if len({*words}) < len(words):
                raise ValueError("a word is there twice")
            classes = tuple(told.get("classes", ()))
            return cls(words, told["length"], told["tokens"], told.get("column"), classes)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"the vocabulary of the texts is damaged: {error}") from None


_KIND = record(
    {
        "format": whole,
        "source": one_of("text"),
        "words": sequence(text, MOST),
        "length": whole,
        "tokens": one_of(*TOKENS),
        "column": json_file.optional(text),
        "classes": sequence(text, MOST),
    },
    ("format", "words", "length", "tokens"),
)


@dataclass(frozen=True)
class Coded:
    """Many texts with each different word by a number of its own, before a vocabulary is known."""

    words: tuple[str, ...]
    texts: Sequence[np.ndarray]  # of each the numbers of its words, int32

    def learn(self, rows: np.ndarray, most: int) -> tuple[str, ...]:
        """The most frequent words of some rows, at most `most`; those of one text are left out
        where there are others, so that the place of what is unknown is trained."""
        counts = self._counts(rows)
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda i: (-counts[i], self.words[i]))
        often = [i for i in order if counts[i] > 1] or order
        return tuple(self.words[i] for i in often[:most])

    def rows(self, vocabulary: Vocabulary, rows: np.ndarray) -> np.ndarray:
        """Some texts as the vocabulary has them, as `Vocabulary` makes them of the text itself."""
        number = {word: index for index, word in enumerate(vocabulary.words, FIRST)}
        to = np.asarray([number.get(word, UNKNOWN) for word in self.words] or [UNKNOWN], np.int32)
        x = np.zeros((len(rows), vocabulary.length), np.int32)
        for place, row in enumerate(rows.tolist()):
            part = self.texts[row][: vocabulary.length]
            x[place, : len(part)] = to[part]
        return x

    def unknown(self, vocabulary: Vocabulary, rows: np.ndarray) -> float:
        """The share of the words of some rows that the vocabulary does not have."""
        known = {*vocabulary.words}
        counts = self._counts(rows)
        total = int(counts.sum())
        lost = sum(int(counts[i]) for i, word in enumerate(self.words) if word not in known)
        return lost / total if total else 0.0

    def _counts(self, rows: np.ndarray) -> np.ndarray:
        counts = np.zeros(len(self.words), np.int64)
        for row in rows.tolist():
            np.add.at(counts, self.texts[row], 1)
        return counts


def code(texts: Iterable[str], tokens: str) -> Coded:
    """Each word of each text by a number."""
    number: dict[str, int] = {}
    coded = [
        np.asarray([number.setdefault(w, len(number)) for w in split(each, tokens)], np.int32)
        for each in texts
    ]
    return Coded(tuple(number), coded)


def split(content: str, tokens: str) -> list[str]:
    """The words, or the characters, of a text."""
    content = _MARKUP.sub(" ", content).casefold()
    if tokens == "characters":
        return [each for each in content if not each.isspace()]
    return _WORD.findall(content)


def decoded(content: bytes) -> tuple[str, bool]:
    """A file's content as text, and whether it is UTF-8, as it should be, or says what it is."""
    for mark, encoding in _ENDS.items():
        if content.startswith(mark):
            return content.decode(encoding, "replace").removeprefix("\ufeff"), True
    try:
        return content.decode(), True
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), False
