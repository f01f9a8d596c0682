"""A data source is its name, or its name with the arguments that it takes."""

from __future__ import annotations

import jsonschema
import pytest

from nnpy.catalog import catalog
from nnpy.config.load import load_config
from nnpy.config.schema import document
from nnpy.data import registry
from nnpy.errors import ConfigError

MODEL = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]

TEN = {"blobs": {"centers": 10}}


def problems(data: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config({"data": data, "model": MODEL})
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


@pytest.mark.parametrize("source", ["fashion_mnist", {"fashion_mnist": None}, {"mnist": {}}])
def test_a_name_or_a_name_with_arguments(source):
    config = load_config({"data": {"source": source}, "model": MODEL})
    name = source if isinstance(source, str) else next(iter(source))
    assert config.data.name == name
    assert config.resolved["data"]["name"] == name
    assert "source" not in config.resolved["data"]
    assert load_config(config.resolved).data.name == name


def test_its_arguments_are_the_short_forms(tiny):
    full = load_config({"data": {"source": {"idx": {"path": str(tiny)}}}, "model": MODEL})
    short = load_config({"data": {"name": "idx", "path": str(tiny)}, "model": MODEL})
    assert full.resolved == short.resolved


def test_a_path_is_relative_to_the_config(tiny, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "digits").symlink_to(tiny)
    file = tmp_path / "here" / "c.yaml"
    file.write_text(
        "data: {source: {idx: {path: digits}}}\nmodel: [Flatten, {Dense: {units: 10}}]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert load_config(file).data.path == str(tmp_path / "here" / "digits")


def test_an_override_wins(tiny):
    data = {"source": {"idx": {"path": "/elsewhere"}}}
    config = load_config({"data": data, "model": MODEL}, [f"data.path={tiny}"])
    assert config.data.path == str(tiny)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"source": "mnits"}, "unknown data set 'mnits'; did you mean 'mnist'?"),
        ({"source": {"idx": {"pth": "x"}}}, "unknown argument 'pth'; did you mean 'path'?"),
        ({"source": {"mnist": {"path": "x"}}}, "unknown argument 'path'; it takes none"),
        ({"source": {"idx": {"path": 3}}}, "expected text, got 3"),
        ({"source": "idx"}, "'idx' needs data.path"),
        ({"name": "idx"}, "'idx' needs data.path"),
        ({"name": "cifar10", "path": "x"}, "'cifar10' takes no path: leave it out"),
        ({"source": "mnist", "name": "mnist"}, "the source says it already"),
        ({"source": ["mnist"]}, "expected a data set"),
        ({"source": {"mnist": {}, "idx": {}}}, "got 2 names"),
        ({"source": {"moons": {"noise": -1}}}, "data.source.moons.noise: expected a number ≥ 0"),
        ({"source": {"moons": {"nois": 1}}}, "unknown argument 'nois'; did you mean 'noise'?"),
        ({"source": {"moons": {"path": "x"}}}, "unknown argument 'path'"),
        ({"name": "moons", "noise": 1}, "an argument of the source: source: {moons: {noise: …}}"),
        ({"test_split": 0.2}, "fashion_mnist brings its own test set: leave this out"),
        ({"source": TEN, "validation_split": 0.5, "test_split": 0.5}, "leave nothing to train"),
        ({"source": TEN, "test": {"by": "strat"}}, "unknown value 'strat'; did you mean"),
    ],
)
def test_what_is_wrong_is_told_once(data, told):
    found = problems(data)
    assert len(found) == 1
    assert told in found[0]


def test_editors_know_every_source():
    validator = jsonschema.Draft7Validator(document.schema(catalog.load()))
    for name, source in registry.SOURCES.items():
        arguments = {
            each.name: each.default for each in source.parameters if each.default is not None
        }
        for each in source.parameters:
            if each.required or each.name == "path":
                arguments[each.name] = "x" if "str" in each.types else [96] * (each.length or 1)
        validator.validate({"data": {"source": {name: arguments}}, "model": MODEL})
        assert not validator.is_valid({"data": {"source": {name: {"other": 1}}}, "model": MODEL})
    assert not validator.is_valid({"data": {"source": "mnits"}, "model": MODEL})
    assert not validator.is_valid({"data": {"source": "idx"}, "model": MODEL})


def test_arguments_are_the_sources_own_and_complete_in_the_resolved_config():
    given = {"source": {"moons": {"noise": 0.2}}}
    config = load_config({"data": given, "model": [*MODEL[:1], {"Dense": {"units": 2}}]})
    arguments = {"n_samples": 1000, "noise": 0.2, "random_state": 0}
    assert (config.data.name, config.data.arguments) == ("moons", arguments)
    assert config.resolved["data"]["source"] == {"moons": arguments}
    assert not {"name", "path"} & {*config.resolved["data"]}
    assert load_config(config.resolved).resolved == config.resolved
    short = load_config({"data": {"name": "moons"}, "model": config.resolved["model"]})
    assert short.data.arguments == {**arguments, "noise": 0.1}
    other = load_config(config.resolved, ["data.source.moons.noise=0.3"])
    assert other.data.arguments["noise"] == 0.3


def test_a_source_without_splits_gives_both_parts():
    config = load_config({"data": {"source": "moons"}, "model": ["Flatten"]})
    assert (config.data.validation.split, config.data.test.split) == (0.15, 0.15)
    usual = load_config({"model": MODEL}).data
    assert (usual.validation.split, usual.test.split) == (0.1, 0.0)


def test_another_source_takes_the_place_of_that_of_the_base_file(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "data: {source: {circles: {factor: 0.5}}}\nmodel: [Flatten]"
    )
    over = tmp_path / "over.yaml"
    over.write_text("extends: base.yaml\ndata: {source: {moons: {noise: 0.3}}}")
    assert load_config(over).data.name == "moons"
    over.write_text("extends: base.yaml\ndata: {source: {circles: {noise: 0.3}}}")
    arguments = load_config(over).data.arguments
    assert (arguments["factor"], arguments["noise"]) == (0.5, 0.3)
