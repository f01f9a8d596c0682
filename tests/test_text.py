from __future__ import annotations

import pytest

from nnpy.text import columns_of, percent, plain


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Ankle boot", 0, "Ankle boot"),
        ("a\nb\tc", 0, "a b c"),
        ("red\x1b[31m", 0, "red�[31m"),
        ("abc\u202edef", 0, "abc�def"),
        ("\x00\x07", 0, "��"),
        ("x" * 10_000, 8, "xxxxxxx…"),
        ("日本語クラス", 7, "日本語…"),
        ("cafe\u0301 cafe\u0301", 9, "cafe\u0301 cafe\u0301"),
        ("95\u202f%", 0, "95\u202f%"),
        ("a\u00a0b\u2028c", 0, "a b c"),
        (None, 0, "None"),
    ],
)
def test_plain(text, limit, expected):
    assert plain(text, limit) == expected
    assert not limit or columns_of(plain(text, limit)) <= limit


def test_columns_are_counted_as_a_terminal_does():
    assert [columns_of(text) for text in ("", "abc", "日本", "e\u0301", "\u200d")] == [
        0,
        3,
        4,
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, "50.0 %"), (0.9994, "99.9 %"), (0.9996, "99.96 %"), (1.0, "100 %"), (0.0, "0.0 %")],
)
def test_percent_never_says_certain_of_what_is_not(value, expected):
    assert percent(value) == expected
