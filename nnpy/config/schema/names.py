"""JSON Schema that looks at names alone, for a config that brings none of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnpy.catalog.applications import KNOWN, PREFIX
from nnpy.catalog.catalog import Catalog
from nnpy.catalog.entries import Parameter
from nnpy.catalog.kinds import OBJECT_KINDS
from nnpy.config import by_output as outputs
from nnpy.config.schema.objects import bare, by_output, ref
from nnpy.config.settings import SECTIONS, parameters


def names(catalog: Catalog) -> dict[str, Any]:
    """Definitions that look at names alone, for a config that brings none of its own.

    An argument that takes an object of Keras is known by its name: `kernel_initializer` is
    an initializer in every layer. So one set of properties serves all of them.
    """
    operations = [f"{PREFIX}{each}" for each in KNOWN]
    operations += [f"ops.{each}" for each in catalog.suggestions("op")]
    known = {kind: list(catalog.suggestions(kind)) for kind in OBJECT_KINDS}
    alone = {kind: bare(kind, catalog) for kind in OBJECT_KINDS}
    known["cell"], alone["cell"] = known["layer"], alone["layer"]
    known["step"] = [*known["layer"], *operations, "reuse", "Model"]
    alone["step"] = [*alone["layer"], *operations]
    found: dict[str, Any] = {}
    for kind in known:
        text = [{"enum": alone[kind]}] if alone[kind] else []
        found[f"names.{kind}"] = {
            "anyOf": [*text, {"not": {"type": "string"}}],
            "propertyNames": {"enum": known[kind]},
            "additionalProperties": ref("names.arguments"),
        }
    entries = [catalog.find(kind, name) for kind in OBJECT_KINDS for name in catalog.names(kind)]
    arguments = [each for entry in entries if entry for each in entry.parameters]
    layers = {"items": ref("names.step")}
    found["names.arguments"] = {"properties": {**_names_in(arguments), "layers": layers}}
    found["names.network"] = {**layers, "properties": {"layers": layers}}
    training = _names_in(parameters(SECTIONS["training"]))
    for key in outputs.READERS.keys() & training.keys():
        training[key] = by_output(training[key])
    found["names.training"] = {"properties": training}
    return found


def _names_in(arguments: Iterable[Parameter]) -> dict[str, Any]:
    """The arguments that take an object of Keras, or a list or a mapping of such."""
    found: dict[str, Any] = {}
    for each in arguments:
        kinds = [kind for kind in (*each.types, *each.items) if kind in (*OBJECT_KINDS, "cell")]
        if len(kinds) != 1 or {"str", "any", "callable"} & {*each.types, *each.items}:
            continue
        one: dict[str, Any] = {"items": ref(f"names.{kinds[0]}")}
        if kinds[0] in each.types:
            one = {**ref(f"names.{kinds[0]}")}
        found.setdefault(each.name, one)
    return found
