"""Mistakes as people and programs are told of them: short, however large the config is."""

from __future__ import annotations

import difflib
import json
from collections import Counter

import pytest

from nnpy import errors
from nnpy.config.load import load_config
from nnpy.errors import MOST_TOLD, ConfigError, Problem, did_you_mean


def error_of(tmp_path, text: str) -> ConfigError:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "x.yaml")
    return caught.value


def test_of_many_mistakes_the_first_are_told_and_how_many_more(tmp_path) -> None:
    wrong = "".join(f"  - Dense: {{unit: {number}}}\n" for number in range(10_000))
    error = error_of(tmp_path, f"model:\n{wrong}")
    assert len(error.problems) >= 10_000
    text = str(error)
    assert text.count("x.yaml:") == MOST_TOLD == 50
    more = len(error.problems) - MOST_TOLD
    assert text.endswith(f"\n… and {more:,} more mistakes (nnpy check --json lists all of them)")
    assert len(text) < 50_000


def test_fifty_mistakes_are_all_told() -> None:
    error = ConfigError(Problem(f"wrong {number}") for number in range(50))
    assert str(error).endswith("wrong 49")
    assert str(ConfigError([*error.problems, error.problems[0]])).endswith(
        "… and 1 more mistake (nnpy check --json lists all of them)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "model: [" + ", ".join(f"{{Dense: {{unit: {n}}}}}" for n in range(10_000)) + "]",
        f"? {'k' * 500_000}\n: 1\nmodel: [{{Dense: {{{'q' * 400_000}: 1}}}}]",
        "model: [" + f"&a {{Dense: {{{'u' * 100_000}: 1}}}}" + ", *a" * 5_000 + "]",
        "model: [" + "x" * 900_000 + "]",
    ],
    ids=["one line", "long keys", "a long key in aliases", "a long name"],
)
def test_what_is_told_is_never_much_longer_than_the_config(tmp_path, text, monkeypatch) -> None:
    work = Counter()

    def counted(function, cost):
        def count(*arguments, **named):
            work[function.__name__] += cost(*arguments)
            return function(*arguments, **named)

        return count

    def all_of(text: str) -> int:
        return len(text)

    def each_with_each(word, names) -> int:
        return len(word) * sum(map(len, names))

    monkeypatch.setattr(errors, "printable", counted(errors.printable, all_of))
    matches = counted(difflib.get_close_matches, each_with_each)
    monkeypatch.setattr(difflib, "get_close_matches", matches)
    error = error_of(tmp_path, text)
    assert len(str(error)) < 150_000
    told = json.dumps([each.as_dict() for each in error.problems])
    assert len(told) < 5_000 * len(error.problems)
    # And so is the work: characters that are looked through, and words that are held together.
    assert work["printable"] < 10 * len(text)
    assert work["get_close_matches"] < 5_000 * len(error.problems)


def test_a_word_of_a_thousand_letters_is_meant_for_nothing() -> None:
    assert did_you_mean("unit", ["units"]) == "; did you mean 'units'?"
    assert did_you_mean("units" * 200, ["units" * 201]) == ""
