"""The core schema of YAML 1.2: what is a number, what is text, and what is said of it."""

from __future__ import annotations

import math

import pytest
import yaml

from nnpy.config.load import load_config as load
from nnpy.config.yaml.dump import dump
from nnpy.config.yaml.parse import parse
from nnpy.errors import ConfigError


def value(text: str):
    return parse(f"x: {text}\n", "x.yaml").plain()["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0100", 100),
        ("010", 10),
        ("-007", -7),
        ("+5", 5),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", -math.inf),
        ("~", None),
        ("null", None),
        ("TRUE", True),
        ("False", False),
        # text, in YAML 1.2
        *[(each, each) for each in ("yes", "No", "on", "OFF", "y", "n", "12:30", "190:20:30")],
        *[(each, each) for each in ("1_000", "0b101", "2024-01-01", "tRue", "nULL", "0o8", "=")],
        ("089", 89),
        ("1e", "1e"),
        (".", "."),
        ("!!str 7", "7"),
        ("!!int '7'", 7),
        ("!!float 7", 7.0),
        ("'0100'", "0100"),
    ],
)
def test_a_plain_scalar_is_what_the_core_schema_says(text, expected):
    found = value(text)
    assert found == expected and type(found) is type(expected)


def test_not_a_number_is_one_of_its_kind():
    assert math.isnan(value(".nan"))


@pytest.mark.parametrize(
    "text", ["!!bool yes", "!!int 12:30", "!!int 1.5", "!!float x", "!!null 0"]
)
def test_a_tag_that_does_not_fit_is_an_error(text):
    with pytest.raises(ConfigError, match="is not a valid"):
        value(text)


@pytest.mark.parametrize(
    "text",
    [
        "0100",
        "089",
        "yes",
        "off",
        "12:30",
        "1_000",
        "0o17",
        "0x1F",
        "0b1",
        "1e-3",
        "1e3",
        ".5",
        "5.",
        "-.inf",
        ".nan",
        "null",
        "~",
        "true",
        "",
        "2024-01-01",
        "=",
        "<<",
        "+1",
        "a: b",
        "#",
    ],
)
def test_a_text_that_is_written_is_read_back_as_text_by_yaml_1_1_too(text):
    written = dump({"x": text, "y": [text]})
    assert parse(written, "x.yaml").plain() == {"x": text, "y": [text]}
    assert yaml.safe_load(written) == {"x": text, "y": [text]}


@pytest.mark.parametrize("number", [0, 7, -3, 10**18, 0.1, 1e-7, 1e22, 1e300, -2.5, 3.0])
def test_a_number_that_is_written_is_read_back(number):
    found = parse(dump({"x": number}), "x.yaml").plain()["x"]
    assert found == number and type(found) is type(number)


CONFIG = (
    "model: [Flatten, {{Dense: {{units: {units}, use_bias: {bias}}}}}, {{Dense: {{units: 10}}}}]\n"
)


def problem(tmp_path, units="8", bias="true", overrides=()):
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG.format(units=units, bias=bias), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(path, overrides)
    assert len(error.value.problems) == 1
    return error.value.problems[0].message


def test_leading_zeros_are_decimal(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG.format(units="0100", bias="true"), encoding="utf-8")
    assert load(path).model.steps[1].layer.arguments["units"] == 100
    assert load(path, ["training.epochs=010"]).training.epochs == 10


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ("1/255", "it is not worked out: write 0.0039215686"),
        ("1./127.5", "it is not worked out: write 0.0078431373"),
        ("5*1688", "it is not worked out: write 8440"),
        ("1/0", ""),
        ("12:30", "in YAML 1.2 a number in base 60 is text: write it in decimal"),
        ("1_000", "a number has no '_': write 1000"),
        ("0b101", "in YAML 1.2 a binary number is text: write 5"),
        ("'64'", "it is text that looks like a number: write it without quotes"),
    ],
)
def test_text_where_a_number_is_wanted_is_told(tmp_path, units, said):
    assert said in problem(tmp_path, units=units)


@pytest.mark.parametrize(("bias", "said"), [("yes", "true"), ("off", "false"), ("No", "false")])
def test_old_truth_values_are_told(tmp_path, bias, said):
    assert f"in YAML 1.2 {bias} is text: write {said}" in problem(tmp_path, bias=bias)


def test_the_same_in_set(tmp_path):
    assert "write true" in problem(tmp_path, overrides=["training.shuffle=yes"])
    assert "looks like a number" in problem(tmp_path, overrides=["training.epochs='5'"])


def test_a_quoted_number_of_an_optimizer_is_told(tmp_path):
    said = problem(tmp_path, overrides=['training.optimizer={Adam: {learning_rate: "1e-3"}}'])
    assert "text that looks like a number" in said and "did you mean" not in said
