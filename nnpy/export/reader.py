"""Files → what an exported model takes, as nnpy reads them. Shipped with every export.

    import json, nnpy_reader
    known = json.load(open("model.onnx.json", encoding="utf-8"))
    x = nnpy_reader.read("photo.png", known)  # rows.csv, text.txt; (n, …), the model's first input

Needs NumPy, and Pillow for pictures; nothing of nnpy. `answers` names the classes.
"""

from __future__ import annotations

# ruff: noqa: UP017 – it runs under Python 3.10 too
import csv
import math
import re
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

SPACES = " \t\n\r\x0b\x0c\u00a0\u2007\u202f\u3000\ufeff"
NO_NUMBERS = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "-", "?", "#N/A"),
    "<NA>",
)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WORD = re.compile(r"\w+(?:['’]\w+)*")
MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>")
LEADING_ZERO = re.compile(r"[+-]?0[0-9]+")


def read(path, known, **options):
    """The examples in a picture or a CSV file; `options` are those of `read_csv`."""
    stored = known["stored"]
    if (known.get("table") or {}).get("source") == "text":
        content = Path(path).read_text(encoding="utf-8-sig")
        return prepared(words(known["table"], [content]), known)
    if known.get("table"):
        return prepared(vectors(known["table"], read_csv(path, **options)), known)
    return prepared(picture(path, known["picture"]).reshape(1, *stored["shape"]), known)


def prepared(x, known):
    """Stored examples (n, …) as the model takes them: itself, where its file does the scaling."""
    if not known["raw_input"]:
        x = x.astype(np.float32) * np.float32(known["rescale"])
        x = x[..., np.newaxis] if known["channel_axis"] else x
    elif known["stored"]["dtype"].startswith("float") and x.dtype == np.uint8:
        x = x / 255
    return x.astype(known["inputs"][0]["dtype"])


def answers(outputs, known):
    """The likeliest class of each example and its probability, from the output `answer`."""
    probabilities = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    scale = next(each["scale"] for each in known["outputs"] if each["name"] == known["answer"])
    one = probabilities.shape[1] == 1
    if scale in ("sigmoid", "margins") or (scale == "softmax" and one):
        probabilities = 0.5 * (1 + np.tanh(probabilities / 2))
    if one:
        probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
    elif scale == "softmax":
        probabilities = np.exp(probabilities - probabilities.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    best = probabilities.argmax(axis=1)
    return [
        (known["classes"][i], float(row[i])) for i, row in zip(best, probabilities, strict=True)
    ]


# -- texts ----------------------------------------------------------------------------------


def words(vocabulary, texts):
    """Texts → the numbers (n, length) of their words: 0 fills up, 1 is an unknown one."""
    number = {word: i for i, word in enumerate(vocabulary["words"], 2)}
    x = np.zeros((len(texts), vocabulary["length"]), np.int32)
    for row, text in zip(x, texts, strict=True):
        text = MARKUP.sub(" ", text).casefold()
        if vocabulary["tokens"] == "characters":
            found = [each for each in text if not each.isspace()]
        else:
            found = WORD.findall(text)
        numbers = [number.get(each, 1) for each in found[: vocabulary["length"]]]
        row[: len(numbers)] = numbers
    return x


# -- rows of a table -----------------------------------------------------------------------


def read_csv(path, delimiter=",", encoding="utf-8-sig"):
    """The cells of a CSV file whose first line has the names of the columns."""
    with Path(path).open(encoding=encoding, newline="") as file:
        names, *rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    return {name.strip(SPACES): [row[i] for row in rows] for i, name in enumerate(names)}


def vectors(table, cells):
    """Cells (texts or numbers) by column → the vectors (n, width) that the model takes."""
    count = len(next(iter(cells.values())))
    parts = []
    for feature in table["features"]:
        if feature["name"] not in cells:
            raise KeyError(f"the rows lack the column '{feature['name']}'")
        column = cells[feature["name"]]
        make = _category if feature["kind"] == "category" else _number
        parts.append(make(feature, column).reshape(count, -1).astype(np.float32))
    return np.concatenate(parts, axis=1)


def _number(feature, column):
    """(value - mean) / deviation, and whether the value is missing."""
    read = _days if feature["kind"] == "date" else _value
    values = np.array([read(feature, cell) for cell in column], np.float64)
    missing = np.isnan(values)
    values[missing] = feature["filled"]
    scaled = (values - feature["mean"]) / feature["deviation"]
    return np.stack([scaled, missing], axis=1) if feature["flag"] else scaled


def _category(feature, column):
    """One place for each label, or the label's code where the model embeds it."""
    labels, missing = feature["labels"], feature["missing"] > 0
    first = 1 if feature["embedded"] else 0
    size = len(labels) + missing + (feature["slot"] or feature["embedded"])
    unseen = 0 if feature["embedded"] else size - 1 if feature["slot"] else size
    places = {label: first + i for i, label in enumerate(labels)}
    places[None] = first + len(labels) if missing else unseen
    codes = np.array([places.get(_label(feature, cell), unseen) for cell in column], np.intp)
    if feature["embedded"]:
        return codes
    rows = np.zeros((size + 1, size))
    rows[:size] = np.eye(size)
    if not feature["slot"]:  # what was never seen is the mean of what was
        counts = np.array([*feature["counts"], *([feature["missing"]] if missing else [])], float)
        rows[size] = counts / counts.sum()
    return rows[codes]


def _value(feature, cell):
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return float(cell)
    text = _text(cell).strip(SPACES)
    if text in feature.get("missing_words", NO_NUMBERS):
        return math.nan
    text = text.replace(feature["thousands"], "") if feature.get("thousands") else text
    if feature.get("decimal", ".") != ".":
        if "." in text:
            raise ValueError(f"'{feature['name']}': {cell!r} is no number")
        text = text.replace(feature["decimal"], ".")
    if not NUMBER.fullmatch(text):
        raise ValueError(f"'{feature['name']}': {cell!r} is no number")
    return float(text)


def _days(feature, cell):
    """A date as days since 1970."""
    text = _text(cell).strip(SPACES)
    if text in feature.get("missing_words", NO_NUMBERS):
        return math.nan
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() / 86_400


def _label(feature, cell):
    text = _text(cell).strip(SPACES)
    if text in feature.get("missing_words", ("",)):
        return None
    if feature.get("numeric"):
        plain = NUMBER.fullmatch(text) and not LEADING_ZERO.fullmatch(text)
        return _number_label(float(text)) if plain else text
    return text.lower() if feature.get("lower") else text


def _text(cell):
    if cell is None or cell != cell:  # NaN
        return ""
    if isinstance(cell, (bool, np.bool_)):
        return "true" if cell else "false"
    return _number_label(cell) if isinstance(cell, float) else str(cell)


def _number_label(value):
    whole = value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else repr(float(value))


# -- pictures ------------------------------------------------------------------------------


def picture(path, form):
    """A picture as bytes (height, width) or (height, width, 3 or 4), made to fit as in training."""
    from PIL import Image, ImageOps

    height, width = form["height"], form["width"]
    mode = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}[form["color_mode"]]
    with Image.open(path) as opened:
        needed = (math.ceil(1.1 * width), math.ceil(1.1 * height))
        if form["fit"] == "pad":
            turned = opened.getexif().get(0x0112, 1) >= 5
            inner = _inside(opened.size, *((height, width) if turned else (width, height)))
            needed = tuple(math.ceil(1.1 * side) for side in inner)
        elif opened.getexif().get(0x0112, 1) >= 5:
            needed = needed[::-1]
        opened.draft("L" if mode == "L" else "RGB", needed)
        ready = ImageOps.exif_transpose(opened)
        if ready.mode.startswith("I"):  # 16 bits
            deep = np.rint(np.asarray(ready, np.float64) / 257)
            ready = Image.fromarray(deep.astype(np.uint8))
        clear = "A" in ready.mode or "a" in ready.mode or "transparency" in ready.info
        if clear and mode != "RGBA":
            layer = ready.convert("RGBA")
            grey = round(form["background"])
            under = Image.new("RGBA", layer.size, (grey, grey, grey, 255))
            ready = Image.alpha_composite(under, layer).convert("RGB")
        if ready.mode not in ("L", "RGB", "RGBA"):
            ready = ready.convert("RGBA" if clear else "RGB")
        if ready.mode != mode:
            ready = ready.convert(mode)
        return np.asarray(_fitted(ready, height, width, form["fit"]), np.uint8)


def _fitted(picture, height, width, fit):
    across, down = picture.size
    if fit == "stretch":
        return _resized(picture, width, height, (0, 0, across, down))
    if fit == "crop":
        part = min(across, max(1, round(down * width / height)))
        high = min(down, max(1, round(across * height / width)))
        left, top = (across - part) // 2, (down - high) // 2
        return _resized(picture, width, height, (left, top, left + part, top + high))
    wide = max(across, math.ceil(down * width / height))
    tall = max(down, math.ceil(across * height / width))
    if wide - across <= wide // 100 and tall - down <= tall // 100:
        return _resized(picture, width, height, (0, 0, across, down))
    inner, high = _inside(picture.size, width, height)
    x = np.asarray(_resized(picture, inner, high, (0, 0, across, down)))
    out = np.empty((height, width, *x.shape[2:]), np.uint8)
    out[:] = np.median(np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]]), axis=0)
    top, left = (height - x.shape[0]) // 2, (width - x.shape[1]) // 2
    out[top : top + x.shape[0], left : left + x.shape[1]] = x
    return out


def _inside(size, width, height):
    scale = min(width / size[0], height / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized(picture, width, height, box):
    from PIL.Image import Resampling

    across, down = box[2] - box[0], box[3] - box[1]
    if across <= width and down <= height:
        return picture.resize((width, height), Resampling.BICUBIC, box)
    if across % width == 0 and down % height == 0:
        return picture.resize((width, height), Resampling.BOX, box)
    return picture.resize((width, height), Resampling.HAMMING, box, 1.1)
