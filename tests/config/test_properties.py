"""Malformed and mutated configs: a clear answer each time, never a traceback or an ignored key.

A bounded number of cases in `make test`; NNPY_CASES=5000 for a long run.
"""

from __future__ import annotations

import copy
import json
import os
import string
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnpy import api
from nnpy.catalog import catalog
from nnpy.config import load, starters
from nnpy.config.config import Config
from nnpy.config.schema import document
from nnpy.errors import ConfigError, NnpyError, UsageError

CASES = int(os.environ.get("NNPY_CASES", "60"))
SECONDS = 20  # nothing takes long; a hang would

LANGUAGE = """
blocks:
  residual:
    parameters: {filters: , stride: 1}
    layers:
      - Conv2D: {filters: $filters, strides: $stride, kernel_size: 3, padding: same, name: a}
      - Conv2D: {filters: "${filters * 1}", kernel_size: 1, name: b}
      - Add: {from: [a, b]}
model:
  inputs:
    image: {shape: [28, 28, 1]}
  layers:
    - residual: {filters: 4, repeat: 2, name: stage, from: image}
    - Dropout: {rate: 0.5, call: {training: false}}
    - Conv2D: {filters: 4, kernel_size: [3, 3], name: shared, kernel_regularizer: {L2: {l2: 0.1}}}
    - ops.multiply: {x2: 0.5}
    - Model: {name: inner, layers: [ReLU, {Conv2D: {filters: 4, kernel_size: 1}}]}
    - reuse: {layer: shared, from: inner, name: again}
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax, name: answer}
  outputs: answer
training:
  optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.1,
              decay_steps: 10, decay_rate: 0.5}}}}
  callbacks: [{EarlyStopping: {monitor: val_loss, patience: 3}}]
  class_weight: {0: 1.0, 1: 2.0}
"""

BASES = [
    yaml.safe_load((starters.FOLDER / f"{each}.yaml").read_text()) for each in starters.names()
]
BASES.append(yaml.safe_load(LANGUAGE))

bounded = settings(
    max_examples=CASES,
    deadline=SECONDS * 1000,
    derandomize=CASES < 1000,
    suppress_health_check=list(HealthCheck),
)

SCHEMA = jsonschema.Draft7Validator(document.schema(catalog.load()))
WORDS = [
    *("model", "layers", "inputs", "outputs", "from", "name", "repeat", "call", "blocks", "input"),
    *("training", "data", "reuse", "Model", "ops.add", "ops.nothing", "$filters", "${a * }", "$"),
    *("Dense", "dense", "Adam", "mse", "relu", "units", "a.0", "shared.1", "", "/", "null", "~"),
    *("Bidirectional", "RNN", "LSTMCell", "Lambda", "Wrapper", "Sequential", "InputLayer"),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 30),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=12),
    st.dates(),
)
keys = st.one_of(st.sampled_from(WORDS), st.integers(-2, 5), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=8,
)


def answer(content) -> Config | None:
    """The checked config, or None after an error for people; anything else fails the test."""
    began = time.perf_counter()
    try:
        return load.load_config(content)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.message.strip() and "\n" not in problem.message
            assert "Traceback" not in str(problem) and " object at 0x" not in str(problem)
        return None
    except UsageError as error:
        assert str(error)
        return None
    finally:
        assert time.perf_counter() - began < SECONDS


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "case.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    return path


def places(value, path=()):
    """The path of every value in a tree of plain data."""
    yield path
    items = enumerate(value) if isinstance(value, list) else ()
    for key, each in value.items() if isinstance(value, dict) else items:
        yield from places(each, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def mutate(draw, content):
    """One change somewhere: a value replaced, taken away, doubled, renamed or added."""
    path = draw(st.sampled_from([each for each in places(content) if each]))
    parent, key = at(content, path[:-1]), path[-1]
    kind = draw(st.sampled_from(["replace", "remove", "rename", "add", "wrap", "swap"]))
    if kind == "replace":
        parent[key] = draw(values)
    elif kind == "remove":
        del parent[key]
    elif kind == "rename" and isinstance(parent, dict):
        parent[draw(keys)] = parent.pop(key)
    elif kind == "add" and isinstance(parent, dict):
        parent[draw(keys)] = draw(values)
    elif kind == "add":
        parent.insert(key, draw(values))
    elif kind == "wrap":
        parent[key] = draw(st.sampled_from([[parent[key]], {draw(keys): parent[key]}]))
    else:
        other = draw(st.sampled_from([each for each in places(content) if each]))
        parent[key] = copy.deepcopy(at(content, other))


@st.composite
def mutants(draw):
    content = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 4))):
        if isinstance(content, dict) and content:
            mutate(draw, content)
    return content


@pytest.mark.parametrize("base", BASES, ids=[*starters.names(), "language"])
def test_the_bases_are_right(base):
    assert answer(copy.deepcopy(base)) is not None


@bounded
@given(content=mutants())
def test_mutated_configs_are_answered(content, tmp_path_factory):
    text = yaml.safe_dump(content, allow_unicode=True)
    path = write(tmp_path_factory.mktemp("case"), text)
    checked = answer(path)
    if checked is not None:  # what was accepted is kept whole: it reads back to itself
        as_json = json.loads(json.dumps(checked.resolved))
        assert [each.message for each in SCHEMA.iter_errors(as_json)] == []
        again = answer(checked.resolved)
        assert again is not None
        assert again.resolved == checked.resolved or text.count("nan")


@bounded
@given(content=values)
def test_any_data_is_answered(content, tmp_path_factory):
    answer(write(tmp_path_factory.mktemp("case"), yaml.safe_dump(content, allow_unicode=True)))


@bounded
@given(model=values, training=values, data=values, blocks=values)
def test_any_sections_are_answered(model, training, data, blocks):
    answer({"model": model, "training": training, "data": data, "blocks": blocks})


YAML = st.text(alphabet="{}[]:,-#&*!|>'\"%@`?$ \n\tabDense0.~<=" + string.digits, max_size=60)


@bounded
@given(text=st.one_of(YAML, st.text(max_size=60), st.binary(max_size=60)))
def test_any_text_is_answered(text, tmp_path_factory):
    answer(write(tmp_path_factory.mktemp("case"), text))


@bounded
@given(data=st.data())
def test_cut_and_mixed_text_is_answered(data, tmp_path_factory):
    text = data.draw(st.sampled_from([LANGUAGE, (starters.FOLDER / "cnn.yaml").read_text()]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    text = text[:start] + data.draw(YAML) + text[end:]
    answer(write(tmp_path_factory.mktemp("case"), text))


@bounded
@given(
    override=st.tuples(
        st.one_of(
            st.sampled_from(
                ["training.epochs", "model.0", "model.2.Dense.units", "training.optimizer.Adam"]
            ),
            st.lists(st.one_of(keys.map(str)), max_size=4).map(".".join),
            st.text(max_size=20),
        ),
        st.one_of(st.text(max_size=20), scalars.map(str)),
    )
)
def test_any_override_is_answered(override):
    base = copy.deepcopy(BASES[-2])
    try:
        load.load_config(base, ["=".join(override)])
    except UsageError as error:  # ConfigError too
        assert str(error)


@pytest.mark.parametrize("character", ["\x1f", "\udcff", "\ufffe"])
def test_characters_that_yaml_does_not_allow(character):
    with pytest.raises(ConfigError, match=f"--set:1:.*U\\+{ord(character):04X} is not allowed"):
        load.load_config({"model": ["Flatten"]}, [f"data.path=é{character}"])


# -- nothing is ignored --------------------------------------------------------------------


def mappings(value, path=()):
    """The path of every mapping whose keys are the language's, not the user's."""
    for each in places(value, path):
        free = each[-1:] in (("parameters",), ("class_weight",), ("inputs",), ("blocks",))
        if isinstance(at(value, each), dict) and not free:
            yield each


@bounded
@given(data=st.data())
def test_no_unknown_key_is_ignored(data):
    content = copy.deepcopy(data.draw(st.sampled_from(BASES)))
    path = data.draw(st.sampled_from(list(mappings(content))))
    name = data.draw(st.text(string.ascii_lowercase, min_size=3, max_size=9).map("zz_{}".format))
    at(content, path)[name] = data.draw(scalars)
    assert answer(content) is None, f"'{name}' at {path} was ignored"


@bounded
@given(data=st.data())
def test_no_misspelt_key_or_name_is_ignored(data):
    content = copy.deepcopy(data.draw(st.sampled_from(BASES)))
    path = data.draw(st.sampled_from(list(mappings(content))))
    mapping = at(content, path)
    key = data.draw(st.sampled_from([each for each in mapping if isinstance(each, str)]))
    at_letter = data.draw(st.integers(0, len(key) - 1))
    wrong = key[:at_letter] + key[at_letter] + key[at_letter:]  # a letter twice
    mapping[wrong] = mapping.pop(key)
    assert answer(content) is None, f"'{wrong}' at {path} was ignored"


def largest(content) -> float:
    """The largest number in plain data: what could ask for more memory than there is."""
    numbers = [at(content, path) for path in places(content)]
    return max((abs(each) for each in numbers if isinstance(each, int | float)), default=0)


@settings(
    max_examples=max(CASES // 6, 10),
    deadline=None,
    derandomize=CASES < 1000,
    suppress_health_check=list(HealthCheck),
)
@given(content=mutants())
def test_mutated_configs_train_or_are_refused(content, tiny, tmp_path_factory):
    if largest(content) > 4096 or answer(copy.deepcopy(content)) is None:
        return
    overrides = ["training.epochs=0", "data.name=idx", f"data.path={tiny}"]
    try:
        checked = load.load_config(content, overrides)
        assert api.train(checked, run_dir=str(tmp_path_factory.mktemp("run"))).summary()
    except NnpyError as error:
        assert str(error) and "Traceback" not in str(error)
