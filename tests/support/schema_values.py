"""Values that the JSON Schema of the config language allows, drawn by chance."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.mutants import at, places

_NUMBERS = [0, 1, 2, 3, 4, 8, 10, 0.5, 0.1, 1e-3, 0.999, -1, -0.5, 100]
_WORDS = ["x", "a", "b", "relu", "softmax", "float32", "same", "val_loss", "mean", "$a", "${1 + 1}"]
_DEEPEST = 6


def schema_changed(text: str, schema: dict[str, Any], chance: random.Random) -> str:
    """The config of a YAML text with one to three values of its tree, or new settings, as the
    schema allows them there."""
    tree = copy.deepcopy(yaml.safe_load(text))
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(list(places(tree)))
        here = [each for each in _along(schema, schema, path) if each is not True]
        value = at(tree, path)
        known = {key: each for s in here for key, each in s.get("properties", {}).items()}
        if isinstance(value, dict) and known and chance.random() < 0.7:
            key = chance.choice(sorted(known))
            value[key] = instance(known[key], schema, chance)
        elif here and path:
            at(tree, path[:-1])[path[-1]] = instance(chance.choice(here), schema, chance)
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)


def instance(schema: Any, root: dict[str, Any], chance: random.Random, depth: int = 0) -> Any:
    """A value that a part of the schema allows; its patterns and conditions are not looked at."""
    if not isinstance(schema, dict):
        return None
    chosen = chance.choice(list(_alternatives(schema, root)))
    if "enum" in chosen:
        return chance.choice(chosen["enum"])
    types = chosen.get("type", "object" if "properties" in chosen else "string")
    kind = chance.choice(types) if isinstance(types, list) else types
    if kind == "array":
        least = chosen.get("minItems", 1)
        count = chance.randint(least, max(least, chosen.get("maxItems", 3)))
        if depth > _DEEPEST:
            return []
        return [instance(chosen.get("items"), root, chance, depth + 1) for _ in range(count)]
    if kind == "object":
        known = chosen.get("properties", {})
        wanted = [key for key in chosen.get("required", ()) if key in known]
        if known and depth <= _DEEPEST:
            most = chosen.get("maxProperties", 3)
            wanted += chance.sample(sorted(known), min(len(known), chance.randint(0, most)))
        return {
            key: instance(known[key], root, chance, depth + 1)
            for key in dict.fromkeys(wanted[: chosen.get("maxProperties")])
        }
    return _scalar(kind, chosen, chance)


def _scalar(kind: str, schema: dict[str, Any], chance: random.Random) -> Any:
    if kind == "null":
        return None
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "string":
        return chance.choice(_WORDS)
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1))
    number = max(low, chance.choice(_NUMBERS))
    return int(number) if kind == "integer" else number


def _alternatives(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema without references and choices: one of these is what a value follows."""
    if "$ref" in schema:
        yield from _alternatives(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    elif "anyOf" in schema and "properties" not in schema:
        for each in schema["anyOf"]:
            yield from _alternatives(each, root)
    else:
        yield schema


def _along(schema: dict[str, Any], root: dict[str, Any], path: tuple[Any, ...]) -> list[Any]:
    """What the schema says of the value at `path`, by each of its alternatives."""
    found: list[Any] = list(_alternatives(schema, root))
    for key in path:
        parts = []
        for each in found:
            if isinstance(key, int):
                part = each.get("items")
            else:
                part = each.get("properties", {}).get(key, each.get("additionalProperties"))
            if isinstance(part, dict):
                parts += _alternatives(part, root)
        found = parts
    return found
