"""The schema for editors, tried with a real validator on right and on broken configs."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from nnpy.catalog import catalog
from nnpy.config.load import KEYS
from nnpy.config.schema import document
from nnpy.config.yaml import parse

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def made():
    return document.schema(catalog.load())


@pytest.fixture(scope="module")
def validator(made):
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


def mistakes(validator, text: str) -> list[str]:
    plain = parse.parse(text, "test.yaml").plain()
    as_json = json.loads(json.dumps(plain))  # the keys of JSON are text, as in an editor
    found = []

    def leaves(error):
        if error.context:
            for each in error.context:
                leaves(each)
        else:
            found.append(f"{error.json_path}: {error.message}")

    for error in validator.iter_errors(as_json):
        leaves(error)
    return found


def walk(value, path="#"):
    yield path, value
    items = enumerate(value) if isinstance(value, list) else ()
    for key, each in value.items() if isinstance(value, dict) else items:
        yield from walk(each, f"{path}/{key}")


def test_shipped_schema_is_what_the_catalog_gives():
    shipped = (CONFIGS / "schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == document.schema(
        catalog.Catalog(json.loads(catalog.SHIPPED.read_text()))
    )


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.y*ml")), ids=lambda path: path.name)
def test_shipped_configs_are_right(validator, path):
    assert mistakes(validator, path.read_text(encoding="utf-8")) == []


def test_every_reference_leads_somewhere(made):
    targets = {f"#/definitions/{name}" for name in made["definitions"]}
    used = {
        value["$ref"]
        for _, value in walk(made)
        if isinstance(value, dict) and isinstance(value.get("$ref"), str)
    }
    assert used <= targets
    assert len(used) > 500


def test_draft_07_of_editors_is_kept(made):
    """Editors refuse what the metaschema of Python's validator lets pass: an empty enum."""
    assert [path for path, value in walk(made) if path.endswith("/enum") and value == []] == []


def test_every_layer_and_argument_is_there_with_its_text(made):
    known = catalog.load()
    for name in known.names("layer"):
        entry = known.find("layer", name)
        definition = made["definitions"][f"layer.{name}"]
        assert definition.get("description", "") == entry.doc
        for parameter in entry.parameters:
            one = definition["properties"][parameter.name]
            if parameter.doc and "description" not in one:  # one that many layers share
                one = made["definitions"][one["$ref"].removeprefix("#/definitions/")]
            assert parameter.doc in one.get("description", "")


def test_every_top_level_key_is_described(made):
    assert set(made["properties"]) == {*KEYS, "extends"}
    assert all(each.get("description") for each in made["properties"].values())


def test_size_is_reasonable():
    assert len(document.text(catalog.load()).encode()) < 800_000


RIGHT = {
    "all of the language": """
        extends: base.yaml
        code: [mine.py]
        blocks:
          residual:
            parameters: {filters: , stride: 1}
            layers:
              - Conv2D: {filters: $filters, strides: $stride, kernel_size: 3, name: a}
              - Conv2D: {filters: "${filters * 4}", kernel_size: [1, 1], use_bias: $stride}
              - Add: {from: [a, input]}
        model:
          inputs:
            image: {shape: [28, 28, 1]}
            meta: {shape: [4], dtype: float32}
          layers:
            - residual: {filters: 64, repeat: 4, from: image, name: stage}
            - MyLayer
            - MultiHeadAttention:
                num_heads: 4
                key_dim: 32
                from: {query: stage, value: meta}
                call: {use_causal_mask: true}
            - ops.multiply: {from: stage, x2: 0.5}
            - ops.relu
            - reuse: {layer: stage, from: image, name: again}
            - Model: {name: inner, layers: [Flatten, Dense: {units: 3}], from: again}
            - Bidirectional: {layer: {LSTM: {units: 8}}}
            - RNN: {cell: {LSTMCell: {units: 8}}, return_sequences: true}
          outputs: {digit: again, parity: inner}
        training:
          loss: my_loss
    """,
    "objects in objects": """
        model:
          - Dense: {units: 3, kernel_initializer: {HeNormal: {seed: 1}}, kernel_regularizer: l2}
          - Dense: {units: 3, activation: relu, kernel_regularizer: {L2: }}
          - Dense: {units: 3, activation: {leaky_relu: {negative_slope: 0.1}}}
          - Conv2D: {filters: 3, kernel_size: 3, padding: SAME}
        training:
          optimizer: {Adam: {learning_rate: {ExponentialDecay: {initial_learning_rate: 0.1,
                      decay_steps: 10, decay_rate: 0.5}}}}
          metrics: [accuracy, {TopKCategoricalAccuracy: {k: 3}}]
          callbacks: [{EarlyStopping: {patience: 3}}]
          class_weight: {0: 1.0, 1: 5}
    """,
    "one for each output": """
        model:
          layers: [Dense: {units: 3, name: a}, Dense: {units: 1, name: b}]
          outputs: {x: a, y: b}
        training:
          loss: {x: mse, y: {Huber: {delta: 0.5}}}
          metrics: {x: [mae], y: mse}
          loss_weights: {x: 1, y: 0.5}
    """,
    "a base alone": "extends: mlp.yaml\ntraining: {epochs: 3}",
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_right_configs(validator, text):
    assert mistakes(validator, text) == []


BROKEN = {  # the config → what one of the messages must hold
    "model: [Flatten]\nmodle: []": "'modle' was unexpected",
    "data: {name: mnist}": "'model' is a required property",
    "model: []": "model",
    "model: {layers: []}": "model.layers",
    "model: {layer: [Flatten]}": "'layer' was unexpected",
    "model: [Dens: {units: 3}]": "'Dens' is not one of",
    "model: [Dense]": "'Dense' is not one of",
    "model: [Dense: {unit: 3}]": "'unit' was unexpected",
    "model: [Dense: {activation: relu}]": "'units' is a required property",
    "model: [Dense: {units: many}]": "units: 'many'",
    "model: [Dense: {units: 0}]": "0 is less than the minimum",
    "model: [Dense: {units: 3, activation: rellu}]": "'rellu' is not one of",
    "model: [Dense: {units: 3, use_bias: 7}]": "use_bias: 7",
    "model: [Dense: {units: 3, kernel_initializer: {HeNormall: {}}}]": "'HeNormall'",
    "model: [Dense: {units: 3, kernel_initializer: {HeNormal: {sed: 1}}}]": "'sed'",
    "model: [Dense: {units: $n}]": "should not be valid",
    "model: [Conv2D: {filters: 3, kernel_size: 3, padding: some}]": "'some' is not one of",
    "model: [Conv2D: {filters: 3, kernel_size: [1, 2, 3]}]": "too long",
    "model: [Dropout: {rate: 1.5}]": "1.5 is greater than",
    "model: [{Flatten: {}, Dense: {units: 3}}]": "too many properties",
    "model: [Bidirectional: {layer: {LSTN: {units: 3}}}]": "'LSTN' is not one of",
    "model: [Flatten: {repeat: 2}]": "'repeat' was unexpected",
    "blocks: {b: {layers: [Flatten]}}\nmodel: [b: {repeat: 0}]": "0 is less than the minimum",
    "model: [Dense: {units: 3, activation: {gelu: {approximate: true}}}]": "is not of type 'null'",
    "model: [Dense: {units: 3, activation: {relu: {max: 6}}}]": "'max' was unexpected",
    "model: [ops.rleu: {}]": "'ops.rleu' is not one of",
    "model: [ops.relu: {from: a, speed: 2}]": "'speed' was unexpected",
    "model: [reuse: {from: a}]": "'layer' is a required property",
    "model: [Attention: {call: {use_casual_mask: true}}]": "'use_casual_mask' was unexpected",
    "model: [Flatten]\ntraining: {epoch: 3}": "'epoch' was unexpected",
    "model: [Flatten]\ntraining: {epochs: -1}": "-1 is less than the minimum",
    "model: [Flatten]\ntraining: {optimizer: Adamm}": "'Adamm' is not one of",
    "model: [Flatten]\ntraining: {metrics: [acuracy]}": "'acuracy' is not one of",
    "model: [Flatten]\ntraining: {loss: {x: mze}}": "'mze' is not one of",
    "model: [Flatten]\ntraining: {metrics: {x: [mse, maee]}}": "'maee' is not one of",
    "model: [Flatten]\ntraining: {optimizer: {Adam: {lr: 0.1}}}": "'lr' was unexpected",
    "model: [Flatten]\ntraining: {execution: fast}": "'fast' is not one of",
    "model: [Flatten]\ndata: {validation_split: 1}": "1 is greater than or equal to the maximum",
    "model: [Flatten]\nblocks: {b: {layers: [Dense: {unit: 3}]}}": "'unit' was unexpected",
    "model: [Flatten]\nblocks: {b: {parameters: {n: 1}}}": "'layers' is a required property",
    "- Flatten": "is not of type 'object'",
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_configs(validator, text):
    found = mistakes(validator, text)
    assert any(BROKEN[text] in each for each in found), found
