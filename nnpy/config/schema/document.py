"""The config language as a JSON Schema (draft-07), for editors: completion, help, red lines.

It is made from the catalog and the settings, so that it knows what `nnpy check` knows of
names, arguments, types and bounds. What only the whole of a config shows (a dangling `from:`,
an unused layer) stays with `nnpy check`.

Two things cannot be seen from where they stand, so that the schema looks at them from the
top:

- Names. `code:`, `blocks:` and a base file bring names of their own. The definitions let
  any identifier through, and a config with none of these three must in addition keep to the
  names of Keras (`schema_names`).
- Parameters. `$filters` may stand for any scalar in a block. The definitions allow it
  everywhere, and `definitions/no_parameter` forbids it outside of `blocks:`.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from nnpy.catalog.applications import KNOWN, PREFIX
from nnpy.catalog.catalog import Catalog
from nnpy.catalog.kinds import OBJECT_KINDS
from nnpy.config import stages
from nnpy.config.schema.names import names
from nnpy.config.schema.objects import (
    IDENTIFIER,
    PARAMETER,
    STEP_KEYS,
    bare,
    cells,
    networks,
    objects,
    operations,
    parameter,
    ref,
    references,
    section,
)
from nnpy.config.settings import SECTIONS

DRAFT = "http://json-schema.org/draft-07/schema#"


def schema(catalog: Catalog) -> dict[str, Any]:
    """The JSON Schema of a whole config, for the Keras of `catalog`."""
    definitions: dict[str, Any] = _language(catalog)
    for kind in OBJECT_KINDS:
        definitions.update(objects(kind, catalog))
    definitions.update(operations(catalog))
    definitions.update(networks())
    definitions["cell"] = cells(catalog)
    definitions["step"] = _steps(catalog)
    definitions["layers"]["items"] = ref("step")
    definitions.update(names(catalog))
    sections = {key: section(settings, key) for key, settings in SECTIONS.items()}
    sections["sweep"]["properties"]["search"] = _search(sections["sweep"]["properties"]["search"])
    training = sections["training"]["properties"]
    training["stages"] = _stages(training["stages"])
    own_names: list[Any] = [{"required": [key]} for key in ("code", "blocks", "extends")]
    root = {
        "$schema": DRAFT,
        "title": f"A config of nnpy, for Keras {catalog.keras_version}",
        "type": "object",
        "properties": {**_top(), **sections},
        "additionalProperties": False,
        "anyOf": [{"required": ["model"]}, {"required": ["extends"]}],
        "allOf": [
            {"properties": {"model": ref("no_parameter")}},
            {
                "if": {"anyOf": own_names},
                "then": True,
                "else": {
                    "properties": {
                        "model": ref("names.network"),
                        "training": ref("names.training"),
                    }
                },
            },
        ],
        "definitions": definitions,
    }
    return _shared(root)


def text(catalog: Catalog) -> str:
    """The schema as a file: a definition a line, so that a change of Keras can be read in it."""
    root = schema(catalog)
    definitions = root.pop("definitions")
    lines = [f"{json.dumps(key)}: {_compact(value)}" for key, value in root.items()]
    inner = [f"{json.dumps(key)}: {_compact(value)}" for key, value in sorted(definitions.items())]
    lines.append('"definitions": {\n' + ",\n".join(inner) + "\n}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(path: Path, catalog: Catalog) -> None:
    """Writes the schema file that the configs name in their `# yaml-language-server:` line."""
    path.write_text(text(catalog), encoding="utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# -- the parts of the language that are not Keras's ------------------------------------------


def _top() -> dict[str, Any]:
    """The top-level keys that are not sections of settings."""
    file = {"type": "string", "minLength": 1}
    return {
        "extends": {
            **file,
            "description": "The config that this one extends; a path relative to this file.",
        },
        "code": {
            "description": "Python files with your own layers, losses and metrics; relative to "
            "this file.",
            "anyOf": [file, {"type": "array", "items": file, "minItems": 1}],
        },
        "blocks": {
            "description": "Reusable pieces of network by name, each used like a layer.",
            "type": "object",
            "additionalProperties": ref("block"),
        },
        "model": {
            "description": "The network: a list of layers, or inputs, layers and outputs.",
            "anyOf": [ref("layers"), ref("network")],
        },
    }


def _search(told: dict[str, Any]) -> dict[str, Any]:
    """The paths that a sweep searches: choices, or a range."""
    ends = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    whole = {**ends, "items": {"type": "integer"}}
    log = {"type": "boolean", "description": "Whether to draw by the logarithm."}
    step = {"type": "number", "exclusiveMinimum": 0, "description": "From the low end on."}
    forms = [
        {"properties": {"log": ends}, "required": ["log"]},
        {"properties": {"float": ends, "log": log, "step": step}, "required": ["float"]},
        {"properties": {"int": whole, "log": log, "step": step}, "required": ["int"]},
    ]
    ranges = [{"type": "object", **form, "additionalProperties": False} for form in forms]
    values = {"anyOf": [{"type": "array", "minItems": 2, "maxItems": 100}, *ranges]}
    return {
        "description": told["description"],
        "type": "object",
        "minProperties": 1,
        "additionalProperties": values,
    }


def _stages(told: dict[str, Any]) -> dict[str, Any]:
    """The parts of a training."""
    names: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    counts = {"anyOf": [{"const": True}, {"type": "integer", "minimum": 1}, names]}
    known = {each.name: parameter(each) for each in stages.PARAMETERS}
    layers = {"type": "object", "minProperties": 1, "additionalProperties": counts}
    known["freeze"] = {
        "description": known["freeze"]["description"],
        "anyOf": [{"type": "string"}, names, layers],
    }
    own_rate = {"not": {"required": ["optimizer", "learning_rate"]}}
    one = {"type": "object", "properties": known, "additionalProperties": False, **own_rate}
    return {"description": told["description"], "type": "array", "items": one}


def _language(catalog: Catalog) -> dict[str, Any]:
    """Networks, blocks and references: what Keras has no name for."""
    name = {"type": "string", "minLength": 1}
    network = {
        "trainable": ref("trainable"),
        "inputs": {
            "description": "The inputs by name (default: `input`, with the shape of the data).",
            "type": ["object", "array", "null"],
            "minProperties": 1,
            "additionalProperties": ref("input"),
            "items": name,
        },
        "takes": {
            "description": "The lists and mappings in which the model takes its inputs.",
            "anyOf": [ref("names")],
        },
        "layers": {"anyOf": [ref("layers"), {"type": "array", "maxItems": 0}]},
        "outputs": {
            "description": "The steps whose outputs the model returns (default: the last step).",
            "anyOf": [ref("names")],
        },
    }
    flags = {
        "sparse": "Whether the tensor is sparse.",
        "ragged": "Whether the tensor is ragged.",
        "optional": "Whether it may be None.",
        "unused": "Whether nothing takes it, knowingly.",
    }
    return {
        "parameter": {
            "type": "string",
            "pattern": PARAMETER,
            "description": "A parameter of the block: $name, or ${name * 2}.",
        },
        "no_parameter": {
            "not": {"type": "string", "pattern": PARAMETER},
            "additionalProperties": ref("no_parameter"),
            "items": ref("no_parameter"),
        },
        "dtype": {"anyOf": [{"enum": list(catalog.dtypes)}, ref("parameter")]},
        "shape": {
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "anyOf": [{"type": ["integer", "null"], "minimum": 0}, ref("parameter")]
                    },
                },
                ref("parameter"),
            ]
        },
        "tensor": {
            "anyOf": [
                {"type": ["number", "boolean"]},
                {"type": "array", "items": ref("tensor")},
                ref("array"),
                ref("parameter"),
            ]
        },
        "array": {
            "description": "An array: its numbers, or the .npz file beside the config that holds "
            "it, with its name there and the digest of its content.",
            "type": "object",
            "properties": {
                "array": {"type": ["array", "string"]},
                "dtype": ref("dtype"),
                "name": name,
                "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            },
            "required": ["array"],
            "additionalProperties": False,
        },
        "names": {
            "description": "A step, or lists and mappings of steps, to any depth.",
            "anyOf": [
                name,
                {
                    "type": "array",
                    "items": {"anyOf": [ref("names"), {"type": "number"}]},
                    "minItems": 1,
                },
                {"type": "object", "additionalProperties": ref("names"), "minProperties": 1},
            ],
        },
        "layers": {
            "description": "The layers in the order of the data; each takes the output of the "
            "one above unless it says `from:`.",
            "type": "array",
            "minItems": 1,
        },
        "input": {
            "description": "One input, without the batch axis.",
            "type": ["object", "null"],
            "properties": {
                "shape": ref("shape"),
                "dtype": ref("dtype"),
                "batch_size": {
                    "description": "How many examples a batch always has, as layers with "
                    "`stateful: true` need it.",
                    "type": ["integer", "null"],
                    "minimum": 1,
                },
                **{key: {"type": "boolean", "description": doc} for key, doc in flags.items()},
            },
            "additionalProperties": False,
        },
        "network": {
            "type": "object",
            "properties": network,
            # A network without layers gives what it is given, and says so.
            "anyOf": [{"required": ["outputs"]}, {"properties": {"layers": {"minItems": 1}}}],
            "required": ["layers"],
            "additionalProperties": False,
        },
        "block": {
            "description": "A piece of network. In it, `input` is what it is given, and the "
            "output of its last step is its own.",
            "type": "object",
            "properties": {
                "parameters": {
                    "description": "Names and defaults; a parameter without a default is required.",
                    "type": "object",
                    "propertyNames": {"pattern": IDENTIFIER},
                },
                "layers": ref("layers"),
            },
            "required": ["layers"],
            "additionalProperties": False,
        },
        "from": {
            "description": STEP_KEYS["from"],
            "anyOf": [ref("names")],
        },
        "name": {**name, "description": STEP_KEYS["name"]},
        "trainable": {
            "type": ["boolean", "string"],
            "pattern": PARAMETER,
            "description": STEP_KEYS["trainable"],
        },
        "call": {"type": "object", "description": STEP_KEYS["call"]},
        "reuse": {
            "type": "object",
            "description": "Calls the layer of that name again, sharing its weights.",
            "properties": {
                "layer": {**name, "description": "The name of a step above."},
                **{key: ref(key) for key in ("from", "name", "call")},
            },
            "required": ["layer"],
            "additionalProperties": False,
        },
        "model": {
            "type": "object",
            "description": "A nested model, used as one layer.",
            "properties": {**network, **{key: ref(key) for key in ("from", "name", "call")}},
            "required": ["layers"],
            "additionalProperties": False,
        },
    }


def _steps(catalog: Catalog) -> dict[str, Any]:
    """A line of a list of layers: a layer, an operation, a block, `reuse` or `Model`."""
    ops = {f"ops.{name}": ref(f"ops.{name}") for name in catalog.names("op")}
    whole = {f"{PREFIX}{name}": ref(f"{PREFIX}{name}") for name in KNOWN}
    return {
        "anyOf": [
            {"enum": [*bare("layer", catalog), *ops, *whole]},
            {"type": "string", "pattern": r"^(ops\.|applications\.)?[A-Za-z_][A-Za-z0-9_.]*$"},
            {"type": "object"},
        ],
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            **references("layer", catalog),
            **ops,
            **whole,
            "reuse": ref("reuse"),
            "Model": ref("model"),
        },
        "additionalProperties": {
            "type": ["object", "null"],
            "description": "A block, or a layer of your own, with its arguments.",
            "properties": {
                "from": ref("from"),
                "name": ref("name"),
                "trainable": ref("trainable"),
                "repeat": {
                    "type": ["integer", "string"],
                    "minimum": 1,
                    "pattern": PARAMETER,
                    "description": "How many times to repeat the block, one after another.",
                },
            },
        },
    }


# -- size ----------------------------------------------------------------------------------


def _shared(root: dict[str, Any]) -> dict[str, Any]:
    """The same schema, where an argument that many layers have in common is written once."""
    texts: Counter[str] = Counter()
    owners = {key: value for key, value in root["definitions"].items() if "." in key}
    for owner in owners.values():
        for value in owner.get("properties", {}).values():
            texts[_compact(value)] += 1
    names: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for owner in owners.values():
        for key, value in owner.get("properties", {}).items():
            text = _compact(value)
            if texts[text] < 2 or len(text) < 60:
                continue
            if text not in names:
                taken[key] += 1
                names[text] = f"argument.{key}" + (f".{taken[key]}" if taken[key] > 1 else "")
                root["definitions"][names[text]] = value
            owner["properties"][key] = ref(names[text])
    return root
