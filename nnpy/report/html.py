"""The parts of a self-contained HTML page: shell, tables, notes, drawings from elsewhere.

Nothing in a page may load or run anything: the policy in its head forbids it, every text that
comes from a config, a name or a file is escaped, and a drawing keeps only what draws.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from nnpy.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The field's words, each in a sentence that stands without the others.
GLOSSARY = {
    "neural network": (
        "A function with many adjustable numbers, built from layers; training turns the numbers "
        "until its outputs fit the examples."
    ),
    "layer": "One step of the network: it takes numbers in, and gives other numbers to the next.",
    "parameters": "The numbers that training adjusts, also called weights.",
    "multiply-adds": (
        "Multiplications, each with its addition, that one example costs on its way through; "
        "the usual measure of a model's work."
    ),
    "training set": "The examples that the model learns from.",
    "validation set": (
        "Examples held out of the training, looked at after each epoch to see how the model "
        "fares on what it has not learned, and to choose the best epoch."
    ),
    "test set": (
        "Examples that played no part in training or choosing, used once, at the end: "
        "they tell how the model will fare on new data."
    ),
    "epoch": "One pass over all training examples.",
    "batch": "The few examples that the model sees before each correction of its parameters.",
    "loss": (
        "What training makes small: a number for how far the model's outputs are from the truth. "
        "A confident wrong answer costs most."
    ),
    "accuracy": "The share of examples that are answered rightly.",
    "learning rate": "How far each correction moves the parameters.",
    "overfitting": (
        "Learning the training examples by heart: their loss goes on falling while that of the "
        "validation set rises."
    ),
    "confidence interval": (
        "Another test set of the same size and kind would give a slightly other number. A "
        "95\u202f% interval is made so that 19 of 20 such intervals hold the true value."
    ),
    "precision": "Of the answers that name this class, the share that is right.",
    "recall": "Of the examples of this class, the share that is found.",
    "F1": "Precision and recall in one number, their harmonic mean: both must be high.",
    "calibration": (
        "A model is calibrated if it is right in 90 of 100 answers that it calls 90\u202f% sure. "
        "The expected calibration error (ECE) is the mean distance from that."
    ),
    "confusion matrix": (
        "A table of what was taken for what: each row is a true class, each column an answer. "
        "Right answers lie on the diagonal."
    ),
    "seed": (
        "The number from which all chance in a training is drawn; the same seed gives the same run."
    ),
    "McNemar's test": (
        "Two models that answer the same examples differ in truth only where just one is right. "
        "The p-value is how often chance alone would split those cases as unevenly."
    ),
}

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def document(title: str, body: str) -> str:
    """A whole page: one file that needs nothing else and works in light, dark and on paper."""
    style = resources.files("nnpy.report").joinpath("page.css").read_text("utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="nnpy">
<link rel="icon" href="data:,">
<title>{safe(title, 120)}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def safe(text: object, limit: int = 0) -> str:
    """Text from anywhere as one line of HTML."""
    return escape(plain(text, limit))


def block(text: str, limit: int = 100_000) -> str:
    """Text of many lines as HTML; past `limit` characters it is cut, and says so."""
    kept = "\n".join(plain(line) for line in text[:limit].split("\n"))
    return escape(kept + (f"\n… ({len(text) - limit:,} more characters)" if text[limit:] else ""))


def number(value: float | int, style: str = "", unit: str = "") -> str:
    """A number to read that keeps its whole value for programs (and for copying)."""
    if style == "%":
        shown = f"{100 * value:.2f}\u202f%"
    elif style:
        shown = f"{value:{style}}"
    else:
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
    return f'<data value="{value!r}">{shown}{unit}</data>'


def section(title: str, body: str, *terms: str) -> str:
    """A chapter of the page, with the words that it uses explained beside it."""
    notes = "".join(
        f"<p><dfn>{escape(term[0].upper() + term[1:])}.</dfn> {escape(GLOSSARY[term])}</p>"
        for term in terms
    )
    aside = f'<aside aria-label="The words used here">{notes}</aside>' if notes else ""
    return (
        f"<section><h2>{escape(title)}</h2>"
        f'<div class="row"><div class="main">{body}</div>{aside}</div></section>'
    )


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Sequence[int] = (),
    css: str = "",
) -> str:
    """A table of cells that are HTML already; `numeric` columns are set right-aligned."""
    marks = [' class="n"' if i in numeric else "" for i in range(len(head))]
    top = "".join(
        f'<th scope="col"{mark}>{cell}</th>' for cell, mark in zip(head, marks, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll {css}"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def more(summary: str, body: str) -> str:
    """Something that most readers need not see, folded away."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def figure(content: str, caption: str = "", css: str = "") -> str:
    """A drawing with its caption (HTML)."""
    words = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="{css}"><div class="scroll">{content}</div>{words}</figure>'


def picture(x: np.ndarray, alt: str, longest: int = 96) -> str:
    """A small `<img>` of uint8 `(h, w)` or `(h, w, 3)`, at most `longest` pixels a side."""
    from PIL import Image

    image = Image.fromarray(x)
    if max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return _image(buffer.getvalue(), alt)


def figure_png(drawing: Figure, alt: str) -> str:
    """A matplotlib figure as an `<img>`: for what consists of pixels anyway."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=100, transparent=True)
    width, _ = drawing.get_size_inches()
    return _image(buffer.getvalue(), alt, f' style="width:{width * 96:.0f}px"')


def _image(png: bytes, alt: str, attributes: str = "") -> str:
    data = base64.b64encode(png).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{safe(alt, 200)}"{attributes}>'


# Drawings from elsewhere ----------------------------------------------------------------------

# fmt: off
_ELEMENTS = frozenset((
    "svg", "g", "path", "polygon", "polyline", "line", "ellipse", "circle", "rect", "text",
    "tspan", "title",
))
_ATTRIBUTES = frozenset((
    "viewBox", "transform", "d", "points", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r",
    "rx", "ry", "width", "height", "fill", "stroke", "stroke-width", "stroke-dasharray",
    "fill-opacity", "stroke-opacity", "opacity", "text-anchor", "font-size", "font-weight",
    "font-style", "textLength", "dx", "dy",
))
# fmt: on
_COLOURS = {
    "black": "var(--ink)",
    "#000000": "var(--ink)",
    "white": "var(--paper)",
    "#ffffff": "var(--paper)",
}


def drawing(svg: str, alt: str) -> str | None:
    """A foreign SVG drawing (Graphviz's) with only shapes and text left, in the page's colours.

    None for what is not well-formed SVG. Scripts, styles, links, images and entities are dropped
    or refused; black and white become the page's ink and paper.
    """
    start = svg.find("<svg")
    if start < 0 or "<!ENTITY" in svg:
        return None
    try:
        root = ElementTree.fromstring(svg[start:])
    except ElementTree.ParseError:
        return None
    cleaned = _clean(root)
    box = root.get("viewBox", "").split()
    if cleaned is None or len(box) != 4:
        return None
    try:
        width = float(box[2])
    except ValueError:
        return None
    for name in ("width", "height"):
        cleaned.attrib.pop(name, None)
    cleaned.set("role", "img")
    cleaned.set("aria-label", plain(alt, 200))
    cleaned.set("class", "diagram")
    cleaned.set("style", f"width:{width * 12.5 / _letters(svg):.0f}px")
    return ElementTree.tostring(cleaned, encoding="unicode")


def _letters(svg: str) -> float:
    """How large the letters of a Graphviz drawing are in its own units."""
    size = re.search(r'font-size="([0-9.]+)', svg)
    scale = re.search(r"scale\(([0-9.]+)", svg)
    found = (float(size[1]) if size else 14.0) * (float(scale[1]) if scale else 1.0)
    return found or 14.0


def _clean(element: ElementTree.Element) -> ElementTree.Element | None:
    name = str(element.tag).rpartition("}")[2]
    if name not in _ELEMENTS and name != "a":
        return None
    kept = ElementTree.Element("g" if name == "a" else name)
    for key, value in element.attrib.items():
        if key in _ATTRIBUTES and not re.search(r"url|javascript|data:", value, re.I):
            kept.set(key, _COLOURS.get(value.lower(), value))
    if name in ("text", "tspan", "title"):
        kept.text = plain(element.text or "")
        if name == "text" and "fill" not in kept.attrib:
            kept.set("fill", "var(--ink)")
    for child in element:
        # A comment's tag is a function.
        if isinstance(child.tag, str) and (cleaned := _clean(child)) is not None:
            cleaned.tail = plain(child.tail or "") if name in ("text", "tspan") else None
            kept.append(cleaned)
    return kept
