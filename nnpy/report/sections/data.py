"""The section of the page about the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnpy.report import html
from nnpy.report.contents import Contents
from nnpy.report.formatting import MOST_ROWS, count, shape_words
from nnpy.report.html import Code, Number, Table
from nnpy.text import plain

_SPLITS = {"train": "training set", "validation": "validation set", "test": "test set"}


def data_section(contents: Contents) -> dict[str, Any] | None:
    """The facts of sections/data.html."""
    data = contents.data
    if not data:
        return None
    classes = list(data.get("classes") or ())
    hidden = len(classes) - MOST_ROWS
    digests = data.get("digests") or {}
    return {
        "name": data.get("name", ""),
        "splits": [
            {"size": Number(int(data[key])), "name": name}
            for key, name in _SPLITS.items()
            if data.get(key)
        ],
        "shape": _shape(data["shape"]) if data.get("shape") else "",
        "class_count": count(len(classes), "class", "classes"),
        "classes": classes[:MOST_ROWS],
        "more_classes": f" and {hidden} more" if hidden > 0 else "",
        "source": data.get("source", ""),
        "files": Table(
            ("file", "SHA-256 of its content"),
            [(plain(name, 80), Code(plain(digest, 80))) for name, digest in digests.items()],
        )
        if digests
        else None,
        "augmented": html.figure_image(
            contents.drawings["augmented"], "Pictures and what augmentation makes of them"
        )
        if contents.augmented is not None
        else None,
        "terms": [
            name for key, name in _SPLITS.items() if key != "validation" or data.get("validation")
        ],
    }


def _shape(shape: Sequence[int]) -> str:
    """What an example is."""
    return count(shape[0], "number") if len(shape) == 1 else shape_words(shape)
