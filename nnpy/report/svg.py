"""Foreign SVG → the shapes and colours that the page may show, nothing else."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from nnpy.text import plain

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
