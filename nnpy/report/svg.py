"""SVG → the shapes, texts and colours that a page may show, nothing else.

The only place that says `Markup`: what it gives back may stand in a page as it is.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from markupsafe import Markup

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
# What matplotlib draws with besides: marks that are used again, clips, hatches, pixels.
_FIGURE_ELEMENTS = _ELEMENTS | {"defs", "use", "clipPath", "pattern", "image"}
_FIGURE_ATTRIBUTES = _ATTRIBUTES | {"clip-path", "patternUnits"}
_STYLES = frozenset((
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap",
    "stroke-linejoin", "stroke-miterlimit", "fill-opacity", "stroke-opacity", "opacity",
    "fill-rule", "clip-rule", "font", "font-family", "font-size", "font-style", "font-weight",
    "font-stretch", "font-variant", "text-anchor", "image-rendering",
))
# fmt: on
_HREF = "{http://www.w3.org/1999/xlink}href"
_INK_AND_PAPER = {
    "black": "var(--ink)",
    "#000000": "var(--ink)",
    "white": "var(--paper)",
    "#ffffff": "var(--paper)",
}


def drawing(svg: str, alt: str) -> Markup | None:
    """A foreign SVG drawing (Graphviz's) with only shapes and text left, in the page's colours.

    None for what is not well-formed SVG. Scripts, styles, links, images and entities are dropped
    or refused; black and white become the page's ink and paper.
    """
    root = _parse(svg)
    cleaned = None if root is None else _Cleaner().clean(root)
    if root is None or cleaned is None:
        return None
    box = root.get("viewBox", "").split()
    try:
        width = float(box[2]) if len(box) == 4 else None
    except ValueError:
        return None
    if width is None:
        return None
    cleaned.set("class", "diagram")
    return _markup(cleaned, alt, f"width:{width * 12.5 / _letters(svg):.0f}px")


def figure(
    svg: str, name: str, alt: str, width: float, height: float, colours: Mapping[str, str]
) -> Markup:
    """A figure of matplotlib's as an element of the page.

    `name` keeps its ids apart from other figures'; `width` and `height` are in inches, and
    `colours` says which of its colours are the page's own. Raises ValueError for what is no SVG.
    """
    root = _parse(svg)
    prefix = f"f{zlib.crc32(name.encode()):08x}-"
    cleaner = _Cleaner(_FIGURE_ELEMENTS, _FIGURE_ATTRIBUTES, prefix, colours)
    cleaned = None if root is None else cleaner.clean(root)
    if cleaned is None:
        raise ValueError(f"the figure {name} is no SVG")
    cleaned.set("viewBox", f"0 0 {width * 72:.6g} {height * 72:.6g}")
    return _markup(cleaned, alt, f"width:{width * 96:.0f}px;stroke-linejoin:round")


def _parse(svg: str) -> ElementTree.Element | None:
    start = svg.find("<svg")
    if start < 0 or "<!ENTITY" in svg:
        return None
    try:
        return ElementTree.fromstring(svg[start:])
    except ElementTree.ParseError:
        return None


def _markup(root: ElementTree.Element, alt: str, style: str) -> Markup:
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", plain(alt, 200))
    root.set("style", style)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _letters(svg: str) -> float:
    """How large the letters of a Graphviz drawing are in its own units."""
    size = re.search(r'font-size="([0-9.]+)', svg)
    scale = re.search(r"scale\(([0-9.]+)", svg)
    found = (float(size[1]) if size else 14.0) * (float(scale[1]) if scale else 1.0)
    return found or 14.0


@dataclass(frozen=True)
class _Cleaner:
    """Copies what is allowed; ids, references and styles only for a figure of our own."""

    elements: frozenset[str] = _ELEMENTS
    attributes: frozenset[str] = _ATTRIBUTES
    prefix: str = ""  # of ids; without one no id, style or reference is kept
    colours: Mapping[str, str] = field(default_factory=lambda: _INK_AND_PAPER)

    def clean(self, element: ElementTree.Element) -> ElementTree.Element | None:
        name = str(element.tag).rpartition("}")[2]
        if name == "a":
            name = "g"
        if name not in self.elements:
            return None
        kept = ElementTree.Element(name)
        for key, value in element.attrib.items():
            if (clean := self._attribute(name, key, value)) is not None:
                kept.set("href" if key == _HREF else key, clean)
        if name in ("text", "tspan", "title"):
            kept.text = plain(element.text or "")
            if name == "text" and "fill" not in kept.attrib and not self.prefix:
                kept.set("fill", "var(--ink)")
        for child in element:
            # A figure's first patch is its paper: the page has its own.
            if self.prefix and child.get("id") == "patch_1":
                continue
            # A comment's tag is a function.
            if isinstance(child.tag, str) and (cleaned := self.clean(child)) is not None:
                cleaned.tail = plain(child.tail or "") if name in ("text", "tspan") else None
                kept.append(cleaned)
        return kept

    def _attribute(self, element: str, key: str, value: str) -> str | None:
        """The value as it may stand in the page, or None."""
        if self.prefix:
            if key == "id" and element != "g":  # groups' ids repeat, and nothing refers to them
                return self.prefix + value
            if key == "style":
                return self._style(value)
            if key in (_HREF, "href"):
                if element == "image":
                    return value if value.startswith("data:image/png;base64,") else None
                return f"#{self.prefix}{value[1:]}" if value.startswith("#") else None
        if key not in self.attributes:
            return None
        return self._value(value)

    def _style(self, text: str) -> str:
        kept = []
        for declaration in text.split(";"):
            name, _, value = declaration.partition(":")
            if name.strip() in _STYLES and (value_kept := self._value(value.strip())) is not None:
                kept.append(f"{name.strip()}: {value_kept}")
        return "; ".join(kept)

    def _value(self, value: str) -> str | None:
        if self.prefix:
            value = re.sub(r"'DejaVu Sans'[^;]*", "var(--sans)", value)
            if reference := re.fullmatch(r"url\(#([\w-]+)\)", value):
                return f"url(#{self.prefix}{reference[1]})"
        if re.search(r"url|javascript|data:|expression|\\", value, re.I):
            return None
        return self.colours.get(value.lower(), value)
