"""YAML text and nodes: places, numbers, what is refused, and the way back to text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnpy.config.yaml import parse as source
from nnpy.config.yaml.dump import dump, with_origins
from nnpy.config.yaml.nodes import Node, from_plain
from nnpy.errors import ConfigError


def parse(text: str | bytes) -> Node:
    return source.parse(text, "c.yaml")


def refused(text: str | bytes) -> list[tuple[int | None, int | None, str]]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [(each.line, each.column, each.message) for each in caught.value.problems]


# -- text to nodes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        ("-2.5e+3", -2500.0),
        ("1_0e1", "1_0e1"),
        ("'1e-3'", "1e-3"),
        ("0x10", 16),
        ("2024-01-02", "2024-01-02"),
        ("12:30:00", "12:30:00"),
        ("=", "="),
        ("! 12", "12"),
        ("!!str 12", "12"),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        (".inf", math.inf),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_values(text, value):
    assert parse(text).plain() == value


def test_every_value_and_key_knows_its_place():
    root = parse("a:\n  bc: [10,  twenty]\n'd e': {f: 1.5}\n")
    ten, twenty = root.value["a"].value["bc"].value
    assert [(m.line, m.column, m.length) for m in (ten.mark, twenty.mark)] == [
        (2, 8, 2),
        (2, 13, 6),
    ]
    key = root.keys["d e"]
    assert (key.line, key.column, key.text) == (3, 1, "'d e': {f: 1.5}")
    assert twenty.origin == "c.yaml:2"


def test_an_alias_is_a_value_of_its_own():
    root = parse("a: &x {n: 1}\nb: *x\nc: {<<: *x, m: 2}\n")
    root.value["b"].value["n"].value = 5
    assert root.plain() == {"a": {"n": 1}, "b": {"n": 5}, "c": {"m": 2, "n": 1}}


def test_a_merge_never_overrides():
    text = "a: &a {n: 1, m: 1}\nb: &b {n: 2, k: 2}\nc: {n: 0, <<: [*a, *b]}\n"
    assert parse(text).plain()["c"] == {"n": 0, "m": 1, "k": 2}


def test_all_duplicate_keys_are_told_at_once():
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        (2, 11, "duplicate key 'c' (first on line 2)"),
        (3, 1, "duplicate key 'a' (first on line 1)"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: [1\nb: 2", 2, 2, "invalid YAML"),
        ("a: !!python/object/apply:os.system [x]", 1, 4, "not allowed"),
        ("a: !own 3", 1, 4, "the YAML tag '!own' is not allowed"),
        ("a: *b", 1, 4, "undefined alias '*b'"),
        ("a: &a [*a]", 1, 8, "undefined alias '*a'"),
        ("a: 1\n---\nb: 2", 2, 1, "a second YAML document"),
        ("? [1, 2]\n: 3", 1, 3, "a key must be a word or a number"),
        ("a: {<<: 3}", 1, 9, "'<<' merges mappings only"),
        ("a: !!int x", 1, 4, "not a valid int"),
        ("a: 1\nb: \x07", 2, 4, "U+0007"),
        (b"a: 1\nb: \xff", 2, 1, "not UTF-8"),
    ],
)
def test_what_is_refused_has_a_place(text, line, column, words):
    [(at_line, at_column, message)] = refused(text)
    assert (at_line, at_column) == (line, column)
    assert words in message


def test_a_small_file_cannot_cost_much():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
    [(_, _, message)] = refused(bomb)
    assert "aliases expand to more than" in message
    [(_, _, message)] = refused("#" * (source.MAX_BYTES + 1))
    assert "larger than" in message


@pytest.mark.parametrize("levels", [61, 10_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_ends_at_the_same_place_however_deep_it_goes_on(opening, levels):
    [(line, column, message)] = refused(opening * levels)
    assert "nested more than 60 levels deep" in message
    assert (line, column) == (1, 60 * len(opening) + 1)


# -- and back --------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from(
        ["1e-3", "-1e5", "yes", "null", "~", "0x1", "2024-01-02", "<<", "=", "- a", "a: b"]
    ),
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc_ -:#", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(trees)
def test_dump_and_parse_are_each_others_way_back(tree):
    read = source.parse(dump(tree), "c.yaml").plain()
    assert read == tree
    assert repr(read) == repr(tree)  # 1, 1.0 and True are equal, and not the same


def test_dump_writes_as_a_person_would():
    config = {
        "model": ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}],
        "training": {"epochs": 5, "metrics": ["accuracy"]},
    }
    assert dump(config) == (
        "model:\n"
        "  - Flatten\n"
        "  - Dense: {units: 10, activation: softmax}\n"
        "training:\n"
        "  epochs: 5\n"
        "  metrics: [accuracy]\n"
    )


def test_origins_stand_behind_their_values():
    tree = parse("training: {epochs: 3}\nmodel: [Flatten]\n")
    tree.value["training"].value["seed"] = from_plain(0)
    lines = with_origins(tree).splitlines()
    assert [line.split() for line in lines] == [
        ["training:"],
        ["epochs:", "3", "#", "c.yaml:1"],
        ["seed:", "0", "#", "default"],
        ["model:"],
        ["-", "Flatten", "#", "c.yaml:2"],
    ]
