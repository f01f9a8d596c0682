"""JSON Schema of the objects of Keras and of single arguments, from the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from nnpy.catalog import applications
from nnpy.catalog.catalog import Catalog
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.kinds import OBJECT_KINDS
from nnpy.config import by_output as outputs
from nnpy.config.network.reader import ADAPTIVE
from nnpy.config.objects import ACTIVATION_LAYERS
from nnpy.config.settings import SHORT_FORMS, parameters, subsections
from nnpy.data import registry

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
PARAMETER = r"^\$"  # `$name` or `${expression}`

_SCALARS = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "str": "string",
    "callable": "string",
    "null": "null",
    "list": "array",
    "dict": "object",
}

ADAPT = "Whether it learns from the training examples, before the training, what it must know."

STEP_KEYS = {
    "from": "The steps whose outputs it takes (default: the step above): a name, a list of "
    "names, or {argument: name}. `input` is the model's input; `lstm.1` is the second output.",
    "call": "Additional arguments of the layer's call, such as {training: true}.",
    "name": "The name that `from:` and `outputs:` refer to.",
    "trainable": "Whether its layers are trained; false freezes all of them.",
}


def ref(name: str) -> dict[str, Any]:
    """A reference to one of the schema's definitions."""
    return {"$ref": f"#/definitions/{name}"}


def objects(kind: str, catalog: Catalog) -> dict[str, Any]:
    """The definition of a kind, `layer`, and one for each of its objects, `layer.Dense`."""
    if kind == "activation":
        return _activations(catalog)
    found: dict[str, Any] = {kind: _object(bare(kind, catalog), references(kind, catalog))}
    for name in catalog.names(kind):
        steps = {key: ref(key) for key in STEP_KEYS} if kind == "layer" else {}
        entry = catalog.find(kind, name)
        assert entry is not None
        properties = {each.name: parameter(each) for each in entry.parameters}
        if kind == "layer" and name in ADAPTIVE:
            steps["adapt"] = {"type": "boolean", "description": ADAPT}
        if kind == "layer" and len(entry.call) > 1:
            steps["call"] = _call(entry)
        found[f"{kind}.{name}"] = _arguments(entry, {**steps, **properties}, entry.parameters)
    return found


def _activations(catalog: Catalog) -> dict[str, Any]:
    """A name; Keras's own take arguments where there is a layer that can hold them."""
    named = {}
    for name in ACTIVATION_LAYERS:
        entry = catalog.find("activation", name)
        assert entry is not None
        properties = {each.name: parameter(each) for each in entry.parameters}
        named[name] = _arguments(entry, properties, entry.parameters)
    others = {name: {"type": "null"} for name in catalog.suggestions("activation")}
    definitions = {f"activation.{name}": each for name, each in named.items()}
    references = {name: ref(f"activation.{name}") for name in named}
    whole = _object(bare("activation", catalog), {**others, **references})
    return {"activation": whole, **definitions}


def _call(entry: Entry) -> dict[str, Any]:
    """What a layer's call takes beside its first tensor."""
    return {
        "type": "object",
        "description": STEP_KEYS["call"],
        "properties": {each.name: parameter(each) for each in entry.call[1:]},
        "additionalProperties": False,
    }


def _object(bare: list[str], named: Mapping[str, Any]) -> dict[str, Any]:
    """A name, or a name with its arguments; names that Keras has not are let through."""
    return {
        "anyOf": [
            *([{"enum": bare}] if bare else []),  # draft-07 editors refuse an empty one
            {"type": "string", "pattern": IDENTIFIER},
            ref("parameter"),
            {"type": "object"},
        ],
        "minProperties": 1,
        "maxProperties": 1,
        "properties": named,
        "additionalProperties": {"type": ["object", "null"]},
    }


def _arguments(
    entry: Entry, properties: Mapping[str, Any], needed: Iterable[Parameter]
) -> dict[str, Any]:
    required = [each.name for each in needed if each.required]
    return {
        "description": entry.doc,
        "type": "object" if required else ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def references(kind: str, catalog: Catalog) -> dict[str, Any]:
    """Every name and alias of a kind → the definition of its arguments."""
    found = {}
    for name in catalog.suggestions(kind):
        entry = catalog.find(kind, name)
        assert entry is not None
        found[name] = ref(f"{kind}.{entry.name}")
    return found


def bare(kind: str, catalog: Catalog) -> list[str]:
    """The names that may stand without arguments."""
    found = []
    for name in catalog.suggestions(kind):
        entry = catalog.find(kind, name)
        if entry is not None and not any(each.required for each in entry.parameters):
            found.append(name)
    return found


def cells(catalog: Catalog) -> dict[str, Any]:
    """The layers that are cells, for `RNN`; a layer of one's own may be one too."""
    layers = references("layer", catalog)
    return _object([], {name: layers[name] for name in layers if name.endswith(("Cell", "Cells"))})


def operations(catalog: Catalog) -> dict[str, Any]:
    """`ops.multiply` and its like: tensors come by `from:`, plain arguments by name."""
    found = {}
    for name in catalog.names("op"):
        entry = catalog.find("op", name)
        assert entry is not None
        properties = {each.name: parameter(each) for each in entry.call if not each.variadic}
        step = {key: ref(key) for key in ("from", "name")}
        found[f"ops.{name}"] = _arguments(entry, {**step, **properties}, ())
    return found


def networks() -> dict[str, Any]:
    """`applications.MobileNetV3Small` and its like, each a layer."""
    found = {}
    for entry in applications.entries():
        properties = {each.name: parameter(each) for each in entry.parameters}
        step = {key: ref(key) for key in ("from", "name", "trainable")}
        found[f"{applications.PREFIX}{entry.name}"] = _arguments(entry, properties | step, ())
    return found


# -- one argument or setting ---------------------------------------------------------------


def section(settings: type, name: str = "") -> dict[str, Any]:
    """A section of settings, such as `training:`, by its name."""
    known = {each.name: parameter(each) for each in parameters(settings)}
    for key in outputs.READERS.keys() & known.keys():
        known[key] = by_output(known[key])
    for key, inner in subsections(settings).items():
        known[key] = section(inner)
    for short, (key, setting) in SHORT_FORMS.get(name, {}).items():
        known[short] = known[key]["properties"][setting]
    if name == "data":
        known["source"] = _source()
    return {
        "description": (settings.__doc__ or "").strip(),
        "type": ["object", "null"],
        "properties": known,
        "additionalProperties": False,
    }


def _source() -> dict[str, Any]:
    """A data source: its name, or its name with its own arguments."""
    alone = [
        name
        for name, source in registry.SOURCES.items()
        if not any(each.required for each in source.parameters)
    ]
    full = [
        {
            "type": "object",
            "required": [name],
            "properties": {
                name: {
                    "type": ["object", "null"] if name in alone else "object",
                    "properties": {each.name: parameter(each) for each in source.parameters},
                    "required": [each.name for each in source.parameters if each.required],
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        }
        for name, source in registry.SOURCES.items()
    ]
    description = "Where the examples come from: a data set's name, or its name with arguments."
    return {"description": description, "anyOf": [{"enum": alone}, *full]}


def by_output(one: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for all outputs of the model, or a mapping or a list with one for each."""
    description = {key: each for key, each in one.items() if key == "description"}
    value = {key: each for key, each in one.items() if key != "description"}
    alone = []  # one metric needs no list
    if "items" in value:
        value["type"] = "array"
        alone = [{"allOf": [{"not": {"type": "array"}}, value["items"]]}]
    each = {"anyOf": [value, *alone, {"type": "null"}]}
    mapping = {"type": "object", "additionalProperties": each}
    return {**description, "anyOf": [value, mapping, {"type": "array", "items": each}]}


def parameter(parameter: Parameter) -> dict[str, Any]:
    """What a parameter takes, with its text and its default.

    The default stands in the text: editors write the values of the keyword `default` into
    the file with every layer that they complete.
    """
    found = _value(parameter)
    text = [parameter.doc] if parameter.doc else []
    if parameter.default is not None and "efault" not in parameter.doc:
        text.append(f"Default: {json.dumps(parameter.default)}.")
    if text:
        found["description"] = " ".join(text)
    return found


def _value(parameter: Parameter) -> dict[str, Any]:
    types = parameter.types
    if "any" in types:
        return {}
    references = [
        ref(each) for each in types if each in (*OBJECT_KINDS, "cell", "dtype", "shape", "tensor")
    ]
    scalars = [_SCALARS[each] for each in types if each in _SCALARS]
    if "int" in types and "float" in types:
        scalars.remove("integer")
    limits = _limits(parameter)
    if parameter.choices:
        references.append(_choices(parameter))
        scalars = [each for each in scalars if each != "string"]
    if not references:
        # A keyword of JSON Schema asks only values of its own type, so that one object says
        # "an integer ≥ 1, or the text of a parameter".
        if "string" not in scalars:
            return {"type": [*scalars, "string"], "pattern": PARAMETER, **limits}
        return {"type": scalars, **limits}
    arms = [*references, *([{"type": scalars, **limits}] if scalars else [])]
    return {"anyOf": [*arms, ref("parameter")]} if len(arms) > 1 else dict(arms[0])


def _limits(parameter: Parameter) -> dict[str, Any]:
    """The bounds of a number; those of a list are its members'."""
    found: dict[str, Any] = {}
    if parameter.minimum is not None:
        key = "exclusiveMinimum" if parameter.exclusive_minimum else "minimum"
        found[key] = parameter.minimum
    if parameter.maximum is not None:
        key = "exclusiveMaximum" if parameter.exclusive_maximum else "maximum"
        found[key] = parameter.maximum
    if "list" in parameter.types:
        if parameter.items:
            found["items"] = _value(replace(parameter, types=parameter.items, items=()))
        if parameter.length is not None:
            found |= {"minItems": parameter.length, "maxItems": parameter.length}
    return found


def _choices(parameter: Parameter) -> dict[str, Any]:
    choices = list(parameter.choices or ())
    capitals = [each.upper() for each in choices] if parameter.ignore_case else []
    return {"enum": [*choices, *(each for each in capitals if each not in choices)]}
