"""Nodes against what Keras takes: the values that come out, and the words of what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from nnpy.catalog import catalog
from nnpy.catalog.entries import Parameter
from nnpy.config.checker import Checker
from nnpy.config.objects import KerasObject
from nnpy.config.wording import describe
from nnpy.config.yaml import parse


@pytest.fixture(scope="module")
def known() -> catalog.Catalog:
    return catalog.load()


def check(known: catalog.Catalog, text: str, *types: str, **limits: Any) -> tuple[Any, list[str]]:
    checker = Checker(known)
    node = parse.parse(text, "c.yaml")
    value = checker.value(node, Parameter("x", types=types, **limits), "x")
    return value, [each.message for each in checker.problems]


@pytest.mark.parametrize(
    ("text", "types", "limits", "value"),
    [
        ("3", ["int"], {}, 3),
        ("3", ["float"], {}, 3.0),
        ("~", ["int", "null"], {}, None),
        ("true", ["bool"], {}, True),
        ("relu", ["str"], {}, "relu"),
        ("Same", ["str"], {"choices": ("same",), "ignore_case": True}, "Same"),
        ("float16", ["dtype"], {}, "float16"),
        ("[28, 28]", ["shape"], {}, [28, 28]),
        ("[1, ~]", ["shape"], {}, [1, None]),
        ("[1, 2]", ["list"], {"items": ("float",), "length": 2}, [1.0, 2.0]),
        ("{a: 1}", ["dict"], {}, {"a": 1}),
        ("[x, {y: 1}]", ["any"], {}, ["x", {"y": 1}]),
        ("0.5", ["float"], {"minimum": 0, "maximum": 1}, 0.5),
    ],
)
def test_what_fits(known, text, types, limits, value):
    found, problems = check(known, text, *types, **limits)
    assert problems == []
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "types", "limits", "message"),
    [
        ("fast", ["float"], {}, "expected a number, got 'fast'"),
        ("1.5", ["int", "null"], {"minimum": 1}, "expected an integer ≥ 1 or null, got 1.5"),
        ("true", ["int"], {}, "expected an integer, got true"),
        ("3", ["bool"], {}, "expected true or false, got 3"),
        ("~", ["int"], {}, "expected an integer, got nothing"),
        ("{a: 1}", ["int"], {}, "expected an integer, got a mapping"),
        ("0", ["float"], {"minimum": 0, "exclusive_minimum": True}, "expected a number > 0, got 0"),
        (
            "1",
            ["float"],
            {"minimum": 0, "maximum": 1, "exclusive_maximum": True},
            "expected a number from 0 below 1, got 1",
        ),
        (".nan", ["float"], {}, "expected a number, got not-a-number"),
        (str(2**63), ["int"], {}, "the number is too large"),
        (
            "sam",
            ["str"],
            {"choices": ("same", "valid")},
            "unknown value 'sam'; did you mean 'same'?",
        ),
        ("float23", ["dtype"], {}, "unknown dtype 'float23'; did you mean 'float32'?"),
        ("[1, 2, 3]", ["list"], {"items": ("int",), "length": 2}, "expected 2 values, got 3"),
        ("[1, x]", ["list"], {"items": ("int",)}, "expected an integer, got 'x'"),
        ("[-1, 2]", ["shape"], {}, "expected a shape such as [28, 28], got a list"),
    ],
)
def test_what_does_not_fit(known, text, types, limits, message):
    found, problems = check(known, text, *types, **limits)
    assert problems == [message]
    assert found is None or isinstance(found, list)


@pytest.mark.parametrize(
    ("text", "name", "arguments", "explicit"),
    [
        ("Adam", "Adam", {}, True),
        ("Adam: {}", "Adam", {}, True),
        ("adam", "adam", {}, False),  # Keras's own identifier
        ("{Adam: {learning_rate: 1}}", "Adam", {"learning_rate": 1.0}, True),
        ("Adam:", "Adam", {}, True),
    ],
)
def test_an_object_is_its_name_or_its_name_with_arguments(known, text, name, arguments, explicit):
    found, problems = check(known, text, "optimizer")
    assert problems == []
    assert isinstance(found, KerasObject)
    assert (found.name, found.arguments, found.explicit) == (name, arguments, explicit)


def test_objects_within_objects(known):
    found, problems = check(
        known,
        "{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 1, decay_steps: 9}}}}",
        "optimizer",
    )
    assert problems == []
    schedule = found.arguments["learning_rate"]
    assert (schedule.kind, schedule.name, schedule.path) == (
        "schedule",
        "CosineDecay",
        "x.Adam.learning_rate",
    )


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("Adan", "optimizer", "unknown optimizer 'Adan'; did you mean 'Adam'?"),
        ("Dense", "optimizer", "unknown optimizer 'Dense': it is a layer"),
        ("{Dense: {}}", "layer", "missing argument 'units'"),
        ("{Dense: {unit: 3}}", "layer", "unknown argument 'unit'; did you mean 'units'?"),
        ("{Dense: 3}", "layer", "the arguments must be a mapping, got 3; write Dense: {units: 3}"),
        ("{Dense: {units: 3}, Flatten: }", "layer", "got 2 names"),
        ("3", "layer", "got 3"),
        ("LeakyReLU", "activation", "it is a layer; did you mean 'leaky_relu'?"),
        ("{gelu: {approximate: true}}", "activation", "a name only; ops.gelu as a step takes"),
        ("{elu: {alfa: 1.0}}", "activation", "unknown argument 'alfa'; did you mean 'alpha'?"),
    ],
)
def test_objects_that_are_none(known, text, kind, message):
    found, problems = check(known, text, kind)
    assert len(problems) == 1
    assert message in problems[0]
    assert found is None or found.name in ("Dense", "gelu", "elu")


def test_it_goes_on_after_a_mistake_and_tells_each_place_once(known):
    checker = Checker(known)
    node = parse.parse("{Dense: {units: x, use_bias: 3, activation: rellu}}", "c.yaml")
    for _ in range(2):  # as a block that is used twice
        checker.object(node, ["layer"], "model[0]")
    assert [(each.column, each.path) for each in checker.problems] == [
        (17, "model[0].Dense.units"),
        (30, "model[0].Dense.use_bias"),
        (45, "model[0].Dense.activation"),
    ]


def test_a_parameter_in_words():
    words = describe(Parameter("p", types=("float", "null"), minimum=0, exclusive_minimum=True))
    assert words == "a number > 0 or null"
    assert describe(Parameter("p", types=("str",), choices=("a", "b"))) == "one of a, b"
    both = Parameter("p", types=("int",), minimum=1, maximum=9, exclusive_minimum=True)
    assert describe(both) == "an integer more than 1 and at most 9"


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("optimizer", "SGD: {clipnorm: 1.0, clipvalue: 0.5}", "clipnorm and clipvalue"),
        ("optimizer", "Adam: {clipnorm: 1.0, clipvalue: 0.5, global_clipnorm: 2}", "clipvalue and"),
        ("metric", "AUC: {num_thresholds: 10, thresholds: [0.5]}", "thresholds and num_thresholds"),
        ("layer", "Discretization: {num_bins: 3, bin_boundaries: [1]}", "bin_boundaries and num"),
    ],
)
def test_arguments_that_exclude_one_another(known, kind, text, said):
    _, problems = check(known, text, kind)
    assert len(problems) == 1 and said in problems[0] and "only one can be given" in problems[0]


def test_an_argument_that_is_null_excludes_nothing(known):
    value, problems = check(known, "SGD: {clipnorm: 1.0, clipvalue: ~}", "optimizer")
    assert problems == [] and value.arguments["clipnorm"] == 1.0
