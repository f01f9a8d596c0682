"""The config of a model that somebody sent: read, and refused where it is larger than any model's.

Arrays in it, such as a table of pretrained embeddings, may be long: they are numbers, which cost
little. What else it holds costs Keras time for each, whatever it is.
"""

from __future__ import annotations

import json
from typing import Any

LIMIT = 160 << 20  # bytes; a table of 20,000 × 300 numbers as text
_PLAIN = 16 << 20  # bytes without a look; the largest of keras.applications has 0.7 MB
_MARKS = 1 << 20  # brackets and quotes in more than that
# NASNetLarge, the largest of keras.applications, has 1,041 layers, 10,000 objects, 70,000 values.
_LAYERS, _OBJECTS, _VALUES = 3_000, 100_000, 500_000
_ARRAYS = ("__numpy__", "__tensor__")


class TooLarge(Exception):
    """The config is larger than any model's; the message says in what."""


def read(content: bytes) -> Any:
    """The config in its JSON text.

    Raises TooLarge before it takes memory, ValueError or RecursionError for what is no JSON.
    """
    if len(content) > _PLAIN and sum(map(content.count, (b"[", b"{", b'"'))) > _MARKS:
        raise TooLarge(f"its config.json has more than {_PLAIN >> 20} MB beside its numbers")
    return json.loads(content)


def check(config: Any) -> None:
    """Raises TooLarge for more layers, objects or values than any model has."""
    layers = objects = values = 0
    waiting = [config]
    while waiting:
        value = waiting.pop()
        values += 1
        if isinstance(value, dict):
            objects += "class_name" in value
            if isinstance(among := value.get("layers"), list):
                layers += len(among)
            waiting.extend(parts(value))
        elif isinstance(value, list):
            waiting.extend(value)
    for count, most, word in (
        (layers, _LAYERS, "layers"),
        (objects, _OBJECTS, "objects"),
        (values, _VALUES, "values"),
    ):
        if count > most:
            raise TooLarge(f"its config has {count:,} {word}; at most {most:,} are opened")


def parts(value: dict[str, Any]) -> list[Any]:
    """What an object holds, but for the numbers of an array: Keras gives those to NumPy."""
    config = value.get("config")
    if value.get("class_name") not in _ARRAYS or not isinstance(config, dict):
        return list(value.values())
    return [each for key, each in config.items() if key != "value"]
