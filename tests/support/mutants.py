"""Files and configs changed a little, by a seed: cut, flipped, spliced, and by their tokens."""

from __future__ import annotations

import copy
import io
import random
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import yaml

# What programs that read configs trip over.
ODD_TOKENS = [
    *("null", "~", "true", "-1", "0", "1e999", ".nan", ".inf", "0x" + "f" * 300, "9" * 400),
    *(
        "[]",
        "{}",
        "[[[]]]",
        "''",
        '"\\0"',
        '"\\e[2J"',
        "é☃",
        "\u202e",
        "*a",
        "&a",
        "!!python/x",
        "<<",
    ),
    *("extends", "code", "model", "data", "training", "blocks", "inputs", "layers", "outputs"),
    *("name", "from", "repeat", "reuse", "call", "Dense", "Lambda", "Model", "units", "ops.add"),
    *("$a", "${a * 9 ** 9 ** 9}", "${a}", "path", "/dev/zero", "../../..", "---", "...", "? "),
    *("{Dense: {units: 1e9}}", "{Dense: {units: 1}}", "x" * 5000, "1_0", "2024-01-01", "1:30:00"),
]
ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 10**18, 10**400, 1e308, float("nan"), float("inf"), "", "x", "\x1b[2J"),
    *("é☃", "/dev/zero", "../x", "x" * 3000, [], {}, [[]], {"": {}}, {"a": None}, {1: 2}),
    *(["Flatten"] * 50, {"Dense": {"units": 3}}, {"Model": {"layers": ["ReLU"]}}),
]


def bytes_changed(content: bytes, chance: random.Random) -> bytes:
    """One truncation, or a byte flipped, or a span taken out, put in, doubled or zeroed."""
    place = chance.randrange(max(1, len(content)))
    end = min(len(content), place + chance.choice((1, 2, 4, 8, 64)))
    match chance.choice(("cut", "flip", "flip", "flip", "drop", "put", "double", "zero", "ones")):
        case "cut":
            return content[:place]
        case "flip":
            return flipped(content, place, chance.randrange(1, 256))
        case "drop":
            return content[:place] + content[end:]
        case "put":
            return content[:place] + chance.randbytes(end - place) + content[place:]
        case "double":
            return content[:end] + content[place:]
        case "zero":
            return content[:place] + bytes(end - place) + content[end:]
    return content[:place] + b"\xff" * (end - place) + content[end:]


def every_byte(content: bytes, chance: random.Random) -> Iterator[bytes]:
    """Each truncation, and each byte flipped."""
    for place in range(len(content)):
        yield content[:place]
        yield flipped(content, place, chance.randrange(1, 256))


def flipped(content: bytes, place: int, mask: int) -> bytes:
    return content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]


def with_member(archive: bytes, name: str, content: bytes) -> bytes:
    """A zip archive with another content of one member, and the checksum that it needs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return buffer.getvalue()


def member(archive: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        return content.read(name)


def tokens_changed(text: str, chance: random.Random) -> str:
    """YAML text with one to three of its tokens replaced, taken out, doubled, moved or odd."""
    tokens = re.findall(r"\w+|\s+|.", text)
    for _ in range(chance.randint(1, 3)):
        place, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.choice(("replace", "replace", "drop", "double", "swap", "put", "cut")):
            case "replace":
                tokens[place] = chance.choice(ODD_TOKENS)
            case "drop":
                del tokens[place : place + chance.randint(1, 4)]
            case "double":
                tokens[place:place] = tokens[other : other + chance.randint(1, 40)]
            case "swap":
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case "put":
                tokens.insert(place, chance.choice(ODD_TOKENS))
            case "cut":
                del tokens[max(1, place) :]
        tokens = tokens or [" "]
    return "".join(tokens)


def tree_changed(text: str, chance: random.Random) -> str:
    """The config of a YAML text with one value or key of its tree made odd, taken out or moved."""
    tree = copy.deepcopy(yaml.safe_load(text))
    paths = [each for each in places(tree) if each]
    path = chance.choice(paths)
    parent, key = at(tree, path[:-1]), path[-1]
    match chance.choice(("odd", "odd", "move", "drop", "rename", "wrap", "grow")):
        case "odd":
            parent[key] = copy.deepcopy(chance.choice(ODD_VALUES))
        case "move":
            parent[key] = copy.deepcopy(at(tree, chance.choice(paths)))
        case "drop":
            del parent[key]
        case "rename" if isinstance(parent, dict):
            parent[str(chance.choice(ODD_TOKENS))] = parent.pop(key)
        case "grow" if isinstance(parent[key], int | float):
            parent[key] = parent[key] * 10 ** chance.randint(3, 30)
        case _:
            parent[key] = [parent[key]] if chance.random() < 0.5 else {"x": parent[key]}
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, each in value.items() if isinstance(value, dict) else ():
        yield from places(each, (*path, key))
    for index, each in enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*path, index))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
