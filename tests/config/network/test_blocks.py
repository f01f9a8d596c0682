"""Blocks: parameters, arithmetic, nesting, repeats, and what a small file may cost."""

from __future__ import annotations

import pytest

from nnpy.config.load import load_config
from nnpy.config.network.expressions import calculate
from nnpy.errors import ConfigError

TAIL = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]


def load(blocks, *steps):
    return load_config({"blocks": blocks, "model": [*steps, *TAIL]}).model


def problems(blocks, *steps):
    with pytest.raises(ConfigError) as caught:
        load(blocks, *steps)
    return [problem.message for problem in caught.value.problems]


def test_a_block_is_expanded_with_its_parameters_and_their_defaults():
    blocks = {
        "pair": {
            "parameters": {"units": None, "act": "relu"},
            "layers": [
                {"Dense": {"units": "${units * 2}", "activation": "$act"}},
                {"Dense": {"units": "$units"}},
            ],
        }
    }
    steps = load(blocks, {"pair": {"units": 3}}, {"pair": {"units": 4, "act": "tanh"}}).steps
    assert [step.layer.arguments["units"] for step in steps[:4]] == [6, 3, 8, 4]
    assert [steps[i].layer.arguments["activation"].name for i in (0, 2)] == ["relu", "tanh"]


def test_the_names_inside_a_block_are_its_own():
    blocks = {
        "skip": {
            "layers": [
                {"Dense": {"units": 28, "name": "a"}},
                {"Add": {"from": ["a", "input"]}},
            ]
        }
    }
    network = load(
        blocks, {"Dense": {"units": 28, "name": "a"}}, {"skip": {"repeat": 2, "name": "s"}}, "skip"
    )
    names = [step.name for step in network.steps]
    assert names[:7] == ["a", "s.1.a", "s.1.add", "s.2.a", "s.2.add", "skip.a", "skip.add"]
    assert network.step("s.2.add").inputs == ("s.2.a", "s.1.add")
    assert network.step("skip.a").inputs == "s.2.add"


def test_a_block_takes_several_tensors():
    blocks = {"both": {"layers": [{"Subtract": {"from": ["input.1", "input.0"]}}]}}
    network = load(blocks, {"Dense": {"units": 3, "name": "x"}}, {"both": {"from": ["x", "input"]}})
    assert network.step("both.subtract").inputs == ("input", "x")


def test_mistakes_inside_a_block_are_told_once_with_the_place_of_its_use(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "blocks:\n"
        "  wrong: {layers: [{Dense: {unit: 3}}]}\n"
        "model:\n"
        "  - wrong: {repeat: 3}\n"
        "  - wrong\n"
        "  - Dense: {units: 10, activation: softmax}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 29)
    assert problem.message == (
        "unknown argument 'unit'; did you mean 'units'? (in block 'wrong', used on line 4)"
    )


@pytest.mark.parametrize(
    ("blocks", "step", "message"),
    [
        ({"b": {"layers": [{"b": {}}]}}, "b", "a block cannot use itself: b → b"),
        ({"b": {"parameters": {"x": None}, "layers": [{"Dense": {"units": "$x"}}]}}, "b",
         "missing parameter 'x' of the block 'b'"),
        ({"b": {"parameters": {"x": 1}, "layers": ["Flatten"]}}, "b",
         "the block never uses its parameter 'x'"),
        ({"b": {"layers": [{"Dense": {"units": "$y"}}]}}, "b", "unknown parameter '$y'"),
        ({"b": {"layers": ["Flatten"]}}, {"b": {"repaet": 2}},
         "unknown parameter 'repaet' of the block 'b'; did you mean 'repeat'?"),
        ({"b": {"layers": ["Flatten"]}}, {"b": {"repeat": 0}}, "expected an integer ≥ 1, got 0"),
        ({"b": {"layers": ["Flatten"]}}, {"b": {"repeat": 10**9}},
         "the blocks expand to more than 10,000 layers"),
        ({"Dense": {"layers": ["Flatten"]}}, "Flatten",
         "'Dense' is already the name of a layer; choose another name"),
        ({"b": {"layer": ["Flatten"]}}, "Flatten", "missing key 'layers'"),
    ],
)  # fmt: skip
def test_what_a_block_may_not(blocks, step, message):
    assert any(each.startswith(message) for each in problems(blocks, step))


def test_doubling_in_every_block_is_stopped():
    blocks = {
        f"b{i}": {"parameters": {"x": None}, "layers": [{f"b{i + 1}": {"x": ["$x", "$x"]}}]}
        for i in range(18)
    }
    blocks["b18"] = {"parameters": {"x": None}, "layers": [{"Dense": {"units": "$x"}}]}
    assert any("expand to more than" in each for each in problems(blocks, {"b0": {"x": [1] * 99}}))


@pytest.mark.parametrize(
    ("text", "value"),
    [("a * 2", 6), ("(a + 1) // 2", 2), ("a / 2", 1.5), ("-a % 2", 1), ("7", 7)],
)
def test_arithmetic(text, value):
    assert calculate(text, {"a": 3}) == value


@pytest.mark.parametrize(
    "text",
    ["a ** 2", "a()", "a.real", "__import__('os')", "b", "1 / 0", "a +", "'x'", "[1]", "True",
     "(" * 150 + "1" + ")" * 150, "9" * 300, "a * 9223372036854775807", "lambda: 1", ""],
)  # fmt: skip
def test_nothing_else_is_arithmetic(text):
    with pytest.raises(ValueError):
        calculate(text, {"a": 3})


def test_a_block_that_is_never_used_is_told():
    unused = {"spare": {"layers": [{"Dense": {"units": 3}}]}}
    told = problems(unused, "Flatten")
    assert told == ["the block is never used"]
