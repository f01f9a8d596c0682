"""A key or a name that nothing bears is told in fields, too: programs need not read the text."""

from __future__ import annotations

import json

import pytest

from nnpy.config.load import load_config
from nnpy.errors import ConfigError

MODEL = "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"


@pytest.mark.parametrize(
    ("text", "code", "suggestion"),
    [
        (MODEL + "trainnig: {epochs: 1}", "unknown-key", "training"),
        (MODEL + "training: {epoch: 1}", "unknown-key", "epochs"),
        ("model: [Flatten, {Dense: {unit: 10}}]", "unknown-key", "units"),
        ("model: [Flatten, {Dens: {units: 10}}]", "unknown-name", "Dense"),
        (MODEL.replace("softmax", "sofmax"), "unknown-name", "softmax"),
        (
            "model: [Flatten, {BatchNormalization: {dtype: floot32}}, Dense]",
            "unknown-name",
            "float32",
        ),
        ("model: [{ops.maxmum: {}}]", "unknown-name", "maximum"),
        (
            MODEL + "blocks: {own_part: {layers: [Flatten], parameter: {}}}",
            "unknown-key",
            "parameters",
        ),
        (MODEL + "training: {optimizer: {Adam: {qqqq: 1}}}", "unknown-key", ""),
        (MODEL + "training: {epochs: -1}", "", ""),
    ],
)
def test_fields_say_what_is_unknown_and_what_was_meant(
    tmp_path, text: str, code: str, suggestion: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    problems = caught.value.problems
    first = next((each for each in problems if each.code), problems[0]).as_dict()
    assert (first["code"], bool(first["suggestion"])) == (code, bool(suggestion))
    assert suggestion in first["suggestion"]
    assert not suggestion or f"'{first['suggestion']}'" in first["message"]


def test_a_path_that_a_sweep_cannot_find_is_known_by_its_code(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    search = "sweep: {search: {training.bath_size: [1, 2], model.1.Dense.unit: [3, 4]}}"
    path.write_text(MODEL + search)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [(each.code, each.suggestion) for each in caught.value.problems] == [
        ("unknown-key", "batch_size"),
        ("unknown-key", "units"),
    ]


def test_programs_get_them(nnpy, write) -> None:
    write("a.yaml", MODEL + "training: {epoch: 1}")
    answer = json.loads(nnpy("check", "a.yaml", "--json").stdout)
    problem = answer["files"][0]["problems"][0]
    assert (problem["code"], problem["suggestion"]) == ("unknown-key", "epochs")
